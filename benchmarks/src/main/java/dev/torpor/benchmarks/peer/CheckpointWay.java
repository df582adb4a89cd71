package dev.torpor.benchmarks.peer;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;

/** One of QEMU's ways to save a running machine to a file. */
interface CheckpointWay {
  /** What results call it. */
  String label();

  /** Whether a QEMU with these capabilities of migration has it. */
  default boolean isAmong(Set<String> capabilities) {
    return true;
  }

  /** Prepares a QEMU to do so many times, with files in that folder. */
  void prepare(QmpClient qmp, Path folder) throws IOException;

  /** Saves the machine; returns when it runs again, and all has been given to the kernel. */
  Path take(QmpClient qmp, Path folder) throws IOException;

  /** Deletes what was saved last. */
  void discard(QmpClient qmp, Path folder) throws IOException;

  /** Whether QEMU itself tells how long the guest stood still. */
  boolean reportsDowntime();
}
