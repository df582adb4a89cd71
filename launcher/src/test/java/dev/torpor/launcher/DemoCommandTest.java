package dev.torpor.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.launcher.demo.DemoLog;
import dev.torpor.testing.LinuxGuestTest;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class DemoCommandTest {
  @Test
  @LinuxGuestTest
  void theLinuxPartRuinsAGuestTakesItBackAndBranchesIt() {
    Cli.Result result = Cli.run(Cli.NOBODY, System.getenv(), "demo", "--linux-part");

    assertThat(result.err()).isEmpty();
    assertThat(result.exitCode()).isZero();
    assertThat(result.out().lines())
        .anyMatch(line -> line.matches("  boot Debian's stock kernel +a shell +[0-9.]+ m?s"))
        .anyMatch(line -> line.matches("  torpor# uname -sr +Linux 6\\.1.* m?s"))
        .anyMatch(line -> line.matches("  checkpoint v1: the guest stands still .* m?s"))
        .anyMatch(line -> line.matches("  torpor# cat /home/letter 2>\\S+ .* gone .* m?s"))
        .anyMatch(line -> line.matches("  revert to v1, in place .* m?s"))
        .anyMatch(line -> line.matches("  torpor# cat /home/letter +hello .* m?s"))
        .anyMatch(
            line -> line.matches("  torpor# echo /home/\\* +/home/child-2 /home/letter .* m?s"))
        .anyMatch(line -> line.matches("  power off +powered off +[0-9.]+ m?s"));
  }

  @Test
  void withoutKvmTheWholeDemoHappensInTheLab(@TempDir Path home) throws Exception {
    Path lab = home.resolve("native/lab/lab");
    Files.createDirectories(lab.getParent());
    Files.writeString(lab, "#!/bin/sh\necho \"$@\"\n");
    Files.setPosixFilePermissions(lab, PosixFilePermissions.fromString("rwxr-xr-x"));
    StringWriter out = new StringWriter();

    new DemoCommand(Map.of("TORPOR_HOME", home.toString()))
        .allInLab(new DemoLog(new PrintWriter(out)), "there is no /dev/kvm");

    assertThat(out.toString().strip())
        .startsWith("This host cannot run virtual machines: there is no /dev/kvm")
        .endsWith("dev.torpor.launcher.Main demo");
  }

  @Test
  void guestsThatAreMissingAreToldInOneLine(@TempDir Path empty) {
    Cli.Result result =
        Cli.run(Cli.NOBODY, Map.of("TORPOR_GUESTS", empty.toString()), "demo", "--linux-part");

    assertThat(result.exitCode()).isEqualTo(1);
    assertThat(result.errLines())
        .singleElement()
        .asString()
        .contains(empty.resolve("vmlinuz-6.1-cloud") + " is missing", "./torpor demo");
  }
}
