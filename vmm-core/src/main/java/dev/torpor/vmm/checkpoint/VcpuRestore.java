package dev.torpor.vmm.checkpoint;

import dev.torpor.kvm.Msrs;
import dev.torpor.kvm.VcpuFd;
import java.util.List;
import java.util.OptionalLong;

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
  private final List<VcpuStructs> structs;
  private final XsaveOrder xsaveOrder;
  private final long savedTsc;
  private volatile long tsc;
  private volatile long tscFarAhead;

  /** Set once the first vCPU's counter is, or never will be. */
  private volatile boolean tscIsSet;

  /** When that was, by {@link System#nanoTime}. */
  private volatile long tscSetAtNanos;

  /** The first vCPU's offset by now, where the state has one. */
  private volatile long firstTscOffset;

  /**
   * Prepares to restore, any number of times.
   *
   * @param states the vCPUs' states
   * @param profile what such a state consists of on this host
   * @param xsaveOrder the order, for comparison
   */
  VcpuRestore(List<VcpuState> states, VcpuProfile profile, XsaveOrder xsaveOrder) {
    this.states = states;
    this.structs = states.stream().map(state -> new VcpuStructs(state, profile)).toList();
    this.xsaveOrder = xsaveOrder;
    this.savedTsc = valueOf(states.getFirst().msrs(), MsrCatalog.TSC);
  }

  /**
   * Begins to restore once more. Before the vCPUs are restored, each once.
   *
   * @param elapsedNanos by how much their counters advance
   */
  void begin(long elapsedNanos) {
    int kilohertz = states.getFirst().tscKhz();
    long advanced = savedTsc + GuestTime.cycles(elapsedNanos, kilohertz);
    tsc = advanced == 0 ? 1 : advanced;
    tscFarAhead = tsc + FAR_AHEAD_SECONDS * 1000L * kilohertz;
    tscIsSet = false;
  }

  /** Whether KVM may look at the guest's memory, or write to it, while a vCPU is restored. */
  boolean touchesMemory() {
    return structs.stream().anyMatch(VcpuStructs::touchesMemory);
  }

  private static long valueOf(List<MsrValue> msrs, int index) {
    return msrs.stream().filter(msr -> msr.index() == index).findFirst().orElseThrow().value();
  }

  /** Restores one vCPU. The calls for several may run at once; the first must not come last. */
  void restore(int vcpuId, VcpuFd vcpu) {
    VcpuStructs state = structs.get(vcpuId);
    try {
      setRegisters(vcpu, state);
      if (vcpuId != 0) {
        awaitFirstTsc();
      }
      if (vcpuId == 0) {
        tscSetAtNanos = System.nanoTime();
      }
      vcpu.setMsrs(state.msrsAt(vcpuId == 0 ? tscFarAhead : tsc, tsc));
      keepTscDifference(vcpuId, vcpu, states.get(vcpuId));
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
   * which nobody can set. Zero too for a guest that does not use kvmclock: it compares nothing.
   */
  long nanosSinceTscWasSet(VcpuFd first) {
    if (structs.stream().noneMatch(vcpu -> vcpu.usesKvmclock)) {
      return 0;
    }
    Msrs counter = new Msrs(MsrCatalog.TSC);
    first.getMsrs(counter);
    long cycles = counter.value(0) - tsc;
    long atMost = System.nanoTime() - tscSetAtNanos;
    long kilohertz = states.getFirst().tscKhz();
    boolean plausible = cycles >= 0 && cycles / kilohertz <= atMost / GuestTime.NANOS_PER_MILLI + 1;
    return plausible ? GuestTime.nanos(cycles, kilohertz) : 0;
  }

  private void setRegisters(VcpuFd vcpu, VcpuStructs state) {
    if (state.sregs2 != null) {
      vcpu.setSregs2(state.sregs2);
    } else {
      vcpu.setSregs(state.sregs);
    }
    setExtendedState(vcpu, state);
    vcpu.setRegs(state.regs);
    if (state.lapic != null) {
      forgetDeadline(vcpu, state);
      vcpu.setLapic(state.lapic);
    }
  }

  private void setExtendedState(VcpuFd vcpu, VcpuStructs state) {
    if (xsaveOrder == XsaveOrder.XCRS_FIRST) {
      setXcrs(vcpu, state);
    }
    vcpu.setXsave(state.xsave);
    if (xsaveOrder == XsaveOrder.XSAVE_FIRST) {
      setXcrs(vcpu, state);
    }
  }

  private static void setXcrs(VcpuFd vcpu, VcpuStructs state) {
    if (state.xcrs != null) {
      vcpu.setXcrs(state.xcrs);
    }
  }

  /** In place, the APIC would be rearmed with the deadline of the time that is given up. */
  private static void forgetDeadline(VcpuFd vcpu, VcpuStructs state) {
    if (state.noDeadline != null) {
      vcpu.setMsrs(state.noDeadline);
    }
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

  private static void setRest(VcpuFd vcpu, VcpuStructs state) {
    vcpu.setDebugRegs(state.debugRegs);
    if (state.nested != null) {
      vcpu.setNestedState(state.nested);
    }
    if (state.lapic != null) {
      vcpu.setMpState(state.mpState);
    }
    if (state.usesKvmclock) {
      // Its watchdogs are to know that it stood still.
      vcpu.notifyPaused();
    }
    vcpu.setEvents(state.events);
  }
}
