package dev.torpor.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.linux.EventFd;
import dev.torpor.testing.KvmTest;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/** A guest's write of a chosen value signals an eventfd, and the guest goes on. */
@KvmTest
class IoEventFdTest {
  @AutoClose private final FlatVm flat = new FlatVm(FlatVm.WRITER);
  @AutoClose private final EventFd event = EventFd.create();

  @Test
  void theChosenValueSignalsWithoutAnExitAndOthersLeave() {
    flat.vm.assignIoEventFd(event, FlatVm.DOORBELL, false, 8, 2);
    assertThat(flat.runToDoorbell()).isEqualTo(1);
    assertThat(event.take()).isZero();
    assertThat(flat.runToDoorbell()).as("2 did not leave").isEqualTo(3);
    assertThat(event.take()).isEqualTo(1);
  }

  @Test
  void aDeassignedEventfdIsNotSignalled() {
    flat.vm.assignIoEventFd(event, FlatVm.DOORBELL, false, 8, 2);
    flat.vm.deassignIoEventFd(event, FlatVm.DOORBELL, false, 8, 2);
    assertThat(flat.runToDoorbell()).isEqualTo(1);
    assertThat(flat.runToDoorbell()).isEqualTo(2);
    assertThat(event.take()).isZero();
  }

  @Test
  void aWriteToAPortSignalsToo() {
    // out dx, al; then ring
    try (FlatVm ports = new FlatVm("ee" + FlatVm.WRITER)) {
      ports.vm.assignIoEventFd(event, 0xf3f8, true, 1, 0x42);
      Regs regs = new Regs();
      ports.vcpu.getRegs(regs);
      regs.set(Register.RFLAGS, 0x3002).set(Register.RDX, 0xf3f8);
      ports.vcpu.setRegs(regs.set(Register.RAX, FlatVm.DOORBELL | 0x42));
      assertThat(ports.vcpu.run()).isTrue();
      assertThat(ports.vcpu.shared().exitReason()).isEqualTo(ExitReason.MMIO);
      assertThat(event.take()).isEqualTo(1);
    }
  }

  @Test
  void anAddressAndValueThatAreTakenOrNotAssignedAreRefused() {
    flat.vm.assignIoEventFd(event, FlatVm.DOORBELL, false, 8, 2);
    assertThatThrownBy(() -> flat.vm.assignIoEventFd(event, FlatVm.DOORBELL, false, 8, 2))
        .isInstanceOf(KvmException.class)
        .hasMessage(
            "KVM_IOEVENTFD failed: EEXIST (%s, address=0xd0000000, byteCount=8, value=2, flags=1)"
                .formatted(event.descriptor()));
    assertThatThrownBy(() -> flat.vm.deassignIoEventFd(event, FlatVm.DOORBELL, false, 8, 3))
        .isInstanceOf(KvmException.class)
        .hasMessageStartingWith("KVM_IOEVENTFD failed: ENOENT");
  }
}
