package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.snapshot.FieldReader;
import dev.torpor.testing.LinuxGuestTest;
import dev.torpor.vmm.boot.LinuxGuest;
import dev.torpor.vmm.checkpoint.GuestClock;
import dev.torpor.vmm.checkpoint.MachineStateCodec;
import dev.torpor.vmm.cpu.CpuTemplate;
import dev.torpor.vmm.device.ConsoleSession;
import dev.torpor.vmm.device.virtio.RawFileBackend;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A Linux guest that goes on in another VM does not notice, or only by its clock. */
@LinuxGuestTest
@Timeout(value = 300, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class LinuxRestoreTest {
  private static final Path GUESTS =
      Path.of(
          Optional.ofNullable(System.getenv("TORPOR_GUESTS"))
              .orElse(System.getProperty("user.home") + "/.cache/torpor/guests"));
  private static final Duration PATIENCE = Duration.ofSeconds(100);
  private static final String PROMPT = "torpor# ";
  private static final int AWAY_SECONDS = 20;

  @TempDir private Path folder;

  private static VmConfig.Builder guest(int vcpus) {
    return VmConfig.boot(
            new LinuxGuest(
                GUESTS.resolve("vmlinuz-6.1-cloud"),
                Optional.of(GUESTS.resolve("initramfs-6.1-cloud.cpio.gz")),
                "console=ttyS0 quiet panic=-1 torpor.plain torpor.root=/dev/vda"))
        .cpuTemplate(CpuTemplate.X86_64_V2)
        .memory(256L << 20)
        .vcpus(vcpus);
  }

  private static String run(ConsoleSession console, String command) throws InterruptedException {
    return console.run(command, PATIENCE).strip();
  }

  private static double uptime(ConsoleSession console) throws InterruptedException {
    return Double.parseDouble(run(console, "cut -d' ' -f1 /proc/uptime"));
  }

  @ParameterizedTest
  @CsvSource({"1, CONTINUE", "2, CONTINUE", "2, CATCH_UP"})
  void aGuestGoesOnInAnotherVmInTheMiddleOfItsWork(int vcpus, GuestClock clock) throws Exception {
    Path disk = Files.copy(GUESTS.resolve("rootfs.ext4"), folder.resolve("disk.img"));
    ConsoleSession before = new ConsoleSession(PROMPT);
    Replica then;
    double uptimeBefore;
    String linesBefore;
    try (Vm vm = Vm.create(guest(vcpus).disk(disk, false).console(before).build())) {
      before.connect(vm.serialPort().orElseThrow()::offer);
      vm.start();
      before.expect("torpor guest ready", PATIENCE);
      before.awaitPrompt(PATIENCE);
      uptimeBefore = uptime(before);
      linesBefore = run(before, "dmesg | wc -l");
      before.sendLine(
          "for i in 1 2 3 4; do dd if=/dev/urandom of=/f$i bs=64k count=32 conv=fsync 2>/dev/null;"
              + " md5sum /f$i >>/sums; done; md5sum -c /sums; echo all-checked");
      Thread.sleep(700);
      vm.pause();
      then = Replica.of(vm.machine());
    }
    Replica stored =
        new Replica(
            MachineStateCodec.decode(
                FieldReader.of(disk, 0, MachineStateCodec.encode(then.state()).toByteArray())),
            then.memory());
    if (clock == GuestClock.CATCH_UP) {
      TimeUnit.SECONDS.sleep(AWAY_SECONDS);
    }
    ConsoleSession after = new ConsoleSession(PROMPT);
    try (Replica.Running replica = stored.rebuild(clock, after, RawFileBackend.open(disk, false))) {
      after.connect(replica.machine().serial().orElseThrow()::offer);
      replica.start();
      assertThat(after.expect("all-checked", PATIENCE))
          .contains("/f4: OK")
          .doesNotContain("FAILED");
      after.awaitPrompt(PATIENCE);
      double away = clock == GuestClock.CATCH_UP ? AWAY_SECONDS : 0;
      assertThat(uptime(after)).isBetween(uptimeBefore + away, uptimeBefore + away + 100);
      assertThat(run(after, "nproc")).isEqualTo(Integer.toString(vcpus));
      assertThat(run(after, "cat /sys/devices/system/clocksource/*/current_clocksource"))
          .isIn("kvm-clock", "tsc");
      String since = "dmesg | tail -n +$((%s + 1)) | ".formatted(linesBefore);
      assertThat(
              run(
                  after,
                  since + "grep -iE 'WARNING|BUG|Oops|I/O error|stall|lockup|unstable|skew'"))
          .isEmpty();
      long start = System.nanoTime();
      run(after, "sleep 2");
      assertThat(System.nanoTime() - start).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(1_900));
      replica.pause();
    }
  }
}
