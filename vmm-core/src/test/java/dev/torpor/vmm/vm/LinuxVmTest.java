package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.testing.LinuxGuestTest;
import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.boot.LinuxGuest;
import dev.torpor.vmm.cpu.CpuTemplate;
import dev.torpor.vmm.device.ConsoleSession;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Stock Debian kernels, from power-on to power-off. */
@LinuxGuestTest
@Timeout(value = 240, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class LinuxVmTest {
  private static final Path GUESTS =
      Path.of(
          Optional.ofNullable(System.getenv("TORPOR_GUESTS"))
              .orElse(System.getProperty("user.home") + "/.cache/torpor/guests"));
  private static final Duration PATIENCE = Duration.ofSeconds(100);
  private static final String PROMPT = "torpor# ";
  private static final String CONSOLE = "console=ttyS0 quiet panic=-1 torpor.plain ";

  @TempDir private Path folder;

  static Stream<Arguments> kernelsAndVcpuCounts() throws IOException {
    List<String> kernels;
    try (Stream<Path> files = Files.list(GUESTS)) {
      kernels =
          files
              .map(file -> file.getFileName().toString())
              .filter(name -> name.startsWith("vmlinuz-"))
              .map(name -> name.substring("vmlinuz-".length()))
              .sorted()
              .toList();
    }
    assertThat(kernels).contains("6.1-cloud", "6.1-generic");
    return kernels.stream()
        .flatMap(kernel -> Stream.of(1, 2, 4).map(count -> Arguments.of(kernel, count)));
  }

  private static LinuxGuest guest(String kernel, String parameters) {
    return new LinuxGuest(
        GUESTS.resolve("vmlinuz-" + kernel),
        Optional.of(GUESTS.resolve("initramfs-" + kernel + ".cpio.gz")),
        CONSOLE + parameters);
  }

  private Path copyOfRootDisk() throws IOException {
    return Files.copy(
        GUESTS.resolve("rootfs.ext4"),
        folder.resolve("disk.img"),
        StandardCopyOption.REPLACE_EXISTING);
  }

  /** Types a command at the prompt and returns what it printed. */
  private static String run(ConsoleSession console, String command) throws InterruptedException {
    return console.run(command, PATIENCE).strip();
  }

  private static Vm start(VmConfig.Builder builder, ConsoleSession console)
      throws InterruptedException {
    Vm vm = Vm.create(builder.console(console).build());
    console.connect(vm.serialPort().orElseThrow()::offer);
    vm.start();
    console.expect("torpor guest ready", PATIENCE);
    console.awaitPrompt(PATIENCE);
    return vm;
  }

  @ParameterizedTest(name = "{0} with {1} vCPUs")
  @MethodSource("kernelsAndVcpuCounts")
  void aStockKernelBootsWritesItsDiskAndPowersOff(String kernel, int vcpuCount) throws Exception {
    Path disk = copyOfRootDisk();
    ConsoleSession console = new ConsoleSession(PROMPT);
    // Under emulation KVM does not see XSETBV, and Linux warns of XSAVE's size: v2 has no XSAVE.
    VmConfig.Builder builder =
        VmConfig.boot(guest(kernel, "torpor.root=/dev/vda"))
            .cpuTemplate(CpuTemplate.X86_64_V2)
            .vcpus(vcpuCount)
            .disk(disk, false);
    try (Vm vm = start(builder, console)) {
      assertThat(run(console, "nproc")).isEqualTo(Integer.toString(vcpuCount));
      assertThat(
              run(console, "dd if=/dev/urandom of=/big bs=1M count=64 2>/dev/null; sync; echo $?"))
          .isEqualTo("0");
      assertThat(run(console, "wc -c </big")).isEqualTo(Integer.toString(64 << 20));
      assertThat(run(console, "dmesg | grep -E 'WARNING|BUG|Oops|I/O error' | head -5")).isEmpty();
      console.sendLine("poweroff -f");
      assertThat(vm.awaitExit(PATIENCE)).contains(new VmExit.PoweredOff());
    }
    assertThatFileSystemIsClean(disk);
  }

  private static void assertThatFileSystemIsClean(Path disk) throws Exception {
    Process check =
        new ProcessBuilder("/sbin/e2fsck", "-fn", disk.toString())
            .redirectErrorStream(true)
            .start();
    String report = new String(check.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(check.waitFor()).as(report).isZero();
  }

  @Test
  void anUncompressedKernelBootsByPvh() throws Exception {
    Path vmlinux = uncompressed("6.1-generic");
    LinuxGuest guest =
        new LinuxGuest(
            vmlinux, Optional.of(GUESTS.resolve("initramfs-6.1-generic.cpio.gz")), CONSOLE);
    ConsoleSession console = new ConsoleSession(PROMPT);
    try (Vm vm = start(VmConfig.boot(guest).vcpus(2), console)) {
      assertThat(run(console, "nproc")).isEqualTo("2");
      console.sendLine("poweroff -f");
      assertThat(vm.awaitExit(PATIENCE)).contains(new VmExit.PoweredOff());
    }
  }

  /** The ELF kernel inside a bzImage, which Debian compresses with xz and ends with its size. */
  private Path uncompressed(String kernel) throws Exception {
    byte[] image = Files.readAllBytes(GUESTS.resolve("vmlinuz-" + kernel));
    ByteBuffer header = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN);
    int start = (image[0x1f1] + 1) * 512 + header.getInt(0x248);
    int length = header.getInt(0x24c) - Integer.BYTES;
    Path packed = folder.resolve("vmlinux.xz");
    Files.write(packed, Arrays.copyOfRange(image, start, start + length));
    Path vmlinux = folder.resolve("vmlinux");
    Process xz =
        new ProcessBuilder("xz", "-dc", packed.toString()).redirectOutput(vmlinux.toFile()).start();
    assertThat(xz.waitFor()).isZero();
    return vmlinux;
  }

  @Test
  void aFlatProgramBootsAsAPvhKernelToo() throws Exception {
    Path elf = folder.resolve("memory-check.elf");
    try (InputStream image = LinuxGuest.class.getResourceAsStream("guests/memory-check.elf")) {
      Files.copy(image, elf);
    }
    LinuxGuest guest = new LinuxGuest(elf, Optional.empty(), "rsi=0x100000 r8=1000");
    ConsoleSession console = new ConsoleSession(PROMPT);
    try (Vm vm = Vm.create(VmConfig.boot(guest).memory(64 << 20).console(console).build())) {
      vm.start();
      console.expect("torpor-guest: exit 0", PATIENCE);
    }
  }

  @Test
  void aGuestSeesTheBaselineThatItsTemplateNames() throws InterruptedException {
    ConsoleSession console = new ConsoleSession(PROMPT);
    VmConfig.Builder builder =
        VmConfig.boot(guest("6.1-cloud", "")).cpuTemplate(CpuTemplate.X86_64_V2);
    try (Vm vm = start(builder, console)) {
      String flags = run(console, "grep -m1 flags /proc/cpuinfo");
      assertThat(flags.split("\\s+"))
          .contains("sse4_2", "popcnt", "nx")
          .doesNotContain("avx", "bmi2");
      console.sendLine("reboot -f");
      assertThat(vm.awaitExit(PATIENCE)).contains(new VmExit.Reset());
    }
  }

  @Test
  void aGuestThatIsPausedInTheMiddleOfDiskWorkGoesOnUnharmed() throws Exception {
    Path disk = copyOfRootDisk();
    ConsoleSession console = new ConsoleSession(PROMPT);
    VmConfig.Builder builder =
        VmConfig.boot(guest("6.1-cloud", "torpor.root=/dev/vda")).vcpus(2).disk(disk, false);
    try (Vm vm = start(builder, console)) {
      console.sendLine(
          "for i in 1 2 3; do dd if=/dev/urandom of=/f$i bs=64k count=64 conv=fsync 2>/dev/null;"
              + " md5sum /f$i >>/sums; done; md5sum -c /sums; echo done");
      for (int i = 0; i < 50; i++) {
        vm.pause();
        Thread.sleep(5);
        vm.resume();
        Thread.sleep(10);
      }
      String output = console.expect("done", PATIENCE);
      assertThat(output).contains("/f1: OK", "/f2: OK", "/f3: OK").doesNotContain("FAILED");
      console.awaitPrompt(PATIENCE);
      console.sendLine("poweroff -f");
      assertThat(vm.awaitExit(PATIENCE)).contains(new VmExit.PoweredOff());
    }
    assertThatFileSystemIsClean(disk);
  }

  @Test
  void aReadOnlyDiskCannotBeWritten() throws Exception {
    Path disk = copyOfRootDisk();
    ConsoleSession console = new ConsoleSession(PROMPT);
    VmConfig.Builder builder = VmConfig.boot(guest("6.1-cloud", "")).disk(disk, true);
    try (Vm vm = start(builder, console)) {
      assertThat(run(console, "cat /sys/block/vda/ro")).isEqualTo("1");
      assertThat(run(console, "echo x >/dev/vda && echo written")).doesNotEndWith("written");
      vm.stop();
    }
    assertThat(Files.mismatch(disk, GUESTS.resolve("rootfs.ext4"))).isEqualTo(-1);
  }
}
