package dev.torpor.benchmarks;

/**
 * What is measured of checkpoints, each with the C program that does the same.
 *
 * <p>The guest is always a flat one. Where it goes on writing, its pages are spread over all of its
 * memory, or over that beyond 3 GiB if there is any.
 */
enum CheckpointOperation {
  /** How long a checkpoint stops a guest of 256 MiB that has written to 2,000 pages since. */
  PAUSE_256_MIB("pause-256m", 100, YardstickCommand.of("pause-yardstick", "memory=256")),
  /** The same with 1 GiB. */
  PAUSE_1_GIB("pause-1g", 100, YardstickCommand.of("pause-yardstick", "memory=1024")),
  /** The same with 8 GiB, of which the host needs 4 GiB. */
  PAUSE_8_GIB("pause-8g", 100, YardstickCommand.of("pause-yardstick", "memory=8192")),
  /** 1 GiB again, but 100,000 pages. */
  PAUSE_MANY_PAGES(
      "pause-100k", 5, YardstickCommand.of("pause-yardstick", "memory=1024", "pages=100000")),
  /** Branching a warm 256 MiB VM: to a child that could run. A hundred live at a time. */
  FORK_READY("fork-ready", 100, YardstickCommand.of("fork-yardstick", "kept=100")),
  /** The same, to the child's first exit. */
  FORK_EXIT("fork-exit", 100, YardstickCommand.of("fork-yardstick", "kept=100", "until=exit")),
  /** From files in the page cache to the first exit of a 256 MiB VM. */
  RESTORE("restore", 100, YardstickCommand.of("restore-yardstick")),
  /** Taking a running 256 MiB VM back, which has written to 100 pages. */
  REVERT("revert", 500, YardstickCommand.of("revert-yardstick", "way=copy")),
  /** From one missing page that the guest stops at to the next. */
  FAULT("fault", 2_000, YardstickCommand.of("fault-yardstick")),
  /** The same, with 16 pages brought in for each. */
  FAULT_AROUND("fault-16", 1_000, YardstickCommand.of("fault-yardstick", "around=16")),
  /** Until the guest has written to the 4,096 pages of its working set, which lie together. */
  WORKING_SET("working-set", 5, YardstickCommand.of("working-set-yardstick")),
  /** The same, spread over its memory. */
  WORKING_SET_SCATTERED(
      "working-set-scattered", 5, YardstickCommand.of("working-set-yardstick", "layout=scattered")),
  /** The same as {@link #WORKING_SET}, each page brought in when the guest stops at it. */
  WORKING_SET_BY_FAULTS(
      "working-set-by-faults", 2, YardstickCommand.of("working-set-yardstick", "way=faults"));

  private final String operation;
  private final int samplesPerRound;
  private final YardstickCommand yardstick;

  CheckpointOperation(String operation, int samplesPerRound, YardstickCommand yardstick) {
    this.operation = operation;
    this.samplesPerRound = samplesPerRound;
    this.yardstick = yardstick;
  }

  /** The operation, as results name it. */
  String operation() {
    return operation;
  }

  /** How many samples make a round. */
  int samplesPerRound() {
    return samplesPerRound;
  }

  /** The C program that does the same. */
  YardstickCommand yardstick() {
    return yardstick;
  }
}
