package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class BlocksTest {
  private static final int IMAGE_BYTES = 3 * Blocks.BYTES;

  @Property
  void aBlockIsZeroExactlyWhenNoByteOfItIsSet(
      @ForAll @IntRange(max = IMAGE_BYTES - 1) int setByte, @ForAll byte value) {
    byte[] image = new byte[IMAGE_BYTES];
    image[setByte] = value;
    for (int block = 0; block < 3; block++) {
      boolean touched = value != 0 && setByte / Blocks.BYTES == block;
      assertThat(Blocks.isZero(MemorySegment.ofArray(image), (long) block * Blocks.BYTES))
          .isEqualTo(!touched);
    }
  }

  @Property
  void theBlocksThatHoldSomeBytesAreJustEnough(@ForAll @LongRange(max = 1L << 50) long byteCount) {
    long count = Blocks.count(byteCount);
    assertThat(count * Blocks.BYTES).isGreaterThanOrEqualTo(byteCount);
    assertThat((count - 1) * Blocks.BYTES).isLessThan(byteCount);
  }

  @Test
  void aBlockThatTheImageDoesNotHoldWholeIsRefused() {
    MemorySegment image = MemorySegment.ofArray(new byte[Blocks.BYTES + 1]);
    assertThatThrownBy(() -> Blocks.isZero(image, 2)).isInstanceOf(IndexOutOfBoundsException.class);
  }
}
