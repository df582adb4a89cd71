package dev.torpor.benchmarks;

import dev.torpor.benchmarks.Operation.Effort;
import dev.torpor.vmm.checkpoint.MemorySource;
import java.util.List;

/** What is measured, in the order in which people read it. */
final class Operations {
  private static final int FEW_PAGES = 100;
  private static final int SOME_PAGES = 2_000;
  private static final int MANY_PAGES = 100_000;
  private static final int WORKING_SET_PAGES = 4_096;
  private static final int LONG_CHAIN = 1_000;

  /** Few enough that a thousand links still leave the guest's memory in use. */
  private static final int PAGES_PER_LINK = 4;

  private static final long QUARTER_GIB = 256L << 20;
  private static final long GIB = 1L << 30;

  /** From one write of a guest to a device to the next. */
  static final Operation EXIT =
      new Operation(
          Subject.of("exit"),
          Effort.HEADLINE,
          20_000,
          YardstickCommand.of("exit-yardstick"),
          (operation, folder) -> new ExitBenchmark(operation));

  /** Stopping a guest that never leaves by itself. */
  static final Operation KICK =
      new Operation(
          Subject.of("kick"),
          Effort.HEADLINE,
          1_000,
          YardstickCommand.of("kick-yardstick"),
          (operation, folder) -> new KickBenchmark(operation));

  /** How long a checkpoint stops a guest of 256 MiB that has written to 2,000 pages since. */
  static final Operation PAUSE_256_MIB =
      new Operation(
          Subject.of("pause", "memory", "256 MiB", "dirtyPages", "2000"),
          Effort.FULL,
          20,
          YardstickCommand.of("pause-yardstick", "memory=256"),
          (operation, folder) -> new PauseBenchmark(operation, folder, QUARTER_GIB, SOME_PAGES));

  /** The same with 1 GiB. */
  static final Operation PAUSE_1_GIB =
      new Operation(
          Subject.of("pause", "memory", "1 GiB", "dirtyPages", "2000"),
          Effort.HEADLINE,
          20,
          YardstickCommand.of("pause-yardstick", "memory=1024"),
          (operation, folder) -> new PauseBenchmark(operation, folder, GIB, SOME_PAGES));

  /** The same with 8 GiB, of which the host needs 4 GiB for each side. */
  static final Operation PAUSE_8_GIB =
      new Operation(
          Subject.of("pause", "memory", "8 GiB", "dirtyPages", "2000"),
          Effort.FULL_AT_ONCE,
          20,
          YardstickCommand.of("pause-yardstick", "memory=8192"),
          (operation, folder) -> new PauseBenchmark(operation, folder, 8 * GIB, SOME_PAGES));

  /** 1 GiB again, but 100,000 pages. */
  static final Operation PAUSE_MANY_PAGES =
      new Operation(
          Subject.of("pause", "memory", "1 GiB", "dirtyPages", "100000"),
          Effort.FULL_AT_ONCE,
          2,
          YardstickCommand.of("pause-yardstick", "memory=1024", "pages=100000"),
          (operation, folder) -> new PauseBenchmark(operation, folder, GIB, MANY_PAGES));

  /** Learning which 2,000 pages of 1 GiB a guest has written to. */
  static final Operation DIRTY_COLLECT =
      new Operation(
          Subject.of("dirty-collect", "memory", "1 GiB", "dirtyPages", "2000"),
          Effort.HEADLINE,
          50,
          YardstickCommand.of("dirty-collect-yardstick"),
          (operation, folder) -> new DirtyCollectBenchmark(operation, 1024, SOME_PAGES));

  /** Writing 2,000 pages out that were copied already, beside writing the same bytes. */
  static final Operation WRITE_OUT = writeOut(Effort.HEADLINE, 50, "plain", SOME_PAGES);

  /** The same beside a C program that checks and checksums each page. */
  static final Operation WRITE_OUT_CHECKED = writeOut(Effort.FULL, 50, "checked", SOME_PAGES);

  /** The same as {@link #WRITE_OUT}, until it is on the disk. */
  static final Operation WRITE_OUT_DURABLE =
      writeOut(Effort.HEADLINE, 10, "plain", SOME_PAGES, "sync=1");

  /** The same as {@link #WRITE_OUT} with 100,000 pages. */
  static final Operation WRITE_OUT_MANY_PAGES = writeOut(Effort.FULL, 3, "plain", MANY_PAGES);

  /** The same as {@link #WRITE_OUT_CHECKED} with 100,000 pages. */
  static final Operation WRITE_OUT_MANY_PAGES_CHECKED =
      writeOut(Effort.FULL, 3, "checked", MANY_PAGES);

  /** The same as {@link #WRITE_OUT_DURABLE} with 100,000 pages. */
  static final Operation WRITE_OUT_MANY_PAGES_DURABLE =
      writeOut(Effort.FULL, 2, "plain", MANY_PAGES, "sync=1");

  /** Making a VM of 256 MiB, and closing it. */
  static final Operation VM =
      new Operation(
          Subject.of("vm", "until", "closed"),
          Effort.FULL,
          50,
          YardstickCommand.of("vm-yardstick"),
          (operation, folder) -> new VmBenchmark(operation, true));

  /** Only making it. */
  static final Operation VM_MADE =
      new Operation(
          Subject.of("vm", "until", "made"),
          Effort.FULL,
          50,
          YardstickCommand.of("vm-yardstick", "until=made"),
          (operation, folder) -> new VmBenchmark(operation, false));

  /** Branching a warm 256 MiB VM: to a child that could run. A hundred live at a time. */
  static final Operation FORK_READY =
      new Operation(
          Subject.of("fork", "memory", "256 MiB", "until", "ready"),
          Effort.HEADLINE,
          100,
          YardstickCommand.of("fork-yardstick", "kept=100"),
          (operation, folder) -> new ForkBenchmark(operation, folder, false));

  /** The same, to the child's first exit. */
  static final Operation FORK_EXIT =
      new Operation(
          Subject.of("fork", "memory", "256 MiB", "until", "exit"),
          Effort.FULL,
          100,
          YardstickCommand.of("fork-yardstick", "kept=100", "until=exit"),
          (operation, folder) -> new ForkBenchmark(operation, folder, true));

  /** From files in the page cache to the first exit of a 256 MiB VM. */
  static final Operation RESTORE =
      new Operation(
          Subject.of("restore", "memory", "256 MiB", "depth", "1"),
          Effort.HEADLINE,
          100,
          YardstickCommand.of("restore-yardstick"),
          (operation, folder) ->
              new RestoreBenchmark(
                  operation, folder, QUARTER_GIB, 1, PAGES_PER_LINK, MemorySource.BEST));

  /** The same with 1 GiB. */
  static final Operation RESTORE_1_GIB =
      new Operation(
          Subject.of("restore", "memory", "1 GiB", "depth", "1"),
          Effort.HEADLINE,
          100,
          YardstickCommand.of("restore-yardstick", "memory=1024"),
          (operation, folder) ->
              new RestoreBenchmark(operation, folder, GIB, 1, PAGES_PER_LINK, MemorySource.BEST));

  /** The same as {@link #RESTORE}, paged by userfaultfd. */
  static final Operation RESTORE_PAGED =
      new Operation(
          Subject.of("restore", "memory", "256 MiB", "depth", "1", "source", "paged"),
          Effort.FULL,
          100,
          YardstickCommand.of("restore-yardstick"),
          (operation, folder) ->
              new RestoreBenchmark(
                  operation, folder, QUARTER_GIB, 1, PAGES_PER_LINK, MemorySource.PAGED));

  /** The same as {@link #RESTORE}, from the last of a thousand checkpoints. */
  static final Operation RESTORE_DEEP =
      new Operation(
          Subject.of("restore", "memory", "256 MiB", "depth", "1000"),
          Effort.FULL_AT_ONCE,
          100,
          YardstickCommand.of("restore-yardstick"),
          (operation, folder) ->
              new RestoreBenchmark(
                  operation, folder, QUARTER_GIB, LONG_CHAIN, PAGES_PER_LINK, MemorySource.BEST));

  /** Taking a running 256 MiB VM back, which has written to 100 pages. */
  static final Operation REVERT =
      new Operation(
          Subject.of("revert", "memory", "256 MiB", "dirtyPages", "100"),
          Effort.HEADLINE,
          200,
          YardstickCommand.of("revert-yardstick", "way=copy"),
          (operation, folder) -> new RevertBenchmark(operation, folder, QUARTER_GIB, FEW_PAGES));

  /** The same with 1 GiB and 2,000 pages. */
  static final Operation REVERT_1_GIB =
      new Operation(
          Subject.of("revert", "memory", "1 GiB", "dirtyPages", "2000"),
          Effort.HEADLINE,
          20,
          YardstickCommand.of("revert-yardstick", "way=copy", "memory=1024", "pages=2000"),
          (operation, folder) -> new RevertBenchmark(operation, folder, GIB, SOME_PAGES));

  /** From one missing page that the guest stops at to the next. */
  static final Operation FAULT =
      new Operation(
          Subject.of("fault"),
          Effort.HEADLINE,
          2000,
          YardstickCommand.of("fault-yardstick"),
          (operation, folder) -> new FaultBenchmark(operation, folder, 1));

  /** The same, with 16 pages brought in for each. */
  static final Operation FAULT_AROUND =
      new Operation(
          Subject.of("fault-bulk", "pages", "16"),
          Effort.HEADLINE,
          1000,
          YardstickCommand.of("fault-yardstick", "around=16"),
          (operation, folder) -> new FaultBenchmark(operation, folder, 16));

  /** Until the guest has written to the 4,096 pages of its working set, which lie together. */
  static final Operation WORKING_SET =
      new Operation(
          Subject.of("working-set", "layout", "together", "way", "prefetch"),
          Effort.HEADLINE,
          5,
          YardstickCommand.of("working-set-yardstick"),
          (operation, folder) ->
              new WorkingSetBenchmark(
                  operation, folder, WorkingSetBenchmark.together(WORKING_SET_PAGES), true));

  /** The same, brought in when the guest stops at them. */
  static final Operation WORKING_SET_BY_FAULTS =
      new Operation(
          Subject.of("working-set", "layout", "together", "way", "faults"),
          Effort.FULL,
          2,
          YardstickCommand.of("working-set-yardstick", "way=faults"),
          (operation, folder) ->
              new WorkingSetBenchmark(
                  operation, folder, WorkingSetBenchmark.together(WORKING_SET_PAGES), false));

  /** The same as {@link #WORKING_SET}, spread over its memory. */
  static final Operation WORKING_SET_SCATTERED =
      new Operation(
          Subject.of("working-set", "layout", "scattered", "way", "prefetch"),
          Effort.FULL,
          5,
          YardstickCommand.of("working-set-yardstick", "layout=scattered"),
          (operation, folder) ->
              new WorkingSetBenchmark(
                  operation, folder, WorkingSetBenchmark.allOver(WORKING_SET_PAGES), true));

  /** The same, brought in when the guest stops at them. */
  static final Operation WORKING_SET_SCATTERED_BY_FAULTS =
      new Operation(
          Subject.of("working-set", "layout", "scattered", "way", "faults"),
          Effort.FULL,
          2,
          YardstickCommand.of("working-set-yardstick", "layout=scattered", "way=faults"),
          (operation, folder) ->
              new WorkingSetBenchmark(
                  operation, folder, WorkingSetBenchmark.allOver(WORKING_SET_PAGES), false));

  /** All of them. */
  static final List<Operation> ALL =
      List.of(
          EXIT,
          KICK,
          PAUSE_256_MIB,
          PAUSE_1_GIB,
          PAUSE_8_GIB,
          PAUSE_MANY_PAGES,
          DIRTY_COLLECT,
          WRITE_OUT_DURABLE,
          WRITE_OUT,
          WRITE_OUT_CHECKED,
          WRITE_OUT_MANY_PAGES_DURABLE,
          WRITE_OUT_MANY_PAGES,
          WRITE_OUT_MANY_PAGES_CHECKED,
          VM,
          VM_MADE,
          FORK_READY,
          FORK_EXIT,
          RESTORE,
          RESTORE_1_GIB,
          RESTORE_PAGED,
          RESTORE_DEEP,
          REVERT,
          REVERT_1_GIB,
          FAULT,
          FAULT_AROUND,
          WORKING_SET,
          WORKING_SET_BY_FAULTS,
          WORKING_SET_SCATTERED,
          WORKING_SET_SCATTERED_BY_FAULTS);

  private static Operation writeOut(
      Effort effort, int count, String way, int pages, String... more) {
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
    return new Operation(
        Subject.of(
            "write-out",
            "dirtyPages",
            Integer.toString(pages),
            "beside",
            way,
            "until",
            durable ? "durable" : "written"),
        effort,
        count,
        yardstick,
        (operation, folder) -> new WriteOutBenchmark(operation, folder, GIB, pages, durable));
  }
}
