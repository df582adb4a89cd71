package dev.torpor.vmm.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.kvm.Cap;
import dev.torpor.kvm.Cpuid;
import dev.torpor.kvm.CpuidEntry;
import dev.torpor.kvm.Kvm;
import dev.torpor.kvm.VcpuFd;
import dev.torpor.kvm.VmFd;
import dev.torpor.testing.KvmTest;
import dev.torpor.vmm.checkpoint.VcpuRestore.XsaveOrder;
import dev.torpor.vmm.device.StateBytes;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** One vCPU's state, read and given to another one. */
@KvmTest
class VcpuRestoreTest {
  private static final int XSAVE_HEADER = 512;
  private static final int XMM = 160;

  @AutoClose private final Kvm kvm = Kvm.open();
  private final List<CpuidEntry> cpuid = kvm.supportedCpuid().entries();

  /** A state that differs from a fresh vCPU's where that matters. */
  private VcpuState captured(VcpuProfile profile, boolean chips) {
    try (VmFd vm = newVm(chips);
        VcpuFd vcpu = newVcpu(vm)) {
      VcpuBuffers buffers = new VcpuBuffers(profile, true);
      buffers.capture(vcpu, () -> {});
      return buffers.toState(cpuid, vcpu.tscKhz());
    }
  }

  private VmFd newVm(boolean chips) {
    VmFd vm = kvm.createVm();
    if (chips) {
      vm.createIrqChip();
    }
    return vm;
  }

  private VcpuFd newVcpu(VmFd vm) {
    VcpuFd vcpu = vm.createVcpu(0);
    vcpu.setCpuid(Cpuid.of(cpuid));
    return vcpu;
  }

  /** All components that the state has in use, and XMM registers that say who they are. */
  private static VcpuState withXmm(VcpuState s) {
    ByteBuffer xsave = ByteBuffer.wrap(s.xsave().toArray()).order(ByteOrder.LITTLE_ENDIAN);
    xsave.putLong(XSAVE_HEADER, xsave.getLong(XSAVE_HEADER) | 3);
    for (int i = 0; i < 256; i++) {
      xsave.put(XMM + i, (byte) (i + 1));
    }
    byte[] bytes = new byte[xsave.capacity()];
    xsave.get(0, bytes);
    return with(s, StateBytes.of(bytes), s.regs());
  }

  private static VcpuState with(VcpuState s, StateBytes xsave, StateBytes regs) {
    return new VcpuState(
        s.cpuid(),
        s.tscKhz(),
        s.tscOffset(),
        s.mpState(),
        regs,
        s.sregs(),
        s.sregsHavePointers(),
        xsave,
        s.xcrs(),
        s.debugRegs(),
        s.msrs(),
        s.lapic(),
        s.nested(),
        s.events());
  }

  private VcpuState restored(VcpuProfile profile, VcpuState state, XsaveOrder order) {
    try (VmFd vm = newVm(profile.hasLapic());
        VcpuFd vcpu = newVcpu(vm)) {
      VcpuRestore restore = new VcpuRestore(List.of(state), profile, order);
      restore.begin(0);
      restore.restore(0, vcpu);
      VcpuBuffers buffers = new VcpuBuffers(profile, true);
      buffers.capture(vcpu, () -> {});
      return buffers.toState(cpuid, state.tscKhz());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theExtendedStateMayComeBeforeOrAfterTheRegisterThatEnablesIt(boolean chips) {
    VcpuProfile profile = VcpuProfile.probe(kvm, cpuid, chips);
    VcpuState state = withXmm(captured(profile, chips));
    VcpuState first = restored(profile, state, XsaveOrder.XCRS_FIRST);
    VcpuState second = restored(profile, state, XsaveOrder.XSAVE_FIRST);
    assertThat(first.xsave()).isEqualTo(state.xsave());
    assertThat(second.xsave()).isEqualTo(state.xsave());
    assertThat(first.xcrs()).isEqualTo(second.xcrs()).isEqualTo(state.xcrs());
    assertThat(first.regs()).isEqualTo(second.regs());
    assertThat(first.sregs()).isEqualTo(second.sregs());
  }

  @ParameterizedTest
  @EnumSource(XsaveOrder.class)
  void aStructureOfAnotherSizeIsRefusedBeforeTheKernelReadsBeyondIt(XsaveOrder order) {
    VcpuProfile profile = VcpuProfile.probe(kvm, cpuid, false);
    VcpuState state = captured(profile, false);
    VcpuState cut = with(state, state.xsave(), StateBytes.of(new byte[100]));
    assertThatThrownBy(() -> restored(profile, cut, order))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("Regs of 100 bytes: this host's KVM has 144");
    VcpuState large = with(state, StateBytes.of(new byte[1 << 16]), state.regs());
    assertThatThrownBy(() -> restored(profile, large, order))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("Xsave of 65536 bytes");
  }

  @Test
  void theCounterIsSetFirstAndTheDeadlineLast() {
    int[] msrs = VcpuProfile.probe(kvm, cpuid, true).msrIndices();
    assertThat(msrs[0]).isEqualTo(MsrCatalog.TSC);
    assertThat(msrs).doesNotHaveDuplicates().doesNotContain(0x11, 0x4b564d00);
    if (kvm.check(Cap.TSC_DEADLINE_TIMER) != 0) {
      assertThat(msrs[msrs.length - 1]).isEqualTo(MsrCatalog.TSC_DEADLINE);
    }
  }

  @Test
  void kvmsOwnListAndTheParavirtualRegistersAreCovered() {
    VcpuProfile profile = VcpuProfile.probe(kvm, cpuid, true);
    assertThat(profile.msrIndices())
        .contains(MsrCatalog.KVM_SYSTEM_TIME, 0x277, 0x2ff, 0x1a0, 0xc0000081, 0xc0000082);
  }
}
