package dev.torpor.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.testing.KvmTest;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/** What the host can do, and what a vCPU is told of it: capabilities, CPUID, MSRs. */
@KvmTest
class FeatureTest {
  private static final int LSTAR = 0xc000_0082;
  private static final int KERNEL_GS_BASE = 0xc000_0102;
  private static final int NO_SUCH_MSR = 0x1234_5678;

  @AutoClose private final FlatVm flat = new FlatVm(FlatVm.WRITER);

  @Test
  void theCapabilitiesThatTheMonitorNeedsAreThere() {
    for (Cap cap : List.of(Cap.USER_MEMORY, Cap.IRQCHIP, Cap.IRQFD, Cap.IOEVENTFD, Cap.SYNC_MMU)) {
      assertThat(flat.kvm.check(cap)).as(cap.kernelName()).isPositive();
      assertThat(flat.vm.check(cap)).as(cap.kernelName()).isPositive();
    }
    assertThat(flat.kvm.check(Cap.MAX_VCPUS)).isGreaterThan(1);
    assertThat(flat.kvm.runByteSize()).isGreaterThanOrEqualTo(2 * 4096).isLessThan(1 << 20);
  }

  @Test
  void aCapabilityThatCannotBeEnabledIsRefusedByName() {
    assertThatThrownBy(() -> flat.vm.enable(Cap.USER_MEMORY, 1))
        .isInstanceOf(KvmException.class)
        .hasMessage("KVM_ENABLE_CAP failed: EINVAL (KVM_CAP_USER_MEMORY, argument=1)");
  }

  @Test
  void supportedCpuidBeginsWithTheVendorAndRoundTrips() {
    List<CpuidEntry> supported = flat.kvm.supportedCpuid().entries();
    CpuidEntry leaf0 = supported.getFirst();
    assertThat(leaf0.function()).isZero();
    assertThat(leaf0.eax()).as("the largest leaf").isGreaterThanOrEqualTo(7);
    assertThat(leaf0.ebx()).as("the vendor's first letters").isNotZero();
    List<CpuidEntry> set = flat.vcpu.getCpuid().entries();
    assertThat(set).hasSameSizeAs(supported).contains(leaf0);
    flat.vcpu.setCpuid(Cpuid.of(set));
    assertThat(flat.vcpu.getCpuid().entries()).isEqualTo(set);
  }

  @Test
  void aChangedAnswerIsReadBack() {
    CpuidEntry hypervisor =
        new CpuidEntry(0x4000_0000, 0, 0, 0, 0, 0, 0).withAnswers(0x4000_0001, 2, 3, 4);
    CpuidEntry leaf0 = flat.kvm.supportedCpuid().entries().getFirst();
    flat.vcpu.setCpuid(Cpuid.of(List.of(leaf0, hypervisor)));
    assertThat(flat.vcpu.getCpuid().entries()).containsExactly(leaf0, hypervisor);
  }

  @Test
  void emulatedCpuidIsAList() {
    assertThat(flat.kvm.emulatedCpuid().entries()).allMatch(entry -> entry.function() >= 0);
  }

  @Test
  void listedMsrsContainTheOnesThatEveryGuestHas() {
    assertThat(flat.kvm.msrIndices()).contains(LSTAR, KERNEL_GS_BASE).doesNotHaveDuplicates();
  }

  @Test
  void featureMsrsAreReadFromTheHost() {
    int[] indices = flat.kvm.featureMsrIndices();
    Msrs msrs = new Msrs(indices);
    flat.kvm.readFeatureMsrs(msrs);
    assertThat(msrs.count()).isEqualTo(indices.length);
    assertThatThrownBy(() -> flat.kvm.readFeatureMsrs(new Msrs(NO_SUCH_MSR)))
        .isInstanceOf(KvmException.class)
        .hasMessageContaining("MSR 0x12345678 is refused; 0 of 1 done");
  }

  @Test
  void msrsRoundTrip() {
    Msrs wanted = new Msrs(LSTAR, KERNEL_GS_BASE);
    wanted.setValue(0, 0x7fff_1234_5678L);
    wanted.setValue(1, 0x1111_2222_3333L);
    flat.vcpu.setMsrs(wanted);
    Msrs found = new Msrs(KERNEL_GS_BASE, LSTAR);
    flat.vcpu.getMsrs(found);
    assertThat(found.index(0)).isEqualTo(KERNEL_GS_BASE);
    assertThat(found.value(0)).isEqualTo(0x1111_2222_3333L);
    assertThat(found.value(1)).isEqualTo(0x7fff_1234_5678L);
  }

  @Test
  void aRefusedMsrIsNamedAndThoseBeforeItAreSet() {
    Msrs msrs = new Msrs(LSTAR, NO_SUCH_MSR, KERNEL_GS_BASE);
    msrs.setValue(0, 0x7000);
    assertThatThrownBy(() -> flat.vcpu.setMsrs(msrs))
        .isInstanceOf(KvmException.class)
        .hasMessage("KVM_SET_MSRS failed: EIO (MSR 0x12345678 is refused; 1 of 3 done)");
    assertThatThrownBy(() -> flat.vcpu.getMsrs(msrs))
        .isInstanceOf(KvmException.class)
        .hasMessage("KVM_GET_MSRS failed: EIO (MSR 0x12345678 is refused; 1 of 3 done)");
    Msrs set = new Msrs(LSTAR);
    flat.vcpu.getMsrs(set);
    assertThat(set.value(0)).isEqualTo(0x7000);
  }

  @Test
  void aPositionOutsideTheListIsRefused() {
    assertThatThrownBy(() -> new Msrs(LSTAR).value(1))
        .isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void mostListedMsrsCanBeRead() {
    long readable = Arrays.stream(flat.kvm.msrIndices()).filter(this::isReadable).count();
    assertThat(readable).isGreaterThan(10);
  }

  private boolean isReadable(int index) {
    try {
      flat.vcpu.getMsrs(new Msrs(index));
      return true;
    } catch (KvmException e) {
      assertThat(e).hasMessageContaining("MSR 0x%x is refused".formatted(index));
      return false;
    }
  }
}
