package dev.torpor.launcher;

import dev.torpor.launcher.demo.CheckpointTimes;
import dev.torpor.launcher.demo.DemoLog;
import dev.torpor.launcher.demo.FlatDemo;
import dev.torpor.launcher.demo.LabProcess;
import dev.torpor.launcher.demo.LinuxDemo;
import dev.torpor.launcher.demo.TemporaryStore;
import dev.torpor.launcher.doctor.Capability;
import dev.torpor.launcher.doctor.HostReport;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code torpor demo}. */
@Command(
    name = "demo",
    description =
        "Shows what Torpor does, with figures: a Linux guest that is ruined and taken back, and programs"
            + " at full speed.",
    footer = {
      "",
      "Kernels and disks come from the folder TORPOR_GUESTS (~/.cache/torpor/guests).",
      "Where KVM cannot run guest kernels, the Linux guest runs in the lab; where there is no KVM, all does."
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class)
final class DemoCommand implements Callable<Integer> {
  @Option(
      names = "--linux-part",
      hidden = true,
      description = "Only the Linux guest, here: what the demo starts inside the lab.")
  private boolean linuxPart;

  @Spec private CommandSpec spec;

  private final Map<String, String> environment;

  DemoCommand(Map<String, String> environment) {
    this.environment = environment;
  }

  @Override
  public Integer call() throws Exception {
    DemoLog log = new DemoLog(spec.commandLine().getOut());
    if (linuxPart) {
      new LinuxDemo(guests(), log).run();
      return ExitCode.OK;
    }
    Capability kvm = HostReport.kvm();
    if (!kvm.ok()) {
      allInLab(log, kvm.detail());
      return ExitCode.OK;
    }
    long start = System.nanoTime();
    log.line("Torpor runs virtual machines on KVM, from Java. This is what it does here.");
    linux(log);
    new FlatDemo(log).run();
    try (TemporaryStore temporary = TemporaryStore.create()) {
      new CheckpointTimes(temporary.store(), log).run();
    }
    log.summary();
    log.line("%nAll of it took %.1f s.".formatted((System.nanoTime() - start) / 1e9));
    return ExitCode.OK;
  }

  void allInLab(DemoLog log, String reason) throws Exception {
    log.line("This host cannot run virtual machines: " + reason + ". So all of this happens in");
    log.line(
        "the lab, a machine emulated by QEMU with a complete KVM: the same code, 5 to 20 times slower.");
    new LabProcess(environment).run(log::line, "demo");
  }

  private void linux(DemoLog log) throws Exception {
    log.heading("A Linux guest: checkpointed, ruined, taken back, branched");
    Capability kernelMode = HostReport.guestKernelMode();
    if (kernelMode.ok()) {
      new LinuxDemo(guests(), log).run();
      return;
    }
    log.line("  KVM on this host does not execute guest kernels (" + kernelMode.detail() + ").");
    log.line("  So this part runs in the lab, a machine emulated by QEMU with a complete KVM:");
    log.line("  the same code, but 5 to 20 times slower.");
    long start = System.nanoTime();
    new LabProcess(environment).run(log::relay, "demo", "--linux-part");
    log.step(
        "Linux guest, with the start of the lab",
        "ruined and taken back",
        System.nanoTime() - start);
  }

  private Path guests() {
    String folder = environment.get("TORPOR_GUESTS");
    return folder != null
        ? Path.of(folder)
        : Path.of(System.getProperty("user.home"), ".cache/torpor/guests");
  }
}
