package dev.torpor.launcher.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class DemoLogTest {
  private final StringWriter text = new StringWriter();
  private final DemoLog log = new DemoLog(new PrintWriter(text));

  @Test
  void theSummaryRepeatsOwnStepsAndRelayedOnesButNothingElse() {
    log.line("introduction");
    log.step("own step", "done", 1_500_000);
    StringWriter elsewhere = new StringWriter();
    new DemoLog(new PrintWriter(elsewhere)).step("step elsewhere", "done there", 2_340_000_000L);
    log.relay(elsewhere.toString().stripTrailing());
    log.relay("  a remark from elsewhere");
    text.getBuffer().setLength(0);

    log.summary();

    assertThat(text.toString().lines().filter(line -> line.startsWith("  ")))
        .hasSize(2)
        .anyMatch(line -> line.matches("  own step +done +1\\.5 ms"))
        .anyMatch(line -> line.matches("  step elsewhere +done there +2\\.34 s"));
    assertThat(text.toString()).doesNotContain("introduction", "remark");
  }
}
