package dev.torpor.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.testing.LinuxGuestTest;
import dev.torpor.vmm.device.ConsoleSession;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code torpor run} with a stock kernel, its console driven by a script. */
@LinuxGuestTest
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RunLinuxGuestTest {
  private static final Duration PATIENCE = Duration.ofSeconds(100);
  private static final Path GUESTS =
      Path.of(
          Optional.ofNullable(System.getenv("TORPOR_GUESTS"))
              .orElse(System.getProperty("user.home") + "/.cache/torpor/guests"));

  private final ConsoleSession console = new ConsoleSession("torpor# ");

  @Test
  void aScriptDrivesTheGuestFromItsShellToPowerOff() throws Exception {
    CompletableFuture<Cli.Result> end = start();

    console.awaitPrompt(PATIENCE);
    assertThat(console.run("echo $((6 * 7))", PATIENCE)).isEqualTo("42\n");
    assertThat(console.run("nproc", PATIENCE)).isEqualTo("2\n");
    console.sendLine("poweroff -f");

    Cli.Result result = end.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    assertThat(result.exitCode()).isZero();
    assertThat(result.errLines()).singleElement().asString().contains("powered off after");
  }

  @Test
  void aRebootEndsTheVmWithItsOwnCode() throws Exception {
    CompletableFuture<Cli.Result> end = start();

    console.awaitPrompt(PATIENCE);
    console.sendLine("reboot -f");

    assertThat(end.get(PATIENCE.toSeconds(), TimeUnit.SECONDS).exitCode()).isEqualTo(64);
  }

  private CompletableFuture<Cli.Result> start() throws IOException {
    PipedOutputStream keyboard = new PipedOutputStream();
    Stdio stdio = new Stdio(new PipedInputStream(keyboard), screen(), false);
    console.connect(
        (source, offset, byteCount) -> {
          try {
            keyboard.write(source, offset, byteCount);
            keyboard.flush();
            return byteCount;
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
    return CompletableFuture.supplyAsync(
        () ->
            Cli.run(
                stdio,
                Map.of(),
                "run",
                "--kernel=" + GUESTS.resolve("vmlinuz-6.1-cloud"),
                "--initrd=" + GUESTS.resolve("initramfs-6.1-cloud.cpio.gz"),
                "--cmdline=console=ttyS0 quiet reboot=k panic=-1 torpor.plain",
                "--cpus=2",
                "--timeout=200"));
  }

  private OutputStream screen() {
    return new OutputStream() {
      @Override
      public void write(int value) {
        console.accept((byte) value);
      }
    };
  }
}
