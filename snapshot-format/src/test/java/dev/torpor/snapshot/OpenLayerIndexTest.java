package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class OpenLayerIndexTest {
  private static final Path FILE = Path.of("disk-0.00000007.index");
  private static final int LAYER = 7;
  private static final long BLOCK_COUNT = 1000;

  private record Run(long block, long slot, int count, boolean zero) {}

  /** Batches of three records each. */
  private static byte[] index(List<Run> runs) {
    ByteBuffer to =
        ByteBuffer.allocate(OpenLayerIndex.HEADER_BYTES + runs.size() * OpenLayerIndex.RECORD_BYTES)
            .order(ByteOrder.LITTLE_ENDIAN);
    OpenLayerIndex.putHeader(to, LAYER, BLOCK_COUNT);
    for (int i = 0; i < runs.size(); i++) {
      Run run = runs.get(i);
      boolean last = i % 3 == 2;
      OpenLayerIndex.putRecord(to, i / 3 + 1, i, run.block, run.slot, run.count, run.zero, last);
    }
    return to.array();
  }

  private static List<Run> runs(Random random, int count) {
    List<Run> runs = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      runs.add(
          new Run(
              random.nextInt(900),
              random.nextInt(900),
              random.nextInt(1, 100),
              random.nextBoolean()));
    }
    return runs;
  }

  private static List<Run> read(byte[] content) {
    List<Run> found = new ArrayList<>();
    OpenLayerIndex.End end =
        OpenLayerIndex.read(
            FILE,
            ByteBuffer.wrap(content),
            LAYER,
            BLOCK_COUNT,
            (block, slot, count, zero) -> found.add(new Run(block, slot, count, zero)));
    assertThat(end.recordCount()).isEqualTo(found.size());
    assertThat(end.byteSize())
        .isEqualTo(OpenLayerIndex.HEADER_BYTES + (long) found.size() * OpenLayerIndex.RECORD_BYTES);
    assertThat(end.batch()).isEqualTo(found.size() / 3 + 1);
    return found;
  }

  @Property(tries = 200)
  void anIndexThatWasCutGivesTheRecordsBeforeTheCut(
      @ForAll long seed,
      @ForAll @IntRange(max = 20) int count,
      @ForAll @IntRange(max = 640) int cut) {
    List<Run> runs = runs(new Random(seed), count);
    byte[] content = index(runs);
    int length = Math.max(OpenLayerIndex.HEADER_BYTES, content.length - cut);
    int whole = (length - OpenLayerIndex.HEADER_BYTES) / OpenLayerIndex.RECORD_BYTES;
    assertThat(read(Arrays.copyOf(content, length))).isEqualTo(runs.subList(0, whole));
  }

  @Property(tries = 500)
  void aFlippedBitIsNeverTakenForARecord(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 20) int count) {
    Random random = new Random(seed);
    List<Run> runs = runs(random, count);
    byte[] content = index(runs);
    int bit = random.nextInt(content.length * 8);
    content[bit / 8] ^= (byte) (1 << (bit % 8));
    int record = (bit / 8 - OpenLayerIndex.HEADER_BYTES) / OpenLayerIndex.RECORD_BYTES;
    int lastBatch = (count - 1) / 3;
    if (bit / 8 < OpenLayerIndex.HEADER_BYTES || record / 3 < lastBatch) {
      assertThatThrownBy(() -> read(content)).isInstanceOf(SnapshotFormatException.class);
    } else {
      assertThat(read(content)).isEqualTo(runs.subList(0, record));
    }
  }

  @Property(tries = 500)
  void whateverTheBytesAreTheyAreReadOrRefused(
      @ForAll long seed, @ForAll @IntRange(max = 300) int length) {
    Random random = new Random(seed);
    byte[] noise = new byte[length];
    random.nextBytes(noise);
    byte[] content = index(runs(random, random.nextInt(6)));
    int kept = random.nextInt(content.length + 1);
    byte[] both = Arrays.copyOf(content, kept + length);
    System.arraycopy(noise, 0, both, kept, length);
    try {
      OpenLayerIndex.read(
          FILE,
          ByteBuffer.wrap(both),
          LAYER,
          BLOCK_COUNT,
          (block, slot, count, zero) -> {
            assertThat(block).isBetween(0L, BLOCK_COUNT - count);
            assertThat(slot).isBetween(0L, BLOCK_COUNT - count);
          });
    } catch (SnapshotFormatException e) {
      assertThat(e).hasMessageContaining(FILE.toString());
    }
  }

  @Test
  void aRecordOfBlocksThatTheDiskHasNotIsRefused() {
    for (Run run :
        List.of(
            new Run(999, 0, 2, false),
            new Run(0, 999, 2, false),
            new Run(-1, 0, 1, false),
            new Run(0, 0, 0, false),
            new Run(0, 0, -1, true))) {
      byte[] content = index(List.of(run));
      assertThatThrownBy(() -> read(content))
          .as("%s", run)
          .isInstanceOf(SnapshotFormatException.class)
          .hasMessageContaining("below 1000");
    }
  }

  @Test
  void anotherLayersIndexIsRefused() {
    byte[] content = index(List.of());
    assertThatThrownBy(
            () ->
                OpenLayerIndex.read(
                    FILE, ByteBuffer.wrap(content), 8, BLOCK_COUNT, (b, s, c, z) -> {}))
        .hasMessageContaining("expected layer 0x8, found 0x7");
  }

  @Test
  void theExampleOfTheDocumentIsAnIndex() throws IOException {
    String document = Files.readString(Path.of("..", "docs", "snapshot-format.md"));
    int start = document.indexOf("```open-layer-index");
    String example = document.substring(start, document.indexOf("```", start + 3));
    ByteBuffer bytes = ByteBuffer.allocate(96);
    example
        .lines()
        .skip(1)
        .forEach(line -> bytes.put(HexFormat.ofDelimiter(" ").parseHex(line.substring(6))));
    List<Run> found = new ArrayList<>();
    OpenLayerIndex.End end =
        OpenLayerIndex.read(
            FILE,
            bytes.flip(),
            LAYER,
            1024,
            (block, slot, count, zero) -> found.add(new Run(block, slot, count, zero)));
    assertThat(found).containsExactly(new Run(40, 0, 3, false), new Run(99, 3, 1, true));
    assertThat(end).isEqualTo(new OpenLayerIndex.End(96, 2, 2));
  }
}
