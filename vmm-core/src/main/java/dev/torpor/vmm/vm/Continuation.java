package dev.torpor.vmm.vm;

import dev.torpor.snapshot.SnapshotFormatException;
import dev.torpor.snapshot.WorkingSet;
import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.checkpoint.MemoryFactory;
import dev.torpor.vmm.checkpoint.Origin;
import dev.torpor.vmm.checkpoint.RestoredMemory;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes machines that continue from one checkpoint. For one thread at a time. */
final class Continuation implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Continuation.class);

  private final Origin origin;
  private final MachinePlan plan;
  private final MemoryFactory memories;

  /** Read when the first machine wants it; null until then. */
  private Optional<WorkingSet> workingSet;

  /**
   * Prepares to make machines.
   *
   * @throws IllegalArgumentException if the host lacks what they need, which is named
   */
  Continuation(Origin origin) {
    this.origin = origin;
    this.plan = MachinePlan.of(origin.state());
    this.memories = new MemoryFactory(origin);
  }

  /** Makes one more machine, whose vCPUs have not started. */
  Machine machine(RestoreConfig config, Consumer<VmExit> exits) {
    RestoredMemory memory =
        memories.make(
            config.memorySource(),
            plan.state().vcpuCount(),
            config.recordWorkingSet(),
            failure -> exits.accept(new VmExit.Failed(failure)));
    MachineDisks disks;
    try {
      bringIn(memory, config);
      disks = MachineDisks.open(origin, config);
    } catch (RuntimeException | Error e) {
      memory.close();
      memory.memory().close();
      throw e;
    }
    MachineParts parts =
        new MachineParts(config.name(), config.console(), config.dirtyTracker(), disks, memory);
    Machine machine = Machine.rebuild(parts, plan, exits);
    try {
      machine.dirtyTracker().start();
      machine.restore(plan.prepared(), config.clock());
      return machine;
    } catch (RuntimeException | Error e) {
      machine.close();
      throw e;
    }
  }

  private void bringIn(RestoredMemory memory, RestoreConfig config) {
    if (config.prefetch()) {
      workingSet().ifPresent(memory::prefetch);
    }
    if (config.fill()) {
      memory.fill();
    }
  }

  private Optional<WorkingSet> workingSet() {
    if (workingSet == null) {
      workingSet = readWorkingSet();
    }
    return workingSet;
  }

  /** A working set only helps: a damaged one is left out. */
  private Optional<WorkingSet> readWorkingSet() {
    try {
      return origin.store().readWorkingSet(origin.uuid());
    } catch (SnapshotFormatException e) {
      LOG.warn("the working set of checkpoint {} is not used", origin.uuid(), e);
      return Optional.empty();
    }
  }

  @Override
  public void close() {
    memories.close();
    if (origin.isRead()) {
      plan.giveBack();
    }
  }
}
