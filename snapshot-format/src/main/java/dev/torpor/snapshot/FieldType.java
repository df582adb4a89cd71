package dev.torpor.snapshot;

/** What a field's value is. The code is what files hold; a code is never reused. */
enum FieldType {
  U32(1, "a u32", 4),
  I64(2, "an i64", 8),
  BYTES(3, "bytes", -1),
  STRING(4, "a string", -1),
  UUID(5, "a uuid", 16),
  RECORD(6, "a record", -1);

  /** Tag, type and length precede each value. */
  static final int HEADER_BYTES = 8;

  private final int code;
  private final String article;
  private final int byteSize;

  FieldType(int code, String article, int byteSize) {
    this.code = code;
    this.article = article;
    this.byteSize = byteSize;
  }

  int code() {
    return code;
  }

  /** The type as a phrase, for messages. */
  String phrase() {
    return article;
  }

  /** Whether a value of this type may be so many bytes long. */
  boolean admits(int length) {
    return byteSize < 0 || byteSize == length;
  }

  static String phraseOf(int code) {
    for (FieldType type : values()) {
      if (type.code == code) {
        return type.article;
      }
    }
    return "type " + code;
  }
}
