package dev.torpor.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ProgressTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  private Progress progress(boolean terminal) {
    return new Progress(new PrintStream(bytes, true, StandardCharsets.UTF_8), terminal);
  }

  private String told() {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void whereNobodyWatchesStepsAreLinesAndDetailsAreNothing() {
    Progress progress = progress(false);
    progress.step("exit");
    progress.detail("round 1");
    progress.say("no peer");
    progress.clear();
    assertThat(told().lines()).containsExactly("exit", "no peer");
  }

  @Test
  void onATerminalALineReplacesTheOneBeforeAndOnlyWhatIsSaidStays() {
    Progress progress = progress(true);
    progress.step("exit");
    progress.detail("x".repeat(500));
    assertThat(told()).doesNotContain("\n").contains("\r\u001b[Kexit").hasSizeLessThan(200);
    progress.say("no peer");
    assertThat(told()).endsWith("\r\u001b[Kno peer" + System.lineSeparator());
  }
}
