package dev.torpor.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A wrong command line is answered in one line that says what would be right. */
class BadInputTest {
  static Stream<Arguments> badCommandLines() {
    return Stream.of(
        arguments("run", "nothing to boot: give --kernel FILE, or --flat"),
        arguments("run --kernel a --flat spin", "--kernel and --flat exclude each other"),
        arguments("run --kernel a --arg rdx=1", "--arg is for flat guests"),
        arguments("run --flat nosuch", "--flat nosuch: neither a file nor a built-in guest"),
        arguments("run --flat spin --initrd a", "--initrd and --cmdline are for kernels"),
        arguments("run --flat spin --arg rax=1", "expected one of [RDX, RCX, R8, R9]"),
        arguments("run --flat spin --arg rdx=1z", "'1z' is no value for a register"),
        arguments("run --flat spin --arg rdx=-1", "'-1' is no value for a register"),
        arguments(
            "run --flat spin --arg rdx=0x10000000000000000", "write a number below 2^64, or 0x"),
        arguments("run --kernel a --memory 3", "'3' is not a size: write a whole number and K, M"),
        arguments("run --kernel a --memory 1.5G", "'1.5G' is not a size"),
        arguments("run --kernel a --memory 99999999999G", "'99999999999G' is more than any memory"),
        arguments("run --kernel a --memory 3K", "from 4 MiB to 252 GiB"),
        arguments("run --kernel a --memory 253G", "from 4 MiB to 252 GiB"),
        arguments("run --kernel a --cpus 0", "0 vCPUs: must be from 1 to 254"),
        arguments("run --kernel a --cpus 255", "255 vCPUs: must be from 1 to 254"),
        arguments("run --kernel a --cpus two", "'--cpus': 'two'"),
        arguments("run --kernel a --disk missing.img", "disk missing.img does not exist"),
        arguments("run --kernel a --disk ,ro", "write FILE or FILE,ro"),
        arguments("run --kernel a --cpu-template zen", "there are host, x86-64-v2, x86-64-v3"),
        arguments("run --kernel a --huge-pages big", "expected one of [THP, OFF, HUGETLBFS]"),
        arguments("run --kernel a --timeout 0", "--timeout 0: must be at least 1 second"),
        arguments("run --frobnicate", "Unknown option: '--frobnicate'"),
        arguments("run --kernel", "'--kernel'"),
        arguments("run --flat spin --store s", "--store is for checkpoints: give the VM a --name"),
        arguments("run --flat spin --name a/b", "'a/b' is no name for a VM"),
        arguments("run --name a", "nothing to boot"),
        arguments("checkpoint", "Missing required parameter: 'NAME'"),
        arguments("checkpoint ../x", "'../x' is no name for a VM: write up to 64 letters"),
        arguments("checkpoint a b c", "'c'"),
        arguments("restore --name a", "Missing required parameter: 'REF'"),
        arguments("restore a/v1", "Missing required option: '--name=N'"),
        arguments("restore a/v1 --name -x", "'-x'"),
        arguments("restore a/v1 --name b -n 0", "-n 0: must be from 1 to 1000"),
        arguments("restore a/v1 --name b -n many", "'--count': 'many' is not an int"),
        arguments("restore a/v1 --name b --clock later", "'later': there are continue, catch-up"),
        arguments(
            "restore a/v1 --name b --memory-source disk", "'disk': there are best, mapped, paged"),
        arguments("restore a/v1 --name b --disk-base x=y", "'x'"),
        arguments(
            "restore a/v1 --name b --disk-base 0=nosuch", "--disk-base 0=nosuch: no such file"),
        arguments("restore a/v1 --name b --disk-base -1=pom.xml", "disks count from 0"),
        arguments("restore a/v1 --name b --record-working-set -1", "must not be negative"),
        arguments("restore a/v1 --name b --timeout 0", "--timeout 0: must be at least 1 second"),
        arguments("fork a", "Missing required option: '--name=N'"),
        arguments("fork a/v1 --name b", "'a/v1' is no name for a VM"),
        arguments("revert a", "Missing required parameter: 'REF'"),
        arguments("show", "Missing required parameter: 'REF'"),
        arguments("rm", "Missing required parameter: 'REF'"),
        arguments("log a b", "'b'"),
        arguments("frobnicate", "'frobnicate'"),
        arguments("doctor --xml", "Unknown option: '--xml'"),
        arguments("", "Missing required subcommand"));
  }

  @ParameterizedTest(name = "torpor {0}")
  @MethodSource("badCommandLines")
  void aWrongCommandLineIsToldInOneLineWithExitCode2(String commandLine, String expected) {
    Cli.Result result = Cli.run(commandLine.isEmpty() ? new String[0] : commandLine.split(" "));

    assertThat(result.errLines()).singleElement().asString().startsWith("torpor: ");
    assertThat(result.err()).contains(expected).contains("--help");
    assertThat(result.out()).isEmpty();
    assertThat(result.exitCode()).isEqualTo(2);
  }

  @Test
  void aFileThatIsTooLargeForAFlatGuestIsRefused(@TempDir Path folder) throws Exception {
    Path file = Files.write(folder.resolve("large.bin"), new byte[(1 << 20) + 1]);

    Cli.Result result = Cli.run("run", "--flat", file.toString());

    assertThat(result.errLines()).singleElement().asString().contains("too many for a flat guest");
    assertThat(result.exitCode()).isEqualTo(2);
  }

  @Test
  void debugShowsWhereAnErrorComesFrom() {
    Cli.Result result = Cli.run(Cli.NOBODY, Map.of("TORPOR_DEBUG", "1"), "run", "--memory", "3");

    assertThat(result.err()).startsWith("torpor: ").contains("\tat ");
  }

  @Test
  void helpTeachesTheCommandsAndGivesExamples() {
    Cli.Result result = Cli.run("--help");

    assertThat(result.out()).contains("run ", "demo ", "doctor ", "Examples:", "torpor run");
    assertThat(result.exitCode()).isZero();
  }

  @Test
  void helpOfRunTellsTheExitCodes() {
    Cli.Result result = Cli.run("run", "--help");

    assertThat(result.out()).contains("Exit code:", "124", "Ctrl-A x");
    assertThat(result.exitCode()).isZero();
  }
}
