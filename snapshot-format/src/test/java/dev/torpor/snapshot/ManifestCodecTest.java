package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class ManifestCodecTest {
  private static Path file;

  @BeforeAll
  @BeforeContainer
  static void makeFile() throws IOException {
    file = Files.createTempFile("torpor-manifest", null);
  }

  @AfterAll
  @AfterContainer
  static void deleteFile() throws IOException {
    Files.deleteIfExists(file);
  }

  @Property(tries = 200)
  void aManifestIsReadAsItWasWritten(@ForAll long seed) throws IOException {
    Manifest manifest = random(new Random(seed));
    byte[] bytes = ManifestCodec.encode(manifest);
    assertThat(read(bytes)).isEqualTo(manifest);
    assertThat(ManifestCodec.encode(read(bytes))).isEqualTo(bytes);
    assertThat(ManifestCodec.readSummary(file)).isEqualTo(manifest.summary());
  }

  @Test
  void everyTruncationIsDetected() throws IOException {
    byte[] bytes = ManifestCodec.encode(random(new Random(1)));
    Files.write(file, Arrays.copyOf(bytes, bytes.length + 1));
    try (RandomAccessFile content = new RandomAccessFile(file.toFile(), "rw")) {
      assertRefused(bytes.length + 1);
      for (int length = bytes.length - 1; length >= 0; length--) {
        content.setLength(length);
        assertRefused(length);
      }
    }
  }

  @Test
  void everyFlippedBitIsDetected() throws IOException {
    byte[] bytes = ManifestCodec.encode(random(new Random(2)));
    Files.write(file, bytes);
    try (RandomAccessFile content = new RandomAccessFile(file.toFile(), "rw")) {
      for (int bit = 0; bit < bytes.length * 8; bit++) {
        put(content, bit / 8, bytes[bit / 8] ^ (1 << (bit % 8)));
        assertRefused(bytes.length);
        put(content, bit / 8, bytes[bit / 8]);
      }
    }
  }

  @Property(tries = 400)
  void contentWithRightChecksumsIsReadOrRefusedToo(@ForAll long seed) throws IOException {
    Random random = new Random(seed);
    byte[] bytes = ManifestCodec.encode(random(random));
    Frame.Parts parts = parts(bytes);
    for (int i = random.nextInt(3); i >= 0; i--) {
      alter(random, random.nextBoolean() ? parts.head() : parts.body());
    }
    byte[] altered = ManifestCodec.FRAME.encode(parts.head(), parts.body());
    try {
      Manifest manifest = read(altered);
      assertThat(read(ManifestCodec.encode(manifest))).isEqualTo(manifest);
    } catch (SnapshotFormatException e) {
      assertThat(e.file()).isEqualTo(file);
      assertThat(e.offset()).isBetween(0L, (long) altered.length);
    }
  }

  @Test
  void fieldsThatANewerVersionAddedAreSkipped() throws IOException {
    Manifest manifest = random(new Random(3));
    Frame.Parts parts = parts(ManifestCodec.encode(manifest));
    byte[] more = new FieldWriter().string(4711, "from the future").toByteArray();
    byte[] newer =
        ManifestCodec.FRAME.encode(
            concatenated(parts.head(), more), concatenated(more, parts.body()));
    assertThat(read(newer)).isEqualTo(manifest);
  }

  @Test
  void anotherVersionIsRefusedByItsNumber() {
    byte[] bytes = ManifestCodec.encode(random(new Random(4)));
    bytes[8] = 2;
    assertThatThrownBy(() -> read(bytes))
        .isInstanceOf(SnapshotFormatException.class)
        .hasMessageContaining("expected version 1, found 2");
  }

  @Test
  void anErrorInTheMachineStateNamesThePlaceInTheFile() throws IOException {
    Manifest manifest = random(new Random(5));
    FieldReader state = read(ManifestCodec.encode(manifest)).machineState().fields();
    assertThatThrownBy(() -> state.string(2, 0))
        .isInstanceOfSatisfying(
            SnapshotFormatException.class,
            e -> {
              assertThat(e.file()).isEqualTo(file);
              byte[] bytes = ManifestCodec.encode(manifest);
              int at = (int) e.offset();
              // The state's second field: tag 2, a string.
              assertThat(Arrays.copyOfRange(bytes, at, at + 4)).containsExactly(2, 0, 4, 0);
            });
  }

  @Test
  void aTableOfLayersMustBeThatOfTheImages() {
    Manifest manifest = random(new Random(6));
    List<ManifestLayer> more = new ArrayList<>(manifest.layers());
    more.add(new ManifestLayer(1 << 30, UUID.randomUUID(), 1));
    assertThatThrownBy(
            () ->
                new Manifest(
                    manifest.summary(),
                    manifest.memory(),
                    manifest.disks(),
                    manifest.machineState(),
                    more))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static void put(RandomAccessFile file, int at, int value) throws IOException {
    file.seek(at);
    file.write(value);
  }

  private static void assertRefused(int length) {
    assertThatThrownBy(() -> ManifestCodec.read(file))
        .isInstanceOfSatisfying(
            SnapshotFormatException.class,
            e -> {
              assertThat(e.file()).isEqualTo(file);
              assertThat(e.offset()).isBetween(0L, (long) length);
            });
  }

  private static Manifest read(byte[] bytes) throws IOException {
    Files.write(file, bytes);
    return ManifestCodec.read(file);
  }

  private static Frame.Parts parts(byte[] bytes) throws IOException {
    Files.write(file, bytes);
    return ManifestCodec.FRAME.read(file);
  }

  private static void alter(Random random, byte[] bytes) {
    if (bytes.length > 0) {
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
    }
  }

  private static byte[] concatenated(byte[] first, byte[] second) {
    byte[] both = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    return both;
  }

  private static Manifest random(Random random) {
    ImageRoot memory = image(random, 1 + random.nextInt(5));
    List<DiskImage> disks = new ArrayList<>();
    for (int i = random.nextInt(3); i > 0; i--) {
      disks.add(
          new DiskImage(
              "vd" + i,
              Path.of("/images/base" + i + ".raw"),
              random.nextLong(1L << 40),
              random.nextLong(),
              random.nextBoolean(),
              image(random, random.nextInt(5))));
    }
    return new Manifest(
        summary(random),
        memory,
        disks,
        Checkpoints.state("x" + random.nextLong()),
        table(memory, disks));
  }

  private static Summary summary(Random random) {
    return new Summary(
        uuid(random),
        random.nextBoolean() ? Optional.of(uuid(random)) : Optional.empty(),
        "vm-" + random.nextInt(),
        random.nextBoolean() ? "" : "état " + random.nextInt(),
        Instant.ofEpochSecond(random.nextInt(), random.nextInt(1_000_000_000)),
        new Summary.Metrics(
            random.nextLong(1L << 62), random.nextInt(9), random.nextInt(9), random.nextInt(9)));
  }

  private static ImageRoot image(Random random, int layerCount) {
    List<LayerUse> uses = new ArrayList<>();
    for (int i = 0, number = 0; i < layerCount; i++) {
      number += 1 + random.nextInt(3);
      uses.add(new LayerUse(number, random.nextInt(9), 1 + random.nextInt(9)));
    }
    return new ImageRoot(1 + random.nextInt(1 << 20), map(random, uses), map(random, uses), uses);
  }

  private static MapRoot map(Random random, List<LayerUse> uses) {
    return uses.isEmpty() || random.nextInt(4) == 0
        ? MapRoot.ABSENT
        : new MapRoot(uses.getLast().layer(), random.nextInt(), random.nextLong(1L << 40));
  }

  private static List<ManifestLayer> table(ImageRoot memory, List<DiskImage> disks) {
    List<ImageRoot> images = new ArrayList<>(List.of(memory));
    disks.forEach(disk -> images.add(disk.image()));
    return images.stream()
        .flatMap(image -> image.layers().stream())
        .map(LayerUse::layer)
        .distinct()
        .sorted()
        .map(number -> new ManifestLayer(number, new UUID(number, 5), number * 4096L))
        .toList();
  }

  private static UUID uuid(Random random) {
    return new UUID(random.nextLong(), random.nextLong());
  }
}
