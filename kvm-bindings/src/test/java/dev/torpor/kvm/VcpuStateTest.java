package dev.torpor.kvm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.kvm.SpecialRegisters.Control;
import dev.torpor.kvm.abi.EventStructs;
import dev.torpor.kvm.abi.RegisterStructs;
import dev.torpor.linux.Errno;
import dev.torpor.linux.abi.Abi;
import dev.torpor.testing.KvmTest;
import java.util.function.Consumer;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/** What is set in a vCPU is what is read back. */
@KvmTest
class VcpuStateTest {
  @AutoClose private final FlatVm flat = FlatVm.withIrqChip(FlatVm.WRITER);
  private final VcpuFd vcpu = flat.vcpu;

  /** Sets a structure, and reads it back into another that starts empty. */
  private static <S extends KvmStruct> void roundTrip(
      S wanted, S found, Consumer<S> set, Consumer<S> get) {
    set.accept(wanted);
    get.accept(found);
    assertThat(found.segment().toArray(JAVA_BYTE)).isEqualTo(wanted.segment().toArray(JAVA_BYTE));
  }

  @Test
  void generalRegistersRoundTrip() {
    Regs regs = new Regs();
    long value = 0;
    for (Register register : Register.values()) {
      value += 0x1111_0000_0000L;
      regs.set(register, value);
    }
    regs.set(Register.RFLAGS, 0x3202);
    roundTrip(regs, new Regs(), vcpu::setRegs, vcpu::getRegs);
    assertThat(flat.get(Register.R15)).isEqualTo(0x1111_0000_0000L * 16);
  }

  @Test
  void specialRegistersRoundTrip() {
    Sregs sregs = new Sregs();
    vcpu.getSregs(sregs);
    change(sregs);
    roundTrip(sregs, new Sregs(), vcpu::setSregs, vcpu::getSregs);
    assertThat(sregs.get(Control.CR2)).isEqualTo(0x7777_0000L);
  }

  @Test
  void specialRegistersWithPageDirectoryPointersRoundTrip() {
    Sregs2 sregs = new Sregs2();
    vcpu.getSregs2(sregs);
    change(sregs);
    roundTrip(sregs, new Sregs2(), vcpu::setSregs2, vcpu::getSregs2);
  }

  private static void change(SpecialRegisters sregs) {
    // Counted in pages, and large enough to be: AMD processors keep the limit alone.
    Segment fs =
        new Segment(0x1234_5000L, -1, 0x43, 3, true, 3, true, true, false, true, true, false);
    sregs.set(SegmentRegister.FS, fs);
    assertThat(sregs.get(SegmentRegister.FS)).isEqualTo(fs);
    sregs.set(Control.CR2, 0x7777_0000L);
    sregs.setGdt(0x5000, 0x7f);
    sregs.setIdt(0x6000, 0xfff);
  }

  @Test
  void impossibleSpecialRegistersAreRefused() {
    Sregs sregs = new Sregs();
    vcpu.getSregs(sregs);
    sregs.set(Control.CR4, 1L << 40);
    assertThatThrownBy(() -> vcpu.setSregs(sregs))
        .isInstanceOf(KvmException.class)
        .hasMessageStartingWith("KVM_SET_SREGS failed: EINVAL");
  }

  @Test
  void floatingPointRegistersRoundTrip() {
    long xmm = Abi.offset(RegisterStructs.KVM_FPU, "xmm");
    Fpu fpu = new Fpu();
    vcpu.getFpu(fpu);
    fpu.segment().set(JAVA_SHORT, Abi.offset(RegisterStructs.KVM_FPU, "fcw"), (short) 0x27f);
    fpu.segment().asSlice(xmm, 256).fill((byte) 0x5a);
    roundTrip(fpu, new Fpu(), vcpu::setFpu, vcpu::getFpu);
  }

  @Test
  void extendedStateRoundTrips() {
    int byteSize = flat.vm.check(Cap.XSAVE2);
    assertThat(byteSize).isGreaterThanOrEqualTo(4096);
    long xmm = 160;
    long header = 512;
    Xsave xsave = new Xsave(byteSize);
    vcpu.getXsave2(xsave);
    long x87AndSse = 3;
    xsave.segment().set(JAVA_LONG, header, xsave.segment().get(JAVA_LONG, header) | x87AndSse);
    xsave.segment().asSlice(xmm, 256).fill((byte) 0xa5);
    roundTrip(xsave, new Xsave(byteSize), vcpu::setXsave, vcpu::getXsave2);
    Xsave legacy = new Xsave(0);
    vcpu.getXsave(legacy);
    assertThat(legacy.segment().asSlice(xmm, 256).toArray(JAVA_BYTE)).containsOnly(0xa5);
  }

  @Test
  void extendedControlRegistersRoundTrip() {
    Xcrs xcrs = new Xcrs();
    vcpu.getXcrs(xcrs);
    assertThat(xcrs.xcr0() & 1).as("the x87 bit is always set").isEqualTo(1);
    long value =
        Abi.offset(RegisterStructs.KVM_XCRS, "xcrs") + Abi.offset(RegisterStructs.KVM_XCR, "value");
    xcrs.segment().set(JAVA_LONG, value, 3);
    roundTrip(xcrs, new Xcrs(), vcpu::setXcrs, vcpu::getXcrs);
    assertThat(xcrs.xcr0()).isEqualTo(3);
    xcrs.segment().set(JAVA_LONG, value, 2);
    assertThatThrownBy(() -> vcpu.setXcrs(xcrs))
        .isInstanceOf(KvmException.class)
        .hasMessageStartingWith("KVM_SET_XCRS failed: EINVAL");
  }

  @Test
  void debugRegistersRoundTrip() {
    DebugRegs debugRegs = new DebugRegs();
    vcpu.getDebugRegs(debugRegs);
    debugRegs.segment().set(JAVA_LONG, 0, 0x1000);
    debugRegs.segment().set(JAVA_LONG, 24, 0x2000);
    debugRegs.segment().set(JAVA_LONG, Abi.offset(RegisterStructs.KVM_DEBUGREGS, "dr7"), 0x400);
    roundTrip(debugRegs, new DebugRegs(), vcpu::setDebugRegs, vcpu::getDebugRegs);
  }

  @Test
  void pendingEventsRoundTrip() {
    long masked = Abi.offset(EventStructs.KVM_VCPU_EVENTS, "nmi", "masked");
    VcpuEvents events = new VcpuEvents();
    vcpu.getEvents(events);
    events.segment().set(JAVA_BYTE, masked, (byte) 1);
    roundTrip(events, new VcpuEvents(), vcpu::setEvents, vcpu::getEvents);
  }

  @Test
  void anInjectedNmiIsPending() {
    long pending = Abi.offset(EventStructs.KVM_VCPU_EVENTS, "nmi", "pending");
    vcpu.injectNmi();
    VcpuEvents events = new VcpuEvents();
    vcpu.getEvents(events);
    assertThat(events.segment().get(JAVA_BYTE, pending)).isEqualTo((byte) 1);
  }

  @Test
  void anInjectedVectorIsForMachinesWithoutControllersInTheKernel() {
    assertThatThrownBy(() -> vcpu.injectInterrupt(32))
        .isInstanceOf(KvmException.class)
        .hasMessage("KVM_INTERRUPT failed: ENXIO (vector=32)");
    try (FlatVm bare = new FlatVm(FlatVm.WRITER)) {
      bare.vcpu.injectInterrupt(32);
      VcpuEvents events = new VcpuEvents();
      bare.vcpu.getEvents(events);
      long vector = Abi.offset(EventStructs.KVM_VCPU_EVENTS, "interrupt", "nr");
      assertThat(events.segment().get(JAVA_BYTE, vector)).isEqualTo((byte) 32);
      assertThatThrownBy(() -> bare.vcpu.injectInterrupt(256))
          .isInstanceOf(KvmException.class)
          .hasMessage("KVM_INTERRUPT failed: EINVAL (vector=256)");
    }
  }

  @Test
  void localApicRoundTrips() {
    Lapic lapic = new Lapic();
    vcpu.getLapic(lapic);
    int external = 0x700;
    int nmi = 0x400;
    lapic.set(Lapic.LVT_LINT0, external);
    lapic.set(Lapic.LVT_LINT1, nmi);
    roundTrip(lapic, new Lapic(), vcpu::setLapic, vcpu::getLapic);
    assertThat(lapic.get(Lapic.LVT_LINT0)).isEqualTo(external);
  }

  @Test
  void runStateRoundTripsAndNeedsControllersToWait() {
    for (MpState state : new MpState[] {MpState.HALTED, MpState.RUNNABLE}) {
      vcpu.setMpState(state);
      assertThat(vcpu.getMpState()).isEqualTo(state);
    }
    try (FlatVm bare = new FlatVm(FlatVm.WRITER)) {
      assertThat(bare.vcpu.getMpState()).isEqualTo(MpState.RUNNABLE);
      assertThatThrownBy(() -> bare.vcpu.setMpState(MpState.INIT_RECEIVED))
          .isInstanceOf(KvmException.class)
          .hasMessage("KVM_SET_MP_STATE failed: EINVAL (INIT_RECEIVED)");
    }
  }

  @Test
  void nestedStateRoundTripsOrIsRefusedWhereThereIsNone() {
    int byteSize = flat.vm.check(Cap.NESTED_STATE);
    NestedState nested = new NestedState(byteSize);
    if (byteSize == 0) {
      assertThatThrownBy(() -> vcpu.getNestedState(nested))
          .isInstanceOf(KvmException.class)
          .hasMessageStartingWith("KVM_GET_NESTED_STATE failed: EINVAL");
      return;
    }
    vcpu.getNestedState(nested);
    assertThat(nested.segment().get(JAVA_INT, 4)).as("size in use").isBetween(128, byteSize);
    vcpu.setNestedState(nested);
    NestedState again = new NestedState(byteSize);
    vcpu.getNestedState(again);
    assertThat(again.segment().mismatch(nested.segment())).isEqualTo(-1);
  }

  @Test
  void aGuestThatDoesNotUseItsClockCannotBeToldOfAPause() {
    assertThatThrownBy(vcpu::notifyPaused)
        .isInstanceOf(KvmException.class)
        .extracting(e -> ((KvmException) e).errno())
        .isEqualTo(Errno.EINVAL);
  }
}
