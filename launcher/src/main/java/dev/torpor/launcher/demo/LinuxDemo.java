package dev.torpor.launcher.demo;

import dev.torpor.snapshot.Store;
import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.boot.LinuxGuest;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.device.ConsoleSession;
import dev.torpor.vmm.vm.RestoreConfig;
import dev.torpor.vmm.vm.Vm;
import dev.torpor.vmm.vm.VmConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A stock Debian kernel, booted to a shell on a disk: checkpointed, ruined, taken back, branched.
 *
 * <p>The disk is a file that nobody writes: what the guests write goes to a store.
 */
public final class LinuxDemo {
  private static final String PROMPT = "torpor# ";
  private static final String COMMAND_LINE =
      "console=ttyS0 quiet reboot=k panic=-1 torpor.root=/dev/vda torpor.plain";
  private static final String CHECKSUM =
      "find /bin/busybox /etc /home -type f | xargs md5sum | md5sum";
  private static final String NOISE =
      "/tmp/busybox dd if=/dev/urandom of=/dev/vda bs=1048576 count=32 conv=fsync 2>&1";
  private static final int CHILDREN = 3;
  private static final int MAX_CHARS = 38;
  private static final Duration BOOT_PATIENCE = Duration.ofMinutes(3);
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private final DemoLog log;
  private final Path kernel;
  private final Path initrd;
  private final Path disk;
  private final ConsoleSession console = new ConsoleSession(PROMPT);

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
    this.disk = existing(guests.resolve("rootfs.ext4"));
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
    try (TemporaryStore temporary = TemporaryStore.create();
        Vm vm = boot(temporary.store())) {
      ask(console, "uname -sr", "Linux 6.1");
      ask(console, "mount | grep vda", "/dev/vda on / type ext4");
      ask(console, "mkdir -p /etc /home; echo hello >/home/letter; ls /home", "letter");
      String sum = ask(console, CHECKSUM, " -");
      Checkpoint v1 = checkpoint(vm);
      ruin();
      log.step("revert to v1, in place", "the same VM, as it was", () -> revert(vm, v1));
      ask(console, "cat /home/letter", "hello");
      ask(console, CHECKSUM, sum);
      fork(vm);
      log.step("power off", "powered off", () -> powerOff(vm, console));
    }
  }

  private Checkpoint checkpoint(Vm vm) throws InterruptedException {
    Checkpoint v1 = vm.checkpoint("v1");
    log.step("checkpoint v1: the guest stands still", "then it runs on", v1.pause().toNanos());
    v1.awaitDurable();
    log.step(
        "until v1 is durable",
        "%d MiB stored".formatted(v1.storedBytes() >> 20),
        v1.durableAfter().toNanos());
    return v1;
  }

  /** Leaves neither programs nor a file system. A copy of busybox outlives them in memory. */
  private void ruin() throws Exception {
    ask(console, "cp /bin/busybox /tmp; rm -rf /home /etc /bin /sbin; /tmp/busybox ls /", "tmp");
    ask(console, NOISE, "32+0 records out");
    ask(console, "cat /home/letter 2>/dev/null || echo gone", "gone");
  }

  private static Checkpoint revert(Vm vm, Checkpoint checkpoint) throws InterruptedException {
    vm.revertTo(checkpoint);
    return checkpoint;
  }

  private void fork(Vm parent) throws Exception {
    List<ConsoleSession> consoles =
        Stream.generate(() -> new ConsoleSession(PROMPT)).limit(CHILDREN).toList();
    List<Vm> children =
        log.step("fork three children", "ready to run", () -> parent.fork(configs(consoles)));
    try {
      for (int i = 0; i < CHILDREN; i++) {
        connect(children.get(i), consoles.get(i));
        children.get(i).start();
        ask(
            consoles.get(i),
            "echo %d >/home/child-%d; sync; ls /home".formatted(i, i),
            "child-" + i);
      }
      for (int i = 0; i < CHILDREN; i++) {
        askExactly(consoles.get(i), "echo /home/*", "/home/child-%d /home/letter".formatted(i));
      }
      askExactly(console, "echo /home/*", "/home/letter");
    } finally {
      children.forEach(Vm::close);
    }
  }

  private static List<RestoreConfig> configs(List<ConsoleSession> consoles) {
    return IntStream.range(0, CHILDREN)
        .mapToObj(i -> RestoreConfig.named("child-" + i).console(consoles.get(i)).build())
        .toList();
  }

  private Vm boot(Store store) throws Exception {
    VmConfig machine =
        VmConfig.boot(new LinuxGuest(kernel, Optional.of(initrd), COMMAND_LINE))
            .name("demo")
            .disk(disk, false)
            .console(console)
            .store(store)
            .build();
    Vm vm = log.step("create a VM of 512 MiB", "kernel loaded", () -> Vm.create(machine));
    try {
      connect(vm, console);
      log.step("boot Debian's stock kernel", "a shell", () -> start(vm));
      return vm;
    } catch (Exception e) {
      vm.close();
      throw e;
    }
  }

  private String start(Vm vm) throws InterruptedException {
    vm.start();
    return console.awaitPrompt(BOOT_PATIENCE);
  }

  private static void connect(Vm vm, ConsoleSession session) {
    session.connect(vm.serialPort().orElseThrow()::offer);
    endWith(vm, session);
  }

  /** Lets nobody wait for the console of a guest that has ended. */
  private static void endWith(Vm vm, ConsoleSession session) {
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                session.end(vm.awaitExit().describe());
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
  }

  private String ask(ConsoleSession session, String command, String expected) throws Exception {
    long start = System.nanoTime();
    String answer = session.run(command, PATIENCE).strip();
    if (!answer.contains(expected)) {
      throw new IllegalStateException(
          "'%s' answered '%s', without '%s'".formatted(command, answer, expected));
    }
    log.step(
        PROMPT + excerpt(command),
        excerpt(answer.lines().findFirst().orElse("")),
        System.nanoTime() - start);
    return answer;
  }

  private void askExactly(ConsoleSession session, String command, String expected)
      throws Exception {
    String answer = ask(session, command, expected);
    if (!answer.equals(expected)) {
      throw new IllegalStateException(
          "'%s' answered '%s' instead of '%s'".formatted(command, answer, expected));
    }
  }

  private static String excerpt(String text) {
    return text.length() <= MAX_CHARS ? text : text.substring(0, MAX_CHARS - 3) + "...";
  }

  private static VmExit powerOff(Vm vm, ConsoleSession session) throws InterruptedException {
    session.sendLine("poweroff -f");
    VmExit exit =
        vm.awaitExit(PATIENCE)
            .orElseThrow(() -> new IllegalStateException("the guest does not power off"));
    if (!(exit instanceof VmExit.PoweredOff)) {
      throw new IllegalStateException("instead of powering off: " + exit.describe());
    }
    return exit;
  }
}
