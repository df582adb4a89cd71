package dev.torpor.vmm.vm;

import dev.torpor.snapshot.Store;
import dev.torpor.vmm.boot.Guest;
import dev.torpor.vmm.checkpoint.CheckpointListener;
import dev.torpor.vmm.cpu.CpuTemplate;
import dev.torpor.vmm.device.SerialOutput;
import dev.torpor.vmm.memory.MemoryBacking;
import dev.torpor.vmm.memory.MemoryLayout;
import dev.torpor.vmm.memory.TrackerKind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * What a virtual machine is made of. Immutable, and valid as far as can be known before the files
 * are opened and the host is asked.
 *
 * @param name for threads and messages
 * @param guest what it boots
 * @param memoryByteSize the size of its memory, as {@link MemoryLayout#regions} accepts it
 * @param memoryBacking where its memory lives on the host
 * @param transparentHugePages whether the host may serve its memory in pages of 2 MiB
 * @param vcpuCount how many vCPUs it has, from 1 to {@link #MAX_VCPUS}
 * @param cpuTemplate what CPUID tells it
 * @param disks its disks; the first is {@code /dev/vda}
 * @param console where its serial port prints
 * @param dirtyTracker how it learns which pages of memory were written, once that is needed
 * @param store where its checkpoints go; its disks' files are then never written, but what the
 *     guest writes is kept in the store. Without one, it cannot be checkpointed
 * @param diskFolder where its disks keep what makes them survive this process, if they shall
 * @param pauseBudget how long a checkpoint may hold the guest
 * @param checkpointListener is told of its checkpoints
 */
public record VmConfig(
    String name,
    Guest guest,
    long memoryByteSize,
    MemoryBacking memoryBacking,
    boolean transparentHugePages,
    int vcpuCount,
    CpuTemplate cpuTemplate,
    List<DiskConfig> disks,
    SerialOutput console,
    TrackerKind dirtyTracker,
    Optional<Store> store,
    Optional<Path> diskFolder,
    Duration pauseBudget,
    CheckpointListener checkpointListener) {

  /** The most vCPUs: what an APIC id of 8 bits can number. */
  public static final int MAX_VCPUS = 254;

  /** The most disks: each has an interrupt of its own, GSI 16 to 23. */
  public static final int MAX_DISKS = 8;

  /** How long a checkpoint may hold the guest, unless something else is wanted. */
  public static final Duration DEFAULT_PAUSE_BUDGET = Duration.ofMillis(1);

  private static final Duration MAX_PAUSE_BUDGET = Duration.ofSeconds(10);
  private static final long DEFAULT_MEMORY_BYTES = 512L << 20;

  /**
   * Checks everything that can be checked now.
   *
   * @throws IllegalArgumentException if something cannot be; the message says what would be right
   */
  public VmConfig {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(guest, "guest");
    Objects.requireNonNull(memoryBacking, "memoryBacking");
    Objects.requireNonNull(cpuTemplate, "cpuTemplate");
    Objects.requireNonNull(console, "console");
    Objects.requireNonNull(dirtyTracker, "dirtyTracker");
    Objects.requireNonNull(store, "store");
    Objects.requireNonNull(diskFolder, "diskFolder");
    Objects.requireNonNull(checkpointListener, "checkpointListener");
    requirePauseBudget(pauseBudget);
    disks = List.copyOf(disks);
    MemoryLayout.regions(memoryByteSize);
    requireVcpuCount(vcpuCount);
    requireDisks(disks, store.isPresent());
  }

  static void requirePauseBudget(Duration budget) {
    if (!budget.isPositive() || budget.compareTo(MAX_PAUSE_BUDGET) > 0) {
      throw new IllegalArgumentException(
          "a pause budget of %s: must be more than nothing, and at most %s"
              .formatted(budget, MAX_PAUSE_BUDGET));
    }
  }

  private static void requireVcpuCount(int count) {
    if (count < 1 || count > MAX_VCPUS) {
      throw new IllegalArgumentException(count + " vCPUs: must be from 1 to " + MAX_VCPUS);
    }
  }

  private static void requireDisks(List<DiskConfig> disks, boolean onlyBases) {
    if (disks.size() > MAX_DISKS) {
      throw new IllegalArgumentException(disks.size() + " disks: at most " + MAX_DISKS);
    }
    Map<Path, DiskConfig> seen = new HashMap<>();
    for (DiskConfig disk : disks) {
      requireUsable(disk, onlyBases);
      DiskConfig same = seen.put(disk.path().toAbsolutePath().normalize(), disk);
      if (same != null && !onlyBases && !(same.readOnly() && disk.readOnly())) {
        throw new IllegalArgumentException(
            "disk " + disk.path() + " is given twice: each disk needs a file of its own");
      }
    }
  }

  /** A file that only lies beneath a disk is never written. */
  private static void requireUsable(DiskConfig disk, boolean onlyBase) {
    Path path = disk.path();
    if (!Files.exists(path)) {
      throw new IllegalArgumentException(
          "disk " + path + " does not exist: give a raw image file or a block device");
    }
    if (!Files.isReadable(path)) {
      throw new IllegalArgumentException("disk " + path + " may not be read: change its mode");
    }
    if (!disk.readOnly() && !onlyBase && !Files.isWritable(path)) {
      throw new IllegalArgumentException(
          "disk " + path + " may not be written: change its mode, or use it read-only");
    }
  }

  /**
   * Begins a description.
   *
   * @param guest what the machine boots
   * @return a builder with 512 MiB of memory, one vCPU like the host's, no disk
   */
  public static Builder boot(Guest guest) {
    return new Builder(guest);
  }

  /** Collects a description. Not for several threads. */
  public static final class Builder {
    private final Guest guest;
    private final List<DiskConfig> disks = new ArrayList<>();
    private String name = "vm";
    private long memoryByteSize = DEFAULT_MEMORY_BYTES;
    private MemoryBacking memoryBacking = MemoryBacking.ANONYMOUS;
    private boolean transparentHugePages = true;
    private int vcpuCount = 1;
    private CpuTemplate cpuTemplate = CpuTemplate.HOST;
    private SerialOutput console = SerialOutput.NONE;
    private TrackerKind dirtyTracker = TrackerKind.DIRTY_LOG;
    private Optional<Store> store = Optional.empty();
    private Optional<Path> diskFolder = Optional.empty();
    private Duration pauseBudget = DEFAULT_PAUSE_BUDGET;
    private CheckpointListener checkpointListener = CheckpointListener.NONE;

    private Builder(Guest guest) {
      this.guest = guest;
    }

    /**
     * Names the machine.
     *
     * @param value for threads and messages
     * @return this
     */
    public Builder name(String value) {
      name = value;
      return this;
    }

    /**
     * Sets the size of its memory.
     *
     * @param byteSize a multiple of 4 KiB, from 4 MiB to 252 GiB
     * @return this
     */
    public Builder memory(long byteSize) {
      memoryByteSize = byteSize;
      return this;
    }

    /**
     * Chooses where its memory lives.
     *
     * @param value the kind of memory
     * @return this
     */
    public Builder memoryBacking(MemoryBacking value) {
      memoryBacking = value;
      return this;
    }

    /**
     * Chooses whether the host may serve its memory in pages of 2 MiB.
     *
     * @param value whether it may
     * @return this
     */
    public Builder transparentHugePages(boolean value) {
      transparentHugePages = value;
      return this;
    }

    /**
     * Sets how many vCPUs it has.
     *
     * @param count from 1 to {@link #MAX_VCPUS}
     * @return this
     */
    public Builder vcpus(int count) {
      vcpuCount = count;
      return this;
    }

    /**
     * Chooses what CPUID tells it.
     *
     * @param value the template
     * @return this
     */
    public Builder cpuTemplate(CpuTemplate value) {
      cpuTemplate = value;
      return this;
    }

    /**
     * Adds a disk.
     *
     * @param path a raw image file or a block device
     * @param readOnly whether the guest may only read it
     * @return this
     */
    public Builder disk(Path path, boolean readOnly) {
      disks.add(new DiskConfig(path, readOnly));
      return this;
    }

    /**
     * Chooses where its serial port prints.
     *
     * @param output takes a byte at a time, on a vCPU's thread
     * @return this
     */
    public Builder console(SerialOutput output) {
      console = output;
      return this;
    }

    /**
     * Chooses how it learns which pages of memory were written.
     *
     * @param kind how; {@link TrackerKind#DIRTY_LOG} unless told
     * @return this
     */
    public Builder dirtyTracker(TrackerKind kind) {
      dirtyTracker = kind;
      return this;
    }

    /**
     * Makes checkpoints possible.
     *
     * @param value where they go, and what is written to the disks meanwhile; stays the caller's,
     *     and open for as long as the VM is
     * @return this
     */
    public Builder store(Store value) {
      store = Optional.of(value);
      return this;
    }

    /**
     * Makes its disks survive this process: they open again with all that was flushed. Only with a
     * {@link #store}; without this, what the guest writes ends with the VM, but for checkpoints.
     *
     * @param folder where they keep what that takes; created if it is missing. A machine whose
     *     folder has disks already continues with them
     * @return this
     */
    public Builder diskFolder(Path folder) {
      diskFolder = Optional.of(folder);
      return this;
    }

    /**
     * Sets how long a checkpoint may hold the guest. It is an aim: what cannot be done in it is
     * done all the same, as soon as it can.
     *
     * @param value more than nothing, up to 10 s
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
    public Builder checkpointListener(CheckpointListener value) {
      checkpointListener = value;
      return this;
    }

    /**
     * Ends the description.
     *
     * @return what was described
     * @throws IllegalArgumentException if something cannot be; the message says what would be right
     */
    public VmConfig build() {
      return new VmConfig(
          name,
          guest,
          memoryByteSize,
          memoryBacking,
          transparentHugePages,
          vcpuCount,
          cpuTemplate,
          disks,
          console,
          dirtyTracker,
          store,
          diskFolder,
          pauseBudget,
          checkpointListener);
    }
  }
}
