package dev.torpor.launcher;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import org.junit.jupiter.api.Test;

class LinePrefixTest {
  private final ByteArrayOutputStream shared = new ByteArrayOutputStream();

  @Test
  void linesOfSeveralVmsStayWhole() throws Exception {
    try (LinePrefix one = new LinePrefix(shared, "one");
        LinePrefix two = new LinePrefix(shared, "two")) {
      one.write("hel".getBytes(UTF_8));
      two.write("good\r\nbye\n".getBytes(UTF_8));
      one.write("lo\nlast".getBytes(UTF_8));
    }
    assertThat(shared.toString(UTF_8)).isEqualTo("two: good\ntwo: bye\none: hello\none: last\n");
  }

  @Test
  void aLineWithoutEndIsBrokenUp() throws Exception {
    try (LinePrefix one = new LinePrefix(shared, "one")) {
      one.write("x".repeat(10_000).getBytes(UTF_8));
    }
    assertThat(shared.toString(UTF_8).lines().map(String::length))
        .containsExactly(4101, 4101, 1813);
  }
}
