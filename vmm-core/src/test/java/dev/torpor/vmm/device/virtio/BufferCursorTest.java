package dev.torpor.vmm.device.virtio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.vmm.GuestProtocolException;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class BufferCursorTest {
  private final GuestMemory memory = GuestMemory.allocate(4 << 20, MemoryBacking.ANONYMOUS, false);
  private final DescriptorChain chain = new DescriptorChain();

  @AfterEach
  void close() {
    memory.close();
  }

  private BufferCursor readable(long... byteCounts) {
    chain.begin(1, 7);
    for (int i = 0; i < byteCounts.length; i++) {
      chain.add(0x1000L * (i + 1), byteCounts[i], false);
    }
    chain.end();
    return chain.readable();
  }

  @Test
  void valuesAreReadAcrossAnySplitOfTheBuffers() {
    BufferCursor cursor = readable(0, 3, 0, 8, 1, 5, 0);
    byte value = 1;
    for (int buffer = 0; buffer < chain.bufferCount(); buffer++) {
      for (int i = 0; i < chain.byteCount(buffer); i++) {
        memory.writeByte(chain.address(buffer) + i, value++);
      }
    }

    assertThat(cursor.readInt(memory)).isEqualTo(0x04030201);
    assertThat(cursor.readInt(memory)).isEqualTo(0x08070605);
    assertThat(cursor.readLong(memory)).isEqualTo(0x100f0e0d0c0b0a09L);
    assertThat(cursor.remaining()).isEqualTo(1);
    assertThat(cursor.address()).isEqualTo(0x6004);
  }

  @Test
  void skippingGoesAcrossBuffers() {
    BufferCursor cursor = readable(16, 512, 512, 1);

    cursor.skip(16 + 512 + 100);

    assertThat(cursor.address()).isEqualTo(0x3000 + 100);
    assertThat(cursor.contiguous()).isEqualTo(412);
    assertThat(cursor.remaining()).isEqualTo(413);
  }

  @Test
  void theBudgetEndsWithTheLastBuffer() {
    BufferCursor cursor = readable(4, 7);

    assertThat(cursor.readLong(memory)).isZero();
    assertThatThrownBy(() -> cursor.readInt(memory))
        .isInstanceOf(GuestProtocolException.class)
        .hasMessage("queue 1: the request with head 7 needs 4 more readable bytes, but 3 remain");
    cursor.skip(3);
    assertThat(cursor.contiguous()).isZero();
    assertThatThrownBy(cursor::address).isInstanceOf(GuestProtocolException.class);
  }

  @Test
  void aChainWithoutBuffersHasNothingToRead() {
    assertThat(readable().remaining()).isZero();
    assertThat(chain.writable().contiguous()).isZero();
  }
}
