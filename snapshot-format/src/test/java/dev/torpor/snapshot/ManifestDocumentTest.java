package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The example of a manifest in the format's specification is one. */
class ManifestDocumentTest {
  private static final Path DOCUMENT = Path.of("../docs/snapshot-format.md");
  private static final Pattern EXAMPLE = Pattern.compile("```manifest\n(.*?)```", Pattern.DOTALL);

  @TempDir private Path folder;

  @Test
  void theExampleIsTheManifestThatTheTextDescribesAndIsWrittenAsTheSameBytes() throws IOException {
    byte[] bytes = example(Files.readString(DOCUMENT));
    Path file = Files.write(folder.resolve("example.manifest"), bytes);
    assertThat(ManifestCodec.read(file)).isEqualTo(described());
    assertThat(HexFormat.of().formatHex(ManifestCodec.encode(described())))
        .isEqualTo(HexFormat.of().formatHex(bytes));
  }

  /** Lines of an offset, a colon and bytes; what follows a bar is a remark. */
  private static byte[] example(String document) {
    Matcher example = EXAMPLE.matcher(document);
    assertThat(example.find()).isTrue();
    String hex =
        example
            .group(1)
            .lines()
            .map(line -> line.replaceFirst("\\|.*", "").replaceFirst("^[0-9a-f]{4}:", ""))
            .collect(Collectors.joining())
            .replace(" ", "");
    return HexFormat.of().parseHex(hex);
  }

  private static Manifest described() {
    LayerUse use = new LayerUse(7, 3, 2);
    return new Manifest(
        new Summary(
            UUID.fromString("00112233-4455-6677-8899-aabbccddeeff"),
            Optional.of(UUID.fromString("01020304-0506-0708-090a-0b0c0d0e0f10")),
            "web",
            "v1",
            Instant.ofEpochSecond(1_800_000_000, 5),
            new Summary.Metrics(300_000, 3, 12_288, 9_000_000)),
        new ImageRoot(65_536, new MapRoot(7, 0x89abcdef, 20_480), MapRoot.ABSENT, List.of(use)),
        List.of(
            new DiskImage(
                "root",
                Path.of("/base.raw"),
                1 << 20,
                7,
                true,
                new ImageRoot(256, MapRoot.ABSENT, MapRoot.ABSENT, List.of()))),
        MachineStateBytes.of(new FieldWriter().u32(1, 1)),
        List.of(
            new ManifestLayer(7, UUID.fromString("00112233-4455-6677-8899-aabbccddee00"), 22_528)));
  }

  /**
   * Prints the example's lines.
   *
   * @param arguments none
   */
  public static void main(String[] arguments) {
    byte[] bytes = ManifestCodec.encode(described());
    for (int at = 0; at < bytes.length; at += 16) {
      int count = Math.min(16, bytes.length - at);
      System.out.printf(
          "%04x: %s%n", at, HexFormat.ofDelimiter(" ").formatHex(bytes, at, at + count));
    }
  }
}
