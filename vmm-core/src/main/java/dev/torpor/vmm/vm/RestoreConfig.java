package dev.torpor.vmm.vm;

import dev.torpor.vmm.checkpoint.CheckpointListener;
import dev.torpor.vmm.checkpoint.GuestClock;
import dev.torpor.vmm.checkpoint.MemorySource;
import dev.torpor.vmm.device.SerialOutput;
import dev.torpor.vmm.memory.TrackerKind;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * How a checkpoint becomes a running VM: what differs from the machine that it was taken of.
 *
 * @param name for threads, messages and its own checkpoints
 * @param console where its serial port prints
 * @param clock what the guest's clocks show
 * @param memorySource where its memory comes from
 * @param fill whether all of its memory is brought in, in the background
 * @param prefetch whether a recorded working set is brought in before it is missed
 * @param recordWorkingSet for how long the first touches of its memory are recorded, to be stored
 *     with the checkpoint; zero for not at all
 * @param bases other paths for the base images of disks, by the disk's number from 0
 * @param diskFolder where its disks keep what makes them survive this process, if they shall
 * @param dirtyTracker how its writes are noticed
 * @param pauseBudget how long a checkpoint of it may hold the guest
 * @param listener is told of its checkpoints
 */
public record RestoreConfig(
    String name,
    SerialOutput console,
    GuestClock clock,
    MemorySource memorySource,
    boolean fill,
    boolean prefetch,
    Duration recordWorkingSet,
    Map<Integer, Path> bases,
    Optional<Path> diskFolder,
    TrackerKind dirtyTracker,
    Duration pauseBudget,
    CheckpointListener listener) {

  /** Checks and copies. */
  public RestoreConfig {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(console, "console");
    Objects.requireNonNull(clock, "clock");
    Objects.requireNonNull(memorySource, "memorySource");
    Objects.requireNonNull(recordWorkingSet, "recordWorkingSet");
    Objects.requireNonNull(diskFolder, "diskFolder");
    Objects.requireNonNull(dirtyTracker, "dirtyTracker");
    Objects.requireNonNull(pauseBudget, "pauseBudget");
    Objects.requireNonNull(listener, "listener");
    bases = Map.copyOf(bases);
    if (recordWorkingSet.isNegative()) {
      throw new IllegalArgumentException(
          "recording a working set for " + recordWorkingSet + ": must not be negative");
    }
    VmConfig.requirePauseBudget(pauseBudget);
  }

  /**
   * Begins a description.
   *
   * @param name the VM's name
   * @return a builder with the defaults: clocks that go on, memory from where it comes soonest, the
   *     recorded working set brought in, none recorded
   */
  public static Builder named(String name) {
    return new Builder(name);
  }

  /** Collects a description. Not for several threads. */
  public static final class Builder {
    private final String name;
    private final Map<Integer, Path> bases = new HashMap<>();
    private SerialOutput console = SerialOutput.NONE;
    private GuestClock clock = GuestClock.CONTINUE;
    private MemorySource memorySource = MemorySource.BEST;
    private boolean fill;
    private boolean prefetch = true;
    private Duration recordWorkingSet = Duration.ZERO;
    private Optional<Path> diskFolder = Optional.empty();
    private TrackerKind dirtyTracker = TrackerKind.DIRTY_LOG;
    private Duration pauseBudget = VmConfig.DEFAULT_PAUSE_BUDGET;
    private CheckpointListener listener = CheckpointListener.NONE;

    private Builder(String name) {
      this.name = name;
    }

    /**
     * Chooses where its serial port prints.
     *
     * @param value takes a byte at a time, on a vCPU's thread
     * @return this
     */
    public Builder console(SerialOutput value) {
      console = value;
      return this;
    }

    /**
     * Chooses what the guest's clocks show.
     *
     * @param value whether they go on or catch up
     * @return this
     */
    public Builder clock(GuestClock value) {
      clock = value;
      return this;
    }

    /**
     * Chooses where its memory comes from.
     *
     * @param value the kind of source
     * @return this
     */
    public Builder memorySource(MemorySource value) {
      memorySource = value;
      return this;
    }

    /**
     * Chooses whether all of its memory is brought in, in the background.
     *
     * @param value whether it is
     * @return this
     */
    public Builder fill(boolean value) {
      fill = value;
      return this;
    }

    /**
     * Chooses whether a recorded working set is brought in before it is missed.
     *
     * @param value whether it is
     * @return this
     */
    public Builder prefetch(boolean value) {
      prefetch = value;
      return this;
    }

    /**
     * Records which memory the guest touches first, and stores that with the checkpoint.
     *
     * @param value for how long from the start on
     * @return this
     */
    public Builder recordWorkingSet(Duration value) {
      recordWorkingSet = value;
      return this;
    }

    /**
     * Takes a disk's base image from another path: a copy, or the same one moved.
     *
     * @param disk the disk's number, from 0
     * @param base the raw image
     * @return this
     */
    public Builder base(int disk, Path base) {
      bases.put(disk, base);
      return this;
    }

    /**
     * Makes its disks survive this process: they open again with all that was flushed.
     *
     * @param folder where they keep what that takes; created if it is missing; what disks are in it
     *     already are replaced
     * @return this
     */
    public Builder diskFolder(Path folder) {
      diskFolder = Optional.of(folder);
      return this;
    }

    /**
     * Chooses how its writes are noticed.
     *
     * @param value the kind of tracker
     * @return this
     */
    public Builder dirtyTracker(TrackerKind value) {
      dirtyTracker = value;
      return this;
    }

    /**
     * Sets how long a checkpoint of it may hold the guest.
     *
     * @param value the budget, as {@link VmConfig.Builder#pauseBudget}
     * @return this
     */
    public Builder pauseBudget(Duration value) {
      pauseBudget = value;
      return this;
    }

    /**
     * Chooses who is told of its checkpoints.
     *
     * @param value the listener
     * @return this
     */
    public Builder listener(CheckpointListener value) {
      listener = value;
      return this;
    }

    /**
     * Ends the description.
     *
     * @return what was described
     * @throws IllegalArgumentException if something cannot be
     */
    public RestoreConfig build() {
      return new RestoreConfig(
          name,
          console,
          clock,
          memorySource,
          fill,
          prefetch,
          recordWorkingSet,
          bases,
          diskFolder,
          dirtyTracker,
          pauseBudget,
          listener);
    }
  }
}
