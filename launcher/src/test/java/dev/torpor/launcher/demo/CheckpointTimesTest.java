package dev.torpor.launcher.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.testing.KvmTest;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CheckpointTimesTest {
  @Test
  @KvmTest
  void everyVerbIsMeasured() throws Exception {
    StringWriter text = new StringWriter();

    try (TemporaryStore temporary = TemporaryStore.create()) {
      new CheckpointTimes(temporary.store(), new DemoLog(new PrintWriter(text))).run();
      assertThat(temporary.store().list("writer").checkpoints()).hasSizeGreaterThan(10);
    }

    assertThat(text.toString().lines())
        .anyMatch(line -> line.matches("  checkpoint, later ones: .* pages written .* [0-9.]+ m?s"))
        .anyMatch(line -> line.matches("  revert in place .* a second .* [0-9.]+ m?s"))
        .anyMatch(line -> line.matches("  fork into 100 children, .* ms a child .*s"))
        .anyMatch(line -> line.matches("  restore from the store .* [0-9.]+ m?s"));
  }
}
