package dev.torpor.launcher.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.testing.KvmTest;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FlatDemoTest {
  @Test
  @KvmTest
  void everyProgramSucceedsAndIsMeasured() throws Exception {
    StringWriter text = new StringWriter();

    new FlatDemo(new DemoLog(new PrintWriter(text))).run();

    assertThat(text.toString().lines())
        .anyMatch(line -> line.matches("  page-writer .* first time +[0-9.]+ µs a page .*s"))
        .anyMatch(line -> line.matches("  page-writer .* million pages a second .*s"))
        .anyMatch(line -> line.matches("  memory-check .* every byte right .*s"))
        .anyMatch(line -> line.matches("  doorbell-echo .* µs a round trip .*s"));
  }
}
