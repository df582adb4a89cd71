package dev.torpor.snapshot;

import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;

/**
 * What a list of checkpoints says of one.
 *
 * @param uuid names the checkpoint, everywhere and for ever
 * @param parent the checkpoint that the machine came from, which may be gone by now
 * @param vmName the name of the VM, at most {@value #MAX_NAME_BYTES} bytes of UTF-8, not empty
 * @param label the checkpoint's own name, as long at most; empty if it has none
 * @param created when the machine stood still, to the nanosecond
 * @param metrics what it took
 */
public record Summary(
    UUID uuid,
    Optional<UUID> parent,
    String vmName,
    String label,
    Instant created,
    Metrics metrics) {
  /** The longest name or label, in bytes of UTF-8. */
  public static final int MAX_NAME_BYTES = 255;

  /**
   * What a checkpoint took.
   *
   * @param pauseNanos how long the guest stood still
   * @param dirtyPages how many pages of memory it had written since the parent
   * @param storedBytes how many bytes of blocks and of block maps were added to the store
   * @param durableNanos from the pause until everything was durable
   */
  public record Metrics(long pauseNanos, long dirtyPages, long storedBytes, long durableNanos) {
    /** Checks that nothing is negative. */
    public Metrics {
      if ((pauseNanos | dirtyPages | storedBytes | durableNanos) < 0) {
        throw new IllegalArgumentException("negative metric");
      }
    }
  }

  /** Checks the names. */
  public Summary {
    Objects.requireNonNull(uuid);
    Objects.requireNonNull(parent);
    Objects.requireNonNull(created);
    Objects.requireNonNull(metrics);
    if (!isName(vmName) || !(label.isEmpty() || isName(label))) {
      throw new IllegalArgumentException(
          "a VM's name, and a checkpoint's label, is 1 to "
              + MAX_NAME_BYTES
              + " bytes of UTF-8 without '/' or control characters: vmName=\""
              + vmName
              + "\", label=\""
              + label
              + '"');
    }
  }

  /**
   * Whether a text may name a VM or label a checkpoint.
   *
   * @param text the text
   * @return whether it is 1 to {@value #MAX_NAME_BYTES} bytes of UTF-8 without a slash, which would
   *     part NAME/LABEL, or a control character
   */
  public static boolean isName(String text) {
    int byteSize = Utf8.encodedLength(text);
    return byteSize > 0
        && byteSize <= MAX_NAME_BYTES
        && text.codePoints().noneMatch(c -> c == '/' || Character.isISOControl(c));
  }
}
