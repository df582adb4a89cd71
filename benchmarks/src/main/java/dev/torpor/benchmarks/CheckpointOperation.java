package dev.torpor.benchmarks;

import dev.torpor.vmm.checkpoint.MemorySource;
import java.nio.file.Path;
import java.util.List;

/**
 * Something that is measured of checkpoints.
 *
 * <p>The guest is always a flat one. Where it goes on writing, its pages are spread over all of its
 * memory, or over that beyond 3 GiB if there is any.
 *
 * @param name what results call it
 * @param samplesPerRound how many samples make a round
 * @param yardstick the C program that does the same
 * @param maker prepares to measure Torpor
 */
record CheckpointOperation(
    String name, int samplesPerRound, YardstickCommand yardstick, Maker maker) {
  private static final int FEW_PAGES = 100;
  private static final int SOME_PAGES = 2_000;
  private static final int MANY_PAGES = 100_000;
  private static final int WORKING_SET_PAGES = 4_096;
  private static final int LONG_CHAIN = 1_000;

  /** Few enough that a thousand links still leave the guest's memory in use. */
  private static final int PAGES_PER_LINK = 4;

  /** Makes what measures an operation. */
  @FunctionalInterface
  interface Maker {
    /** Prepares to measure, with a store in a folder. */
    Benchmark make(CheckpointOperation operation, Path folder) throws InterruptedException;
  }

  /** How long a checkpoint stops a guest of 256 MiB that has written to 2,000 pages since. */
  static final CheckpointOperation PAUSE_256_MIB =
      new CheckpointOperation(
          "pause-256m",
          20,
          YardstickCommand.of("pause-yardstick", "memory=256"),
          (operation, folder) -> new PauseBenchmark(operation, folder, mebibytes(256), SOME_PAGES));

  /** The same with 1 GiB. */
  static final CheckpointOperation PAUSE_1_GIB =
      new CheckpointOperation(
          "pause-1g",
          20,
          YardstickCommand.of("pause-yardstick", "memory=1024"),
          (operation, folder) ->
              new PauseBenchmark(operation, folder, mebibytes(1024), SOME_PAGES));

  /** The same with 8 GiB, of which the host needs 4 GiB for each side. */
  static final CheckpointOperation PAUSE_8_GIB =
      new CheckpointOperation(
          "pause-8g",
          20,
          YardstickCommand.of("pause-yardstick", "memory=8192"),
          (operation, folder) ->
              new PauseBenchmark(operation, folder, mebibytes(8192), SOME_PAGES));

  /** 1 GiB again, but 100,000 pages. */
  static final CheckpointOperation PAUSE_MANY_PAGES =
      new CheckpointOperation(
          "pause-100k",
          2,
          YardstickCommand.of("pause-yardstick", "memory=1024", "pages=100000"),
          (operation, folder) ->
              new PauseBenchmark(operation, folder, mebibytes(1024), MANY_PAGES));

  /** Learning which 2,000 pages of 1 GiB a guest has written to. */
  static final CheckpointOperation DIRTY_COLLECT =
      new CheckpointOperation(
          "dirty-collect",
          50,
          YardstickCommand.of("dirty-collect-yardstick"),
          (operation, folder) -> new DirtyCollectBenchmark(operation, 1024, SOME_PAGES));

  /** Writing 2,000 pages out that were copied already, beside writing the same bytes. */
  static final CheckpointOperation WRITE_OUT = writeOut("write-out", 50, "plain", SOME_PAGES);

  /** The same beside a C program that checks and checksums each page. */
  static final CheckpointOperation WRITE_OUT_CHECKED =
      writeOut("write-out-checked", 50, "checked", SOME_PAGES);

  /** The same as {@link #WRITE_OUT}, until it is on the disk. */
  static final CheckpointOperation WRITE_OUT_DURABLE =
      writeOut("write-out-durable", 10, "plain", SOME_PAGES, "sync=1");

  /** The same as {@link #WRITE_OUT} with 100,000 pages. */
  static final CheckpointOperation WRITE_OUT_MANY_PAGES =
      writeOut("write-out-100k", 3, "plain", MANY_PAGES);

  /** The same as {@link #WRITE_OUT_CHECKED} with 100,000 pages. */
  static final CheckpointOperation WRITE_OUT_MANY_PAGES_CHECKED =
      writeOut("write-out-100k-checked", 3, "checked", MANY_PAGES);

  /** The same as {@link #WRITE_OUT_DURABLE} with 100,000 pages. */
  static final CheckpointOperation WRITE_OUT_MANY_PAGES_DURABLE =
      writeOut("write-out-100k-durable", 2, "plain", MANY_PAGES, "sync=1");

  /** Making a VM of 256 MiB, and closing it. */
  static final CheckpointOperation VM =
      new CheckpointOperation(
          "vm",
          50,
          YardstickCommand.of("vm-yardstick"),
          (operation, folder) -> new VmBenchmark(operation, true));

  /** Only making it. */
  static final CheckpointOperation VM_MADE =
      new CheckpointOperation(
          "vm-made",
          50,
          YardstickCommand.of("vm-yardstick", "until=made"),
          (operation, folder) -> new VmBenchmark(operation, false));

  /** Branching a warm 256 MiB VM: to a child that could run. A hundred live at a time. */
  static final CheckpointOperation FORK_READY =
      new CheckpointOperation(
          "fork-ready",
          100,
          YardstickCommand.of("fork-yardstick", "kept=100"),
          (operation, folder) -> new ForkBenchmark(operation, folder, false));

  /** The same, to the child's first exit. */
  static final CheckpointOperation FORK_EXIT =
      new CheckpointOperation(
          "fork-exit",
          100,
          YardstickCommand.of("fork-yardstick", "kept=100", "until=exit"),
          (operation, folder) -> new ForkBenchmark(operation, folder, true));

  /** From files in the page cache to the first exit of a 256 MiB VM. */
  static final CheckpointOperation RESTORE =
      new CheckpointOperation(
          "restore",
          100,
          YardstickCommand.of("restore-yardstick"),
          (operation, folder) ->
              new RestoreBenchmark(operation, folder, 1, PAGES_PER_LINK, MemorySource.BEST));

  /** The same, paged by userfaultfd. */
  static final CheckpointOperation RESTORE_PAGED =
      new CheckpointOperation(
          "restore-paged",
          100,
          YardstickCommand.of("restore-yardstick"),
          (operation, folder) ->
              new RestoreBenchmark(operation, folder, 1, PAGES_PER_LINK, MemorySource.PAGED));

  /** The same as {@link #RESTORE}, from the last of a thousand checkpoints. */
  static final CheckpointOperation RESTORE_DEEP =
      new CheckpointOperation(
          "restore-deep",
          100,
          YardstickCommand.of("restore-yardstick"),
          (operation, folder) ->
              new RestoreBenchmark(
                  operation, folder, LONG_CHAIN, PAGES_PER_LINK, MemorySource.BEST));

  /** Taking a running 256 MiB VM back, which has written to 100 pages. */
  static final CheckpointOperation REVERT =
      new CheckpointOperation(
          "revert",
          200,
          YardstickCommand.of("revert-yardstick", "way=copy"),
          (operation, folder) -> new RevertBenchmark(operation, folder, FEW_PAGES));

  /** From one missing page that the guest stops at to the next. */
  static final CheckpointOperation FAULT =
      new CheckpointOperation(
          "fault",
          2000,
          YardstickCommand.of("fault-yardstick"),
          (operation, folder) -> new FaultBenchmark(operation, folder, 1));

  /** The same, with 16 pages brought in for each. */
  static final CheckpointOperation FAULT_AROUND =
      new CheckpointOperation(
          "fault-16",
          1000,
          YardstickCommand.of("fault-yardstick", "around=16"),
          (operation, folder) -> new FaultBenchmark(operation, folder, 16));

  /** Until the guest has written to the 4,096 pages of its working set, which lie together. */
  static final CheckpointOperation WORKING_SET =
      new CheckpointOperation(
          "working-set",
          5,
          YardstickCommand.of("working-set-yardstick"),
          (operation, folder) ->
              new WorkingSetBenchmark(
                  operation, folder, WorkingSetBenchmark.together(WORKING_SET_PAGES), true));

  /** The same, brought in when the guest stops at them. */
  static final CheckpointOperation WORKING_SET_BY_FAULTS =
      new CheckpointOperation(
          "working-set-by-faults",
          2,
          YardstickCommand.of("working-set-yardstick", "way=faults"),
          (operation, folder) ->
              new WorkingSetBenchmark(
                  operation, folder, WorkingSetBenchmark.together(WORKING_SET_PAGES), false));

  /** The same as {@link #WORKING_SET}, spread over its memory. */
  static final CheckpointOperation WORKING_SET_SCATTERED =
      new CheckpointOperation(
          "working-set-scattered",
          5,
          YardstickCommand.of("working-set-yardstick", "layout=scattered"),
          (operation, folder) ->
              new WorkingSetBenchmark(
                  operation, folder, WorkingSetBenchmark.allOver(WORKING_SET_PAGES), true));

  /** The same, brought in when the guest stops at them. */
  static final CheckpointOperation WORKING_SET_SCATTERED_BY_FAULTS =
      new CheckpointOperation(
          "working-set-scattered-by-faults",
          2,
          YardstickCommand.of("working-set-yardstick", "layout=scattered", "way=faults"),
          (operation, folder) ->
              new WorkingSetBenchmark(
                  operation, folder, WorkingSetBenchmark.allOver(WORKING_SET_PAGES), false));

  /** All of them. */
  static final List<CheckpointOperation> ALL =
      List.of(
          PAUSE_256_MIB,
          PAUSE_1_GIB,
          PAUSE_8_GIB,
          PAUSE_MANY_PAGES,
          DIRTY_COLLECT,
          WRITE_OUT,
          WRITE_OUT_CHECKED,
          WRITE_OUT_DURABLE,
          WRITE_OUT_MANY_PAGES,
          WRITE_OUT_MANY_PAGES_CHECKED,
          WRITE_OUT_MANY_PAGES_DURABLE,
          VM,
          VM_MADE,
          FORK_READY,
          FORK_EXIT,
          RESTORE,
          RESTORE_PAGED,
          RESTORE_DEEP,
          REVERT,
          FAULT,
          FAULT_AROUND,
          WORKING_SET,
          WORKING_SET_BY_FAULTS,
          WORKING_SET_SCATTERED,
          WORKING_SET_SCATTERED_BY_FAULTS);

  private static CheckpointOperation writeOut(
      String name, int count, String way, int pages, String... more) {
    YardstickCommand yardstick =
        YardstickCommand.of(
            "write-out-yardstick",
            "folder=" + YardstickCommand.STORE,
            "way=" + way,
            "pages=" + pages);
    for (String option : more) {
      yardstick = yardstick.with(option);
    }
    boolean durable = yardstick.options().contains("sync=1");
    return new CheckpointOperation(
        name,
        count,
        yardstick,
        (operation, folder) ->
            new WriteOutBenchmark(operation, folder, mebibytes(1024), pages, durable));
  }

  private static long mebibytes(long count) {
    return count << 20;
  }

  /** Prepares to measure Torpor, with a store in a folder; the caller closes it. */
  Benchmark prepare(Path folder) throws InterruptedException {
    return maker.make(this, folder);
  }
}
