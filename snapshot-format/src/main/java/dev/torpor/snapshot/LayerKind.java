package dev.torpor.snapshot;

/** How a layer arranges its blocks. */
public enum LayerKind {
  /**
   * Every block at its natural place, so that the whole image can be mapped as one piece: a sparse
   * file for full images. A slot whose block is zero reads as zero.
   */
  FLAT(1),
  /** Only the blocks that were written, one behind the other. */
  PACKED(2);

  private final int code;

  LayerKind(int code) {
    this.code = code;
  }

  /** The number that stands for this kind in a layer's header. */
  int code() {
    return code;
  }

  /** The kind for a header's number, or null if there is none. */
  static LayerKind ofCode(int code) {
    for (LayerKind kind : values()) {
      if (kind.code == code) {
        return kind;
      }
    }
    return null;
  }
}
