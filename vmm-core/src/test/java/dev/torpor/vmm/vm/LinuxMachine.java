package dev.torpor.vmm.vm;

import dev.torpor.snapshot.Store;
import dev.torpor.vmm.boot.LinuxGuest;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.cpu.CpuTemplate;
import dev.torpor.vmm.device.ConsoleSession;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** A Linux guest on a disk, with whoever types at its console. */
final class LinuxMachine implements AutoCloseable {
  static final Path GUESTS =
      Path.of(
          Optional.ofNullable(System.getenv("TORPOR_GUESTS"))
              .orElse(System.getProperty("user.home") + "/.cache/torpor/guests"));
  static final Duration PATIENCE = Duration.ofSeconds(100);
  private static final String PROMPT = "torpor# ";

  private final Vm vm;
  private final ConsoleSession console;

  private LinuxMachine(Vm vm, ConsoleSession console) {
    this.vm = vm;
    this.console = console;
    console.connect(vm.serialPort().orElseThrow()::offer);
    Thread.ofVirtual().start(this::endConsoleWithGuest);
  }

  /** Boots a stock kernel; its disk's file is only read. */
  static LinuxMachine boot(Store store, int vcpuCount) throws InterruptedException {
    LinuxGuest guest =
        new LinuxGuest(
            GUESTS.resolve("vmlinuz-6.1-cloud"),
            Optional.of(GUESTS.resolve("initramfs-6.1-cloud.cpio.gz")),
            "console=ttyS0 quiet panic=-1 torpor.plain torpor.root=/dev/vda");
    ConsoleSession console = new ConsoleSession(PROMPT);
    VmConfig config =
        VmConfig.boot(guest)
            .name("first")
            // Under emulation KVM does not see XSETBV, and Linux warns of XSAVE's size.
            .cpuTemplate(CpuTemplate.X86_64_V2)
            .memory(256L << 20)
            .vcpus(vcpuCount)
            .disk(GUESTS.resolve("rootfs.ext4"), false)
            .console(console)
            .store(store)
            .build();
    LinuxMachine machine = new LinuxMachine(Vm.create(config), console);
    machine.vm.start();
    console.expect("torpor guest ready", PATIENCE);
    console.awaitPrompt(PATIENCE);
    return machine;
  }

  /** Continues from a checkpoint whose guest waited for a command. Not started. */
  static LinuxMachine restore(Store store, UUID checkpoint, RestoreConfig.Builder config) {
    ConsoleSession console = new ConsoleSession(PROMPT);
    return new LinuxMachine(
        Vm.restore(store, checkpoint, config.console(console).build()), console);
  }

  /** Branches it, while its guest waits for a command. The children are not started. */
  List<LinuxMachine> fork(String... names) throws InterruptedException {
    List<ConsoleSession> consoles = new ArrayList<>();
    List<RestoreConfig> configs = new ArrayList<>();
    for (String name : names) {
      consoles.add(new ConsoleSession(PROMPT));
      configs.add(RestoreConfig.named(name).console(consoles.getLast()).build());
    }
    List<LinuxMachine> children = new ArrayList<>();
    for (Vm child : vm.fork(configs)) {
      children.add(new LinuxMachine(child, consoles.get(children.size())));
    }
    return children;
  }

  private void endConsoleWithGuest() {
    try {
      console.end(vm.awaitExit().describe());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  Vm vm() {
    return vm;
  }

  /** Types a command and returns what it printed. */
  String run(String command) throws InterruptedException {
    return console.run(command, PATIENCE).strip();
  }

  /** Takes a checkpoint that is durable. */
  Checkpoint checkpoint(String label) throws InterruptedException {
    return vm.checkpoint(label).awaitDurable();
  }

  @Override
  public void close() {
    vm.close();
  }
}
