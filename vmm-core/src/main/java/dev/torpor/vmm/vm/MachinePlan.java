package dev.torpor.vmm.vm;

import dev.torpor.kvm.Cpuid;
import dev.torpor.kvm.CpuidEntry;
import dev.torpor.vmm.checkpoint.MachineState;
import dev.torpor.vmm.checkpoint.PreparedState;
import dev.torpor.vmm.checkpoint.VcpuProfile;
import dev.torpor.vmm.checkpoint.VcpuState;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;

/**
 * How machines are built that take up one state: that the host has what they need, and what is the
 * same for all of them. For one thread at a time.
 */
final class MachinePlan {
  private static final int RECENT = 8;

  /** Plans that nobody uses, the last one first: mostly one is wanted again. */
  private static final Deque<MachinePlan> IDLE = new ArrayDeque<>();

  private final MachineState state;
  private final List<List<CpuidEntry>> cpuids;
  private final List<Cpuid> cpuidLists;
  private final VcpuProfile profile;
  private final PreparedState prepared;

  /**
   * Plans machines, or takes up a plan that was given back.
   *
   * @param state what they take up
   * @throws IllegalArgumentException if the host lacks what the state needs, which is named
   */
  @SuppressWarnings("ReferenceEquality") // comparing the content takes longer than planning anew
  static MachinePlan of(MachineState state) {
    synchronized (IDLE) {
      for (Iterator<MachinePlan> plans = IDLE.iterator(); plans.hasNext(); ) {
        MachinePlan plan = plans.next();
        if (plan.state == state) {
          plans.remove();
          return plan;
        }
      }
    }
    return new MachinePlan(state);
  }

  /** Leaves the plan to whoever wants machines of the same state next. */
  void giveBack() {
    synchronized (IDLE) {
      IDLE.addFirst(this);
      if (IDLE.size() > RECENT) {
        IDLE.removeLast();
      }
    }
  }

  private MachinePlan(MachineState state) {
    HostKvm host = HostKvm.get();
    this.state = state;
    cpuids = state.vcpus().stream().map(VcpuState::cpuid).toList();
    host.fit(cpuids.getFirst(), state.hasInterruptControllers()).require(state);
    cpuidLists = cpuids.stream().map(Cpuid::of).toList();
    profile = host.profile(cpuids.getFirst(), state.hasInterruptControllers());
    prepared = PreparedState.of(state, profile);
  }

  MachineState state() {
    return state;
  }

  /** What CPUID answers each vCPU. */
  List<List<CpuidEntry>> cpuids() {
    return cpuids;
  }

  /** The same as KVM takes it. */
  List<Cpuid> cpuidLists() {
    return cpuidLists;
  }

  VcpuProfile profile() {
    return profile;
  }

  /** The state, for {@link Machine#restore}. */
  PreparedState prepared() {
    return prepared;
  }
}
