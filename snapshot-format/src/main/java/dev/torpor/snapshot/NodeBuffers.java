package dev.torpor.snapshot;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The buffer in which map nodes await one write. One is kept: making it anew for each map would
 * cost as much as filling it.
 */
final class NodeBuffers {
  static final int BYTES = LayerWriter.WRITE_BYTES;

  private final AtomicReference<ByteBuffer> spare = new AtomicReference<>();

  /** An empty direct buffer of {@value #BYTES} bytes, little-endian. */
  ByteBuffer take() {
    ByteBuffer kept = spare.getAndSet(null);
    return kept != null
        ? kept.clear()
        : ByteBuffer.allocateDirect(BYTES).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Takes one back that nobody uses any more. */
  void giveBack(ByteBuffer buffer) {
    spare.set(buffer);
  }
}
