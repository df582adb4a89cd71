package dev.torpor.vmm.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.torpor.kvm.KvmStruct;
import dev.torpor.vmm.device.StateBytes;
import java.lang.foreign.MemorySegment;

/** Carries bytes between the kernel's structures and a state. */
final class StructBytes {
  private StructBytes() {}

  static StateBytes of(KvmStruct struct) {
    return of(struct.segment());
  }

  static StateBytes of(MemorySegment segment) {
    return StateBytes.of(segment.toArray(JAVA_BYTE));
  }

  /** Fills a structure whole; what it has beyond the state is zero. */
  static void fill(KvmStruct target, StateBytes source) {
    MemorySegment segment = target.segment();
    segment.fill((byte) 0);
    MemorySegment.copy(source.toArray(), 0, segment, JAVA_BYTE, 0, source.byteCount());
  }

  /**
   * Checks a size before anything is filled.
   *
   * @throws IllegalArgumentException if the state's structure is not as long as this kernel's
   */
  static void requireSize(String what, StateBytes bytes, long expected) {
    if (bytes.byteCount() != expected) {
      throw new IllegalArgumentException(
          "%s of %d bytes: this host's KVM has %d".formatted(what, bytes.byteCount(), expected));
    }
  }
}
