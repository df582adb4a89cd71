package dev.torpor.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.testing.KvmTest;
import dev.torpor.testing.ProcessResources;
import org.junit.jupiter.api.Test;

/** What was created is gone when it is closed; what cannot be created leaves nothing behind. */
@KvmTest
class LifecycleTest {
  private static final int CYCLES = 1000;

  @Test
  void aThousandMachinesLeaveNoDescriptorMappingOrThreadBehind() {
    for (int i = 0; i < 3; i++) {
      createAndClose();
    }
    ProcessResources before = ProcessResources.count("");
    for (int i = 0; i < CYCLES; i++) {
      createAndClose();
    }
    ProcessResources after = ProcessResources.count("");
    assertThat(ProcessResources.count("kvm").mappings()).isZero();
    // The JVM's own change a little; a leak would be a thousand.
    assertThat(after.fileDescriptors()).isLessThan(before.fileDescriptors() + 20);
    assertThat(after.threads()).isLessThan(before.threads() + 20);
    assertThat(after.mappings()).isLessThan(before.mappings() + 100);
  }

  private static void createAndClose() {
    try (FlatVm flat = new FlatVm(FlatVm.WRITER)) {
      assertThat(flat.vcpu.descriptor().number()).isPositive();
    }
  }

  @Test
  void vcpusThatCannotBeCreatedLeaveNoDescriptorBehind() {
    try (FlatVm flat = new FlatVm(FlatVm.WRITER)) {
      long before = ProcessResources.count("").fileDescriptors();
      for (int i = 0; i < CYCLES; i++) {
        assertThatThrownBy(() -> flat.vm.createVcpu(0).close())
            .isInstanceOf(KvmException.class)
            .hasMessage("KVM_CREATE_VCPU failed: EEXIST (argument=0)");
      }
      assertThat(ProcessResources.count("").fileDescriptors()).isLessThan(before + 20);
    }
  }

  @Test
  void memslotsThatOverlapOrAreNotAlignedAreRefusedWithTheirOperands() {
    try (FlatVm flat = new FlatVm(FlatVm.WRITER)) {
      long hva = flat.ram.address();
      assertThatThrownBy(() -> flat.vm.setMemorySlot(new MemorySlot(1, 0, 4096, 4096, hva)))
          .isInstanceOf(KvmException.class)
          .hasMessage(
              "KVM_SET_USER_MEMORY_REGION failed: EEXIST (slot=1, flags=0, gpa=0x1000, "
                  + "byteSize=4096, hva=0x"
                  + Long.toHexString(hva)
                  + ")");
      assertThatThrownBy(() -> flat.vm.setMemorySlot(new MemorySlot(1, 0, 1L << 30, 4095, hva)))
          .isInstanceOf(KvmException.class)
          .hasMessageContaining("EINVAL");
    }
  }

  @Test
  void aDeletedMemslotCanBeUsedAgain() {
    try (FlatVm flat = new FlatVm(FlatVm.WRITER)) {
      long free = 1L << 30;
      for (int i = 0; i < 3; i++) {
        flat.vm.setMemorySlot(new MemorySlot(1, 0, free, 4096, flat.ram.address()));
        flat.vm.setMemorySlot(new MemorySlot(1, 0, free, 0, flat.ram.address()));
      }
      assertThat(flat.runToDoorbell()).isEqualTo(1);
    }
  }

  @Test
  void settingsForIntelComeBeforeTheFirstVcpu() {
    try (Kvm kvm = Kvm.open();
        VmFd vm = kvm.createVm()) {
      vm.setTssAddress(0xfffb_d000L);
      vm.setIdentityMapAddress(0xfffb_c000L);
      vm.setBootCpuId(0);
      try (VcpuFd vcpu = vm.createVcpu(0)) {
        assertThat(vcpu.descriptor().number()).isPositive();
        assertThatThrownBy(() -> vm.setBootCpuId(0))
            .isInstanceOf(KvmException.class)
            .hasMessageContaining("EBUSY");
        assertThatThrownBy(() -> vm.setIdentityMapAddress(0xfffb_c000L))
            .isInstanceOf(KvmException.class)
            .hasMessageContaining("EINVAL");
      }
    }
  }
}
