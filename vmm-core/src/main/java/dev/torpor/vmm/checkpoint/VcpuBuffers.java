package dev.torpor.vmm.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.torpor.kvm.CpuidEntry;
import dev.torpor.kvm.DebugRegs;
import dev.torpor.kvm.Lapic;
import dev.torpor.kvm.MpState;
import dev.torpor.kvm.Msrs;
import dev.torpor.kvm.NestedState;
import dev.torpor.kvm.Regs;
import dev.torpor.kvm.SpecialRegisters;
import dev.torpor.kvm.Sregs;
import dev.torpor.kvm.Sregs2;
import dev.torpor.kvm.VcpuEvents;
import dev.torpor.kvm.VcpuFd;
import dev.torpor.kvm.Xcrs;
import dev.torpor.kvm.Xsave;
import dev.torpor.vmm.device.StateBytes;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * The kernel's structures of one vCPU, made once: a capture, which happens while the guest waits,
 * only makes requests. Belongs to the vCPU's thread while that works on it.
 */
final class VcpuBuffers {
  /** Where the kernel says how much of the nested state is in use. */
  static final long NESTED_SIZE_OFFSET = 4;

  private final VcpuProfile profile;
  private final boolean readsTscOffset;
  private final Regs regs = new Regs();
  private final SpecialRegisters sregs;
  private final Xsave xsave;
  private final Xcrs xcrs = new Xcrs();
  private final DebugRegs debugRegs = new DebugRegs();
  private final Msrs msrs;
  private final Lapic lapic;
  private final NestedState nested;
  private final VcpuEvents events = new VcpuEvents();
  private MpState mpState = MpState.RUNNABLE;
  private long tscOffset;

  /**
   * Makes the structures.
   *
   * @param profile what the state consists of
   * @param tscOffsets whether the counter's offset is read too: it tells by how much a vCPU differs
   *     from the others
   */
  VcpuBuffers(VcpuProfile profile, boolean tscOffsets) {
    this.profile = profile;
    this.readsTscOffset = tscOffsets && profile.tellsTscOffset();
    this.sregs = profile.sregsWithPointers() ? new Sregs2() : new Sregs();
    this.xsave = new Xsave(profile.xsaveByteSize());
    this.msrs = new Msrs(profile.msrIndices());
    this.lapic = profile.hasLapic() ? new Lapic() : null;
    this.nested = profile.nestedByteSize() == 0 ? null : new NestedState(profile.nestedByteSize());
  }

  /**
   * Reads the vCPU's state. All vCPUs and devices stand still: an interrupt between two of them
   * that comes later is lost.
   *
   * <p>The order matters. The run state first, because asking for it makes KVM act on an INIT or a
   * start-up interrupt that waits, which changes everything else. The MSRs before the local APIC:
   * any request may be what makes KVM notice that the timer's deadline has passed, and move it from
   * the deadline's MSR, zero from then on, to the APIC as an interrupt. Read in this order, it is
   * in one of the two, or in both: a timer interrupt too many costs the guest a glance, one too few
   * may leave it asleep for ever. What is pending last, because other requests add to it.
   *
   * @param beforeMsrs runs right before the MSRs are read, of which the time stamp counter is the
   *     first: what else tells the time is to be read there
   */
  void capture(VcpuFd vcpu, Runnable beforeMsrs) {
    if (lapic != null) {
      mpState = vcpu.getMpState();
    }
    vcpu.getRegs(regs);
    getSregs(vcpu);
    if (profile.xsaveIsLegacy()) {
      vcpu.getXsave(xsave);
    } else {
      vcpu.getXsave2(xsave);
    }
    if (profile.hasXcrs()) {
      vcpu.getXcrs(xcrs);
    }
    vcpu.getDebugRegs(debugRegs);
    beforeMsrs.run();
    vcpu.getMsrs(msrs);
    if (readsTscOffset) {
      tscOffset = vcpu.getAttribute(VcpuFd.ATTRIBUTES_TSC, VcpuFd.ATTRIBUTE_TSC_OFFSET);
    }
    if (lapic != null) {
      vcpu.getLapic(lapic);
    }
    if (nested != null) {
      nested.segment().set(JAVA_INT, NESTED_SIZE_OFFSET, (int) nested.byteSize());
      vcpu.getNestedState(nested);
    }
    vcpu.getEvents(events);
  }

  private void getSregs(VcpuFd vcpu) {
    switch (sregs) {
      case Sregs2 s -> vcpu.getSregs2(s);
      case Sregs s -> vcpu.getSregs(s);
    }
  }

  /** What the last capture read, as a state of its own. */
  VcpuState toState(List<CpuidEntry> cpuid, int tscKhz) {
    return new VcpuState(
        cpuid,
        tscKhz,
        readsTscOffset ? OptionalLong.of(tscOffset) : OptionalLong.empty(),
        mpState,
        StructBytes.of(regs),
        StructBytes.of(sregs),
        profile.sregsWithPointers(),
        StructBytes.of(xsave),
        profile.hasXcrs() ? StructBytes.of(xcrs) : StateBytes.EMPTY,
        StructBytes.of(debugRegs),
        msrValues(),
        lapic == null ? StateBytes.EMPTY : StructBytes.of(lapic),
        nested == null ? StateBytes.EMPTY : nestedInUse(),
        StructBytes.of(events));
  }

  private StateBytes nestedInUse() {
    int inUse = nested.segment().get(JAVA_INT, NESTED_SIZE_OFFSET);
    return StructBytes.of(nested.segment().asSlice(0, inUse));
  }

  private List<MsrValue> msrValues() {
    List<MsrValue> values = new ArrayList<>(msrs.count());
    for (int i = 0; i < msrs.count(); i++) {
      values.add(new MsrValue(msrs.index(i), msrs.value(i)));
    }
    return values;
  }
}
