package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class FieldsTest {
  private static final Path FILE = Path.of("some.file");

  @Property
  void whatIsWrittenIsRead(
      @ForAll @IntRange(max = FieldWriter.MAX_TAG - 8) int tag,
      @ForAll int number,
      @ForAll long wide,
      @ForAll byte[] bytes,
      @ForAll long uuidHalf,
      @ForAll boolean flag) {
    UUID uuid = new UUID(uuidHalf, wide);
    String text = new String(new Random(wide).ints(9, 0, 0xd800).toArray(), 0, 9);
    FieldWriter writer =
        new FieldWriter()
            .u32(tag, Integer.toUnsignedLong(number))
            .i64(tag + 1, wide)
            .bytes(tag + 2, bytes)
            .string(tag + 3, text)
            .uuid(tag + 4, uuid)
            .record(tag + 5, nested -> nested.i64(tag, wide).record(tag + 7, deeper -> {}))
            .flag(tag + 6, flag);
    FieldReader reader = FieldReader.of(FILE, 0, writer.toByteArray());
    assertThat(reader.u32(tag, 0xffff_ffffL)).isEqualTo(Integer.toUnsignedLong(number));
    assertThat(reader.i64(tag + 1)).isEqualTo(wide);
    assertThat(reader.bytes(tag + 2, bytes.length)).isEqualTo(bytes);
    assertThat(reader.string(tag + 3, 40)).isEqualTo(text);
    assertThat(reader.uuid(tag + 4)).isEqualTo(uuid);
    assertThat(reader.record(tag + 5).i64(tag)).isEqualTo(wide);
    assertThat(reader.record(tag + 5).record(tag + 7).has(tag)).isFalse();
    assertThat(reader.flag(tag + 6)).isEqualTo(flag);
    assertThat(reader.has(tag + 7)).isFalse();
    assertThat(reader.optionalUuid(tag + 7)).isEmpty();
  }

  @Property
  void aRepeatedFieldKeepsItsOrderAndUnknownOnesAreSkipped(
      @ForAll @Size(max = 20) List<Long> values, @ForAll byte[] unknown) {
    FieldWriter writer = new FieldWriter();
    for (long value : values) {
      writer.bytes(99, unknown).record(5, nested -> nested.i64(1, value));
    }
    List<Long> read = new ArrayList<>();
    FieldReader reader = FieldReader.of(FILE, 0, writer.toByteArray());
    reader.records(5, values.size()).forEach(nested -> read.add(nested.i64(1)));
    assertThat(read).isEqualTo(values);
  }

  @Test
  void theBytesAreThoseThatTheFormatSays() {
    byte[] record =
        new FieldWriter()
            .u32(0x0201, 0x0a0b0c0dL)
            .uuid(3, UUID.fromString("00112233-4455-6677-8899-aabbccddeeff"))
            .toByteArray();
    assertThat(record)
        .containsExactly(
            0x01,
            0x02,
            1,
            0,
            4,
            0,
            0,
            0,
            0x0d,
            0x0c,
            0x0b,
            0x0a,
            3,
            0,
            5,
            0,
            16,
            0,
            0,
            0,
            0x00,
            0x11,
            0x22,
            0x33,
            0x44,
            0x55,
            0x66,
            0x77,
            (byte) 0x88,
            (byte) 0x99,
            (byte) 0xaa,
            (byte) 0xbb,
            (byte) 0xcc,
            (byte) 0xdd,
            (byte) 0xee,
            (byte) 0xff);
  }

  @Test
  void anErrorNamesTheFileAndTheFieldsOffsetInIt() {
    byte[] record = new FieldWriter().i64(1, 5).string(2, "long").toByteArray();
    FieldReader reader = FieldReader.of(FILE, 1000, record);
    assertRefused(() -> reader.string(2, 3), 1016, "at most 3 bytes");
    assertRefused(() -> reader.i64(1, 6, 9), 1000, "6 to 9");
    assertRefused(() -> reader.u32(1, 9), 1000, "a u32");
    assertRefused(() -> reader.i64(3), 1000, "field 3");
    assertRefused(() -> reader.record(2), 1016, "a record");
  }

  @Test
  void aFieldThatShouldBeThereOnceIsRefusedTwice() {
    byte[] record = new FieldWriter().i64(1, 5).i64(1, 5).toByteArray();
    assertRefused(() -> FieldReader.of(FILE, 0, record).i64(1), 16, "once");
  }

  @Test
  void moreRepetitionsThanAllowedAreRefused() {
    FieldWriter writer = new FieldWriter().record(1, one -> {}).record(1, two -> {});
    FieldReader reader = FieldReader.of(FILE, 0, writer.toByteArray());
    assertThat(reader.records(1, 2)).hasSize(2);
    assertRefused(() -> reader.records(1, 1), 8, "at most 1");
  }

  @Test
  void textThatIsNoUtf8IsRefused() {
    byte[] record = new FieldWriter().string(1, "a").toByteArray();
    record[8] = (byte) 0xff;
    assertRefused(() -> FieldReader.of(FILE, 0, record).string(1, 9), 0, "UTF-8");
  }

  @Test
  void aLengthBeyondTheRecordIsRefusedWhateverItIs() {
    byte[] record = new FieldWriter().bytes(1, new byte[3]).toByteArray();
    for (int length : new int[] {4, 1 << 20, Integer.MAX_VALUE, -1, Integer.MIN_VALUE}) {
      for (int i = 0; i < 4; i++) {
        record[4 + i] = (byte) (length >> (8 * i));
      }
      assertRefused(() -> FieldReader.of(FILE, 0, record), 0, "ends with its record");
    }
  }

  @Property(tries = 3000)
  void anyBytesAreReadOrRefused(@ForAll @Size(max = 60) byte[] bytes, @ForAll long seed) {
    byte[] altered = new FieldWriter().record(1, in -> in.bytes(2, bytes)).i64(3, 4).toByteArray();
    Random random = new Random(seed);
    byte[] some = random.nextBoolean() ? bytes : altered;
    if (some.length > 0) {
      some[random.nextInt(some.length)] ^= (byte) (1 << random.nextInt(8));
    }
    readAll(Arrays.copyOf(some, random.nextInt(some.length + 1)));
  }

  private static void readAll(byte[] bytes) {
    List<Runnable> reads = new ArrayList<>();
    reads.add(() -> FieldReader.of(FILE, 0, bytes).record(1).bytes(2, 50));
    reads.add(() -> FieldReader.of(FILE, 0, bytes).i64(3));
    for (int tag = 0; tag < 4; tag++) {
      int known = tag;
      reads.add(() -> FieldReader.of(FILE, 0, bytes).string(known, 50));
      reads.add(() -> FieldReader.of(FILE, 0, bytes).uuid(known));
      reads.add(() -> FieldReader.of(FILE, 0, bytes).records(known, 1));
      reads.add(() -> FieldReader.of(FILE, 0, bytes).flag(known));
    }
    for (Runnable read : reads) {
      try {
        read.run();
      } catch (SnapshotFormatException e) {
        assertThat(e.offset()).isBetween(0L, (long) bytes.length);
      }
    }
  }

  private static void assertRefused(Runnable read, long offset, String part) {
    assertThatThrownBy(read::run)
        .isInstanceOfSatisfying(
            SnapshotFormatException.class,
            e -> {
              assertThat(e.file()).isEqualTo(FILE);
              assertThat(e.offset()).isEqualTo(offset);
              assertThat(e).hasMessageContaining(part);
            });
  }
}
