/** The command line. */
module dev.torpor.launcher {
  requires com.google.gson;
  requires dev.torpor.snapshot;
  requires dev.torpor.vmm;
  requires info.picocli;

  opens dev.torpor.launcher to
      info.picocli;
}
