/** Measurements of Torpor beside C programs that make the same system calls. */
module dev.torpor.benchmarks {
  requires com.google.gson;
  requires dev.torpor.vmm;
  requires info.picocli;
  requires jdk.management;
  requires jmh.core;

  opens dev.torpor.benchmarks to
      info.picocli;
  opens dev.torpor.benchmarks.cost to
      info.picocli;
  opens dev.torpor.benchmarks.peer to
      info.picocli;
  opens dev.torpor.benchmarks.sweep to
      info.picocli,
      jmh.core;
}
