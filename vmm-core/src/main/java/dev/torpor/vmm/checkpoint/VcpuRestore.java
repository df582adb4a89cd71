package dev.torpor.vmm.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.torpor.kvm.DebugRegs;
import dev.torpor.kvm.KvmStruct;
import dev.torpor.kvm.Lapic;
import dev.torpor.kvm.Msrs;
import dev.torpor.kvm.NestedState;
import dev.torpor.kvm.Regs;
import dev.torpor.kvm.Sregs;
import dev.torpor.kvm.Sregs2;
import dev.torpor.kvm.VcpuEvents;
import dev.torpor.kvm.VcpuFd;
import dev.torpor.kvm.Xcrs;
import dev.torpor.kvm.Xsave;
import dev.torpor.vmm.device.StateBytes;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.IntStream;

/**
 * Gives the vCPUs of one machine a state, each on its own thread; their CPUID is set.
 *
 * <p>The order of requests is the kernel's to demand. Special registers first: they say where the
 * local APIC is. XCR0 before the state that it enables, as a processor would have it, though KVM
 * takes either order. The local APIC before the MSRs, of which the timer's deadline counts only in
 * an APIC that is in deadline mode. Nested virtualisation after the control registers and MSRs that
 * it checks against. The run state, and what is pending, last: other requests change them.
 *
 * <p><b>Time stamp counters.</b> Writing IA32_TSC sets the vCPU's offset from the host's counter,
 * and two vCPUs that are written one after the other would differ by what passed in between. KVM
 * therefore takes a write that lies within one second of what the counter of the last vCPU written
 * shows by now as meant to be the same, and gives the vCPU the very offset of that one. This is
 * what makes the counters of a machine equal, if used well:
 *
 * <ul>
 *   <li>The first vCPU's counter must be set, not taken to be the same as before: in a machine that
 *       goes back in place by less than a second, the plain write would be ignored. So it is
 *       written twice, the first time far ahead. One of the writes is more than a second from
 *       whatever was there, and the last one always is: it sets the offset exactly.
 *   <li>The others wait until that is done, and then write the same value once. It lies within a
 *       second of the first one's counter, unless this thread was held up for longer; all get its
 *       offset, and KVM sees all counters matched, which its stable kvmclock needs.
 *   <li>Catching up adds the same number of cycles to the value that all of them write, so nothing
 *       of this changes. Zero would mean something else to KVM and is never written.
 *   <li>A guest that has set its counters apart has offsets that differ. Where KVM tells offsets,
 *       the difference to the first vCPU's is put back on top, exactly.
 * </ul>
 */
final class VcpuRestore {
  /** A second or more away from anything: KVM compares with one second. */
  private static final long FAR_AHEAD_SECONDS = 16;

  /** How the extended state and the register that enables it follow each other. */
  enum XsaveOrder {
    XCRS_FIRST,
    XSAVE_FIRST
  }

  private final List<VcpuState> states;
  private final VcpuProfile profile;
  private final XsaveOrder xsaveOrder;
  private final long tsc;
  private final long tscFarAhead;

  /** Set once the first vCPU's counter is, or never will be. */
  private volatile boolean tscIsSet;

  /** When that was, by {@link System#nanoTime}. */
  private volatile long tscSetAtNanos;

  /** The first vCPU's offset by now, where the state has one. */
  private volatile long firstTscOffset;

  /**
   * Prepares to restore.
   *
   * @param states the vCPUs' states
   * @param profile what such a state consists of on this host
   * @param elapsedNanos by how much their counters advance
   * @param xsaveOrder the order, for comparison
   */
  VcpuRestore(
      List<VcpuState> states, VcpuProfile profile, long elapsedNanos, XsaveOrder xsaveOrder) {
    this.states = states;
    this.profile = profile;
    this.xsaveOrder = xsaveOrder;
    VcpuState first = states.getFirst();
    long saved = valueOf(first.msrs(), MsrCatalog.TSC);
    long hertz = 1000L * first.tscKhz();
    long advanced = saved + GuestTime.cycles(elapsedNanos, first.tscKhz());
    this.tsc = advanced == 0 ? 1 : advanced;
    this.tscFarAhead = tsc + FAR_AHEAD_SECONDS * hertz;
  }

  private static long valueOf(List<MsrValue> msrs, int index) {
    return msrs.stream().filter(msr -> msr.index() == index).findFirst().orElseThrow().value();
  }

  /** Restores one vCPU. The calls for several may run at once; the first must not come last. */
  void restore(int vcpuId, VcpuFd vcpu) {
    VcpuState state = states.get(vcpuId);
    try {
      setRegisters(vcpu, state);
      if (vcpuId != 0) {
        awaitFirstTsc();
      }
      if (vcpuId == 0) {
        tscSetAtNanos = System.nanoTime();
      }
      vcpu.setMsrs(msrs(state, vcpuId == 0));
      keepTscDifference(vcpuId, vcpu, state);
    } finally {
      if (vcpuId == 0) {
        tscIsSet = true;
      }
    }
    setRest(vcpu, state);
  }

  /**
   * For how long the counters have run since they were set, by the first vCPU's own counter. Zero
   * where that has come further than time has: some KVM runs guests on the host's own counter,
   * which nobody can set.
   */
  long nanosSinceTscWasSet(VcpuFd first) {
    Msrs counter = new Msrs(MsrCatalog.TSC);
    first.getMsrs(counter);
    long cycles = counter.value(0) - tsc;
    long atMost = System.nanoTime() - tscSetAtNanos;
    long kilohertz = states.getFirst().tscKhz();
    boolean plausible = cycles >= 0 && cycles / kilohertz <= atMost / GuestTime.NANOS_PER_MILLI + 1;
    return plausible ? GuestTime.nanos(cycles, kilohertz) : 0;
  }

  private void setRegisters(VcpuFd vcpu, VcpuState state) {
    if (state.sregsHavePointers()) {
      vcpu.setSregs2(filled(new Sregs2(), state.sregs()));
    } else {
      vcpu.setSregs(filled(new Sregs(), state.sregs()));
    }
    setExtendedState(vcpu, state);
    vcpu.setRegs(filled(new Regs(), state.regs()));
    if (state.lapic().byteCount() != 0) {
      forgetDeadline(vcpu, state);
      vcpu.setLapic(filled(new Lapic(), state.lapic()));
    }
  }

  private void setExtendedState(VcpuFd vcpu, VcpuState state) {
    if (xsaveOrder == XsaveOrder.XCRS_FIRST) {
      setXcrs(vcpu, state);
    }
    vcpu.setXsave(xsave(state.xsave()));
    if (xsaveOrder == XsaveOrder.XSAVE_FIRST) {
      setXcrs(vcpu, state);
    }
  }

  /** KVM reads as much as it would write itself, whatever the host of the capture had. */
  private Xsave xsave(StateBytes bytes) {
    Xsave xsave = new Xsave(profile.xsaveByteSize());
    if (bytes.byteCount() > xsave.byteSize()) {
      StructBytes.requireSize("Xsave", bytes, xsave.byteSize());
    }
    StructBytes.fill(xsave, bytes);
    return xsave;
  }

  private static void setXcrs(VcpuFd vcpu, VcpuState state) {
    if (state.xcrs().byteCount() != 0) {
      vcpu.setXcrs(filled(new Xcrs(), state.xcrs()));
    }
  }

  /** In place, the APIC would be rearmed with the deadline of the time that is given up. */
  private static void forgetDeadline(VcpuFd vcpu, VcpuState state) {
    if (state.msrs().stream().anyMatch(msr -> msr.index() == MsrCatalog.TSC_DEADLINE)) {
      vcpu.setMsrs(new Msrs(MsrCatalog.TSC_DEADLINE));
    }
  }

  /**
   * The counter twice, then the others, which begin with it, in their order; without those that
   * hold zero and are unknown here.
   */
  private Msrs msrs(VcpuState state, boolean isFirst) {
    List<MsrValue> values =
        state.msrs().stream()
            .filter(msr -> msr.value() != 0 || profile.knows(msr.index()))
            .toList();
    Msrs msrs =
        new Msrs(
            IntStream.concat(
                    IntStream.of(MsrCatalog.TSC), values.stream().mapToInt(MsrValue::index))
                .toArray());
    msrs.setValue(0, isFirst ? tscFarAhead : tsc);
    for (int i = 0; i < values.size(); i++) {
      MsrValue msr = values.get(i);
      msrs.setValue(i + 1, msr.index() == MsrCatalog.TSC ? tsc : msr.value());
    }
    return msrs;
  }

  @SuppressWarnings("ThreadPriorityCheck") // the first vCPU's thread may need this processor
  private void awaitFirstTsc() {
    while (!tscIsSet) {
      Thread.yield();
    }
  }

  private void keepTscDifference(int vcpuId, VcpuFd vcpu, VcpuState state) {
    OptionalLong first = states.getFirst().tscOffset();
    if (states.size() == 1 || first.isEmpty() || state.tscOffset().isEmpty()) {
      return;
    }
    if (vcpuId == 0) {
      firstTscOffset = vcpu.getAttribute(VcpuFd.ATTRIBUTES_TSC, VcpuFd.ATTRIBUTE_TSC_OFFSET);
      return;
    }
    long difference = state.tscOffset().getAsLong() - first.getAsLong();
    if (difference != 0) {
      vcpu.setAttribute(
          VcpuFd.ATTRIBUTES_TSC, VcpuFd.ATTRIBUTE_TSC_OFFSET, firstTscOffset + difference);
    }
  }

  private static void setRest(VcpuFd vcpu, VcpuState state) {
    vcpu.setDebugRegs(filled(new DebugRegs(), state.debugRegs()));
    if (state.nested().byteCount() != 0) {
      vcpu.setNestedState(nested(state.nested()));
    }
    if (state.lapic().byteCount() != 0) {
      vcpu.setMpState(state.mpState());
    }
    if (usesKvmclock(state)) {
      // Its watchdogs are to know that it stood still.
      vcpu.notifyPaused();
    }
    vcpu.setEvents(filled(new VcpuEvents(), state.events()));
  }

  /** KVM reads as much as the structure itself says. */
  private static NestedState nested(StateBytes bytes) {
    NestedState nested = filled(new NestedState(bytes.byteCount()), bytes);
    StructBytes.requireSize(
        "NestedState", bytes, nested.segment().get(JAVA_INT, VcpuBuffers.NESTED_SIZE_OFFSET));
    return nested;
  }

  private static boolean usesKvmclock(VcpuState state) {
    return state.msrs().stream()
        .anyMatch(
            msr ->
                (msr.index() == MsrCatalog.KVM_SYSTEM_TIME
                        || msr.index() == MsrCatalog.KVM_SYSTEM_TIME_OLD)
                    && (msr.value() & 1) != 0);
  }

  private static <S extends KvmStruct> S filled(S struct, StateBytes bytes) {
    StructBytes.requireSize(struct.getClass().getSimpleName(), bytes, struct.byteSize());
    StructBytes.fill(struct, bytes);
    return struct;
  }
}
