package dev.torpor.vmm.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Java accesses to memory that userfaultfd answers for, in a process that may hang. */
class GcStormTest {
  private static Process start(String... arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of("--enable-native-access=ALL-UNNAMED", "-Xmx64m", "-XX:+UseSerialGC", "-cp"));
    command.add(System.getProperty("java.class.path"));
    command.add(GcStorm.class.getName());
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  @Test
  void javaAccessesNeverKeepACollectionFromBeginning() throws Exception {
    Process storm = start();
    try {
      assertThat(storm.waitFor(120, TimeUnit.SECONDS)).as("ended by itself").isTrue();
      String output = new String(storm.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(output).contains("through the storm");
      assertThat(storm.exitValue()).isZero();
    } finally {
      storm.destroyForcibly();
    }
  }

  @Test
  void withoutTheGuardTheProcessHangs() throws Exception {
    Process storm = start("unguarded");
    try {
      assertThat(storm.waitFor(8, TimeUnit.SECONDS)).as("ended by itself").isFalse();
    } finally {
      storm.destroyForcibly();
    }
  }
}
