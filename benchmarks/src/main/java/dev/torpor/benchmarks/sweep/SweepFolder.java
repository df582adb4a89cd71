package dev.torpor.benchmarks.sweep;

import java.nio.file.Path;

/** Where the JVMs that measure put their stores: what disk that is on is part of the figures. */
final class SweepFolder {
  static final String PROPERTY = "torpor.bench.folder";

  private SweepFolder() {}

  /** As told by who started this JVM; else the system's folder for temporary files. */
  static Path path() {
    return Path.of(System.getProperty(PROPERTY, System.getProperty("java.io.tmpdir")));
  }
}
