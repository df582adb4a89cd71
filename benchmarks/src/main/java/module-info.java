/** Measurements of Torpor beside C programs that make the same system calls. */
module dev.torpor.benchmarks {
  requires dev.torpor.vmm;
  requires info.picocli;
  requires jdk.management;

  opens dev.torpor.benchmarks to
      info.picocli;
}
