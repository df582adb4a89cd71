package dev.torpor.launcher.demo;

import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.boot.LinuxGuest;
import dev.torpor.vmm.device.ConsoleSession;
import dev.torpor.vmm.vm.Vm;
import dev.torpor.vmm.vm.VmConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/**
 * A stock Debian kernel, booted to a shell on a disk of its own, asked a few things, powered off.
 */
public final class LinuxDemo {
  private static final String PROMPT = "torpor# ";
  private static final String COMMAND_LINE =
      "console=ttyS0 quiet reboot=k panic=-1 torpor.root=/dev/vda torpor.plain";
  private static final Duration BOOT_PATIENCE = Duration.ofMinutes(3);
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private final DemoLog log;
  private final Path kernel;
  private final Path initrd;
  private final Path diskTemplate;

  /**
   * Prepares the part.
   *
   * @param guests the folder with kernel, initramfs and root disk
   * @param log where to tell of it
   * @throws IllegalStateException if one of the files is missing
   */
  public LinuxDemo(Path guests, DemoLog log) {
    this.log = Objects.requireNonNull(log);
    this.kernel = existing(guests.resolve("vmlinuz-6.1-cloud"));
    this.initrd = existing(guests.resolve("initramfs-6.1-cloud.cpio.gz"));
    this.diskTemplate = existing(guests.resolve("rootfs.ext4"));
  }

  private static Path existing(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new IllegalStateException(
          file + " is missing: './torpor demo' makes it, or name the folder in TORPOR_GUESTS");
    }
    return file;
  }

  /**
   * Runs the part.
   *
   * @throws Exception if the guest does not do what it should
   */
  public void run() throws Exception {
    Path disk = Files.createTempFile("torpor-demo", ".ext4");
    try {
      log.step("copy the root disk", size(diskTemplate), () -> copy(disk));
      boot(disk);
    } finally {
      Files.delete(disk);
    }
  }

  private Path copy(Path disk) throws IOException {
    Files.delete(disk);
    return Files.copy(diskTemplate, disk);
  }

  private static String size(Path file) throws IOException {
    return (Files.size(file) >> 20) + " MiB of ext4";
  }

  private void boot(Path disk) throws Exception {
    ConsoleSession console = new ConsoleSession(PROMPT);
    VmConfig machine =
        VmConfig.boot(new LinuxGuest(kernel, Optional.of(initrd), COMMAND_LINE))
            .name("demo")
            .disk(disk, false)
            .console(console)
            .build();
    try (Vm vm = log.step("create a VM of 512 MiB", "kernel loaded", () -> Vm.create(machine))) {
      console.connect(vm.serialPort().orElseThrow()::offer);
      endWith(vm, console);
      log.step(
          "boot Debian's stock kernel",
          "a shell",
          () -> {
            vm.start();
            return console.awaitPrompt(BOOT_PATIENCE);
          });
      ask(console, "uname -sr", "Linux 6.1");
      ask(console, "mount | grep vda", "/dev/vda on / type ext4");
      ask(console, "echo hello >/file; cat /file", "hello");
      log.step("power off", "powered off", () -> powerOff(vm, console));
    }
  }

  /** Lets nobody wait for the console of a guest that has ended. */
  private static void endWith(Vm vm, ConsoleSession console) {
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                console.end(vm.awaitExit().describe());
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
  }

  private void ask(ConsoleSession console, String command, String expected) throws Exception {
    long start = System.nanoTime();
    String answer = console.run(command, PATIENCE).strip();
    if (!answer.contains(expected)) {
      throw new IllegalStateException(
          "'%s' answered '%s', without '%s'".formatted(command, answer, expected));
    }
    log.step(PROMPT + command, answer.lines().findFirst().orElse(""), System.nanoTime() - start);
  }

  private static VmExit powerOff(Vm vm, ConsoleSession console) throws InterruptedException {
    console.sendLine("poweroff -f");
    VmExit exit =
        vm.awaitExit(PATIENCE)
            .orElseThrow(() -> new IllegalStateException("the guest does not power off"));
    if (!(exit instanceof VmExit.PoweredOff)) {
      throw new IllegalStateException("instead of powering off: " + exit.describe());
    }
    return exit;
  }
}
