package dev.torpor.launcher.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SystemChecksTest {
  @ParameterizedTest
  @ValueSource(strings = {"6.1.0-32-amd64", "6.1", "6.12.9+bpo-amd64", "7.0.0-rc1", "10.2"})
  void kernelsFrom61OnAreRecent(String release) {
    assertThat(SystemChecks.isRecent(release)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"5.19.0", "6.0.19", "2.6.32", "unknown", ""})
  void olderAndUnknownKernelsAreNot(String release) {
    assertThat(SystemChecks.isRecent(release)).isFalse();
  }
}
