package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.UUID;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The examples in {@code docs/snapshot-format.md} are what the code reads and writes. */
class FormatDocumentTest {
  private static final Path DOCUMENT = Path.of("..", "docs", "snapshot-format.md");
  private static final Pattern EXAMPLE =
      Pattern.compile("```layer-header\\n(.*?)```", Pattern.DOTALL);
  private static final Pattern LINE = Pattern.compile("([0-9a-f]{4}): ([0-9a-f ]+)");

  @Test
  void theExampleOfALayersHeaderIsOne() throws IOException {
    ByteBuffer example = example();
    LayerHeader expected =
        new LayerHeader(
            LayerKind.PACKED,
            true,
            7,
            UUID.fromString("00112233-4455-6677-8899-aabbccddeeff"),
            262_144,
            16_384);
    assertThat(LayerHeader.decode(DOCUMENT, example.duplicate())).isEqualTo(expected);
    assertThat(expected.encode()).isEqualTo(example);
  }

  @Test
  void checksumsAreTheOnesThatTheDocumentNames() {
    byte[] digits = "123456789".getBytes(StandardCharsets.US_ASCII);
    assertThat(Checksums.of(MemorySegment.ofArray(digits), 0, digits.length))
        .isEqualTo(0xe306_9283);
  }

  private static ByteBuffer example() throws IOException {
    String text =
        EXAMPLE
            .matcher(Files.readString(DOCUMENT))
            .results()
            .map(match -> match.group(1))
            .findFirst()
            .orElseThrow();
    ByteBuffer bytes = ByteBuffer.allocate(LayerHeader.BYTES);
    for (MatchResult line : LINE.matcher(text).results().toList()) {
      byte[] part = HexFormat.ofDelimiter(" ").parseHex(line.group(2).strip());
      bytes.put(Integer.parseInt(line.group(1), 16), part);
    }
    return bytes;
  }
}
