package dev.torpor.benchmarks;

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
 */
record CheckpointOperation(String name, int samplesPerRound, YardstickCommand yardstick) {
  /** How long a checkpoint stops a guest of 256 MiB that has written to 2,000 pages since. */
  static final CheckpointOperation PAUSE_256_MIB =
      new CheckpointOperation(
          "pause-256m", 100, YardstickCommand.of("pause-yardstick", "memory=256"));

  /** The same with 1 GiB. */
  static final CheckpointOperation PAUSE_1_GIB =
      new CheckpointOperation(
          "pause-1g", 100, YardstickCommand.of("pause-yardstick", "memory=1024"));

  /** The same with 8 GiB, of which the host needs 4 GiB. */
  static final CheckpointOperation PAUSE_8_GIB =
      new CheckpointOperation(
          "pause-8g", 100, YardstickCommand.of("pause-yardstick", "memory=8192"));

  /** 1 GiB again, but 100,000 pages. */
  static final CheckpointOperation PAUSE_MANY_PAGES =
      new CheckpointOperation(
          "pause-100k", 5, YardstickCommand.of("pause-yardstick", "memory=1024", "pages=100000"));

  /** Branching a warm 256 MiB VM: to a child that could run. A hundred live at a time. */
  static final CheckpointOperation FORK_READY =
      new CheckpointOperation("fork-ready", 100, YardstickCommand.of("fork-yardstick", "kept=100"));

  /** The same, to the child's first exit. */
  static final CheckpointOperation FORK_EXIT =
      new CheckpointOperation(
          "fork-exit", 100, YardstickCommand.of("fork-yardstick", "kept=100", "until=exit"));

  /** From files in the page cache to the first exit of a 256 MiB VM. */
  static final CheckpointOperation RESTORE =
      new CheckpointOperation("restore", 100, YardstickCommand.of("restore-yardstick"));

  /** Taking a running 256 MiB VM back, which has written to 100 pages. */
  static final CheckpointOperation REVERT =
      new CheckpointOperation("revert", 500, YardstickCommand.of("revert-yardstick", "way=copy"));

  /** From one missing page that the guest stops at to the next. */
  static final CheckpointOperation FAULT =
      new CheckpointOperation("fault", 2_000, YardstickCommand.of("fault-yardstick"));

  /** The same, with 16 pages brought in for each. */
  static final CheckpointOperation FAULT_AROUND =
      new CheckpointOperation(
          "fault-16", 1_000, YardstickCommand.of("fault-yardstick", "around=16"));

  /** Until the guest has written to the 4,096 pages of its working set, which lie together. */
  static final CheckpointOperation WORKING_SET =
      new CheckpointOperation("working-set", 5, YardstickCommand.of("working-set-yardstick"));

  /** The same, spread over its memory. */
  static final CheckpointOperation WORKING_SET_SCATTERED =
      new CheckpointOperation(
          "working-set-scattered",
          5,
          YardstickCommand.of("working-set-yardstick", "layout=scattered"));

  /** The same as {@link #WORKING_SET}, each page brought in when the guest stops at it. */
  static final CheckpointOperation WORKING_SET_BY_FAULTS =
      new CheckpointOperation(
          "working-set-by-faults", 2, YardstickCommand.of("working-set-yardstick", "way=faults"));

  /** All of them. */
  static final List<CheckpointOperation> ALL =
      List.of(
          PAUSE_256_MIB,
          PAUSE_1_GIB,
          PAUSE_8_GIB,
          PAUSE_MANY_PAGES,
          FORK_READY,
          FORK_EXIT,
          RESTORE,
          REVERT,
          FAULT,
          FAULT_AROUND,
          WORKING_SET,
          WORKING_SET_SCATTERED,
          WORKING_SET_BY_FAULTS);
}
