package dev.torpor.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.testing.KvmTest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@KvmTest
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RunFlatGuestTest {
  @Test
  void aBuiltInGuestRunsToItsEnd() {
    Cli.Result result =
        Cli.run(
            "run",
            "--flat",
            "page-writer",
            "--memory",
            "8M",
            "--arg",
            "r9=3",
            "--arg",
            "rdx=0x1000");

    assertThat(result.exitCode()).isZero();
    assertThat(result.errLines())
        .singleElement()
        .asString()
        .matches("torpor: guest exited with code 0 after [0-9.]+ s");
    assertThat(result.out()).isEmpty();
  }

  @Test
  void quietSaysNothingAboutTheEnd() {
    Cli.Result result =
        Cli.run("run", "--flat", "page-writer", "--memory", "8M", "--arg", "r9=3", "--quiet");

    assertThat(result.exitCode()).isZero();
    assertThat(result.err()).isEmpty();
  }

  @Test
  void argumentsReachTheirRegisters(@TempDir Path folder) throws Exception {
    // rax = rdx + rcx + r8 + r9; [EXIT] = rax
    Path image = image(folder, "488d040a 4c01c0 4c01c8 bb000000d0 488903 ebfe");

    Cli.Result result =
        Cli.run(
            "run",
            "--flat",
            image.toString(),
            "--memory",
            "4M",
            "--arg",
            "rdx=1",
            "--arg",
            "rcx=0x10",
            "--arg",
            "R8=100",
            "--arg",
            "r9=0x40");

    assertThat(result.exitCode()).isEqualTo(1 + 0x10 + 100 + 0x40);
  }

  @Test
  void aCodeThatNoProcessCanHaveBecomes255(@TempDir Path folder) throws Exception {
    // [EXIT] = 300
    Path image = image(folder, "b82c010000 bb000000d0 488903 ebfe");

    Cli.Result result = Cli.run("run", "--flat", image.toString(), "--memory", "4M");

    assertThat(result.exitCode()).isEqualTo(255);
    assertThat(result.err()).contains("guest exited with code 300");
  }

  @Test
  void aGuestThatRunsForEverEndsWhenItsTimeIsUp() {
    Cli.Result result =
        Cli.run("run", "--flat", "spin", "--memory", "8M", "--cpus", "2", "--timeout", "1");

    assertThat(result.exitCode()).isEqualTo(124);
    assertThat(result.err()).startsWith("torpor: ended: its time was up after ");
  }

  @Test
  void aGuestThatCrashesIsToldInOneLine(@TempDir Path folder) throws Exception {
    Path image = image(folder, "0f0b"); // ud2, without an interrupt table

    Cli.Result result = Cli.run("run", "--flat", image.toString(), "--memory", "4M");

    assertThat(result.exitCode()).isEqualTo(65);
    assertThat(result.errLines()).singleElement().asString().contains("vCPU 0 crashed: ");
  }

  @Test
  void aKernelThatIsNoneIsRefusedByItsContent() {
    Cli.Result result = Cli.run("run", "--kernel", "/etc/passwd");

    assertThat(result.exitCode()).isEqualTo(2);
    assertThat(result.errLines())
        .singleElement()
        .asString()
        .contains("/etc/passwd is neither a bzImage nor a PVH ELF kernel");
  }

  @Test
  void aKernelThatIsMissingIsTold() {
    Cli.Result result = Cli.run("run", "--kernel", "/nonexistent");

    assertThat(result.exitCode()).isEqualTo(2);
    assertThat(result.errLines())
        .singleElement()
        .asString()
        .contains("cannot read kernel /nonexistent: no such file");
  }

  private static Path image(Path folder, String hex) throws Exception {
    byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
    return Files.write(folder.resolve("guest.bin"), code);
  }
}
