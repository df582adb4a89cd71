package dev.torpor.launcher;

import java.time.Duration;
import java.util.Optional;
import picocli.CommandLine.Option;

/** How VMs run in the foreground. */
final class RunningOptions {
  @Option(names = "--timeout", paramLabel = "SECONDS", description = "End the VM after so long.")
  private Integer timeoutSeconds;

  @Option(names = "--quiet", description = "Do not say how the VM ended.")
  private boolean quiet;

  boolean quiet() {
    return quiet;
  }

  /**
   * How long they may run.
   *
   * @throws IllegalArgumentException if that is no time at all
   */
  Optional<Duration> timeout() {
    if (timeoutSeconds != null && timeoutSeconds < 1) {
      throw new IllegalArgumentException(
          "--timeout " + timeoutSeconds + ": must be at least 1 second");
    }
    return Optional.ofNullable(timeoutSeconds).map(Duration::ofSeconds);
  }
}
