package dev.torpor.launcher.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.NoSuchFileException;
import org.junit.jupiter.api.Test;

class ErrorTextTest {
  @Test
  void everyFailureIsOneLineThatSaysSomething() {
    assertThat(ErrorText.of(new IllegalStateException("a\n   b\r\nc"))).isEqualTo("a b c");
    assertThat(ErrorText.of(new UncheckedIOException(new IOException("full")))).isEqualTo("full");
    assertThat(ErrorText.of(new NoSuchFileException("/x"))).isEqualTo("/x: no such file");
    assertThat(ErrorText.of(new NullPointerException()))
        .isEqualTo("java.lang.NullPointerException");
    assertThat(ErrorText.of(new IOException(" "))).isNotBlank();
  }
}
