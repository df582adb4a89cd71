package dev.torpor.launcher.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LabProcessTest {
  @TempDir private Path home;

  @Test
  void withoutTheProjectsFolderItTellsWhatToSet() {
    assertThatIllegalStateException()
        .isThrownBy(() -> new LabProcess(Map.of()))
        .withMessageContaining("TORPOR_HOME");
  }

  @Test
  void theCommandFollowsTheLabsOptionsAndItsOutputIsPassedOn() throws Exception {
    LabProcess lab = labThat("printf '%s\\n' \"$@\"");
    List<String> lines = new ArrayList<>();

    lab.run(lines::add, "demo", "--linux-part");

    assertThat(lines)
        .startsWith("--timeout")
        .containsSubsequence("--", "-m")
        .endsWith("demo", "--linux-part");
  }

  @Test
  void aFailureInTheLabIsAFailure() throws Exception {
    LabProcess lab = labThat("exit 3");

    assertThatIllegalStateException()
        .isThrownBy(() -> lab.run(_ -> {}, "demo"))
        .withMessageContaining("exit code 3");
  }

  private LabProcess labThat(String script) throws Exception {
    Path lab = home.resolve("native/lab/lab");
    Files.createDirectories(lab.getParent());
    Files.writeString(lab, "#!/bin/sh\n" + script + "\n");
    Files.setPosixFilePermissions(lab, PosixFilePermissions.fromString("rwxr-xr-x"));
    return new LabProcess(Map.of("TORPOR_HOME", home.toString()));
  }
}
