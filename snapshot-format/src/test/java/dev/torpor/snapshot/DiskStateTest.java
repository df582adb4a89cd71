package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class DiskStateTest {
  private static final Path FILE = Path.of("disk-0.state");
  private static final DiskState STATE =
      new DiskState(
          Path.of("/disks/grün.raw"),
          1 << 20,
          1_700_000_000_123_456_789L,
          new ImageRoot(
              256,
              new MapRoot(9, 0xcafe, 8192),
              MapRoot.ABSENT,
              List.of(new LayerUse(3, 17, 0), new LayerUse(9, 5, 2))),
          List.of(11, 12));

  @Test
  void whatWasWrittenIsRead() {
    assertThat(DiskState.decode(FILE, STATE.encode())).isEqualTo(STATE);
  }

  @Test
  void everyFlippedBitIsNoticed() {
    byte[] content = STATE.encode();
    for (int bit = 0; bit < content.length * 8; bit++) {
      byte[] flipped = content.clone();
      flipped[bit / 8] ^= (byte) (1 << (bit % 8));
      assertThatThrownBy(() -> DiskState.decode(FILE, flipped))
          .as("bit %d", bit)
          .isInstanceOf(SnapshotFormatException.class)
          .hasMessageContaining("disk-0.state at byte");
    }
  }

  @Test
  void everyCutIsNoticed() {
    byte[] content = STATE.encode();
    for (int length = 0; length < content.length; length++) {
      byte[] cut = Arrays.copyOf(content, length);
      assertThatThrownBy(() -> DiskState.decode(FILE, cut))
          .isInstanceOf(SnapshotFormatException.class);
    }
  }

  @Test
  void aStateThatIsWholeButImpossibleIsRefused() {
    byte[] twice = new DiskState(Path.of("b"), 512, 0, STATE.image(), List.of()).encode();
    // The block count, with a checksum that fits.
    for (int i = 32; i < 40; i++) {
      twice[i] = 0;
    }
    java.util.zip.CRC32C crc = new java.util.zip.CRC32C();
    crc.update(twice, 16, twice.length - 16);
    for (int i = 0; i < 4; i++) {
      twice[12 + i] = (byte) (crc.getValue() >>> (8 * i));
    }
    assertThatThrownBy(() -> DiskState.decode(FILE, twice))
        .isInstanceOf(SnapshotFormatException.class)
        .hasMessageContaining("image of 0 blocks");
  }
}
