package dev.torpor.snapshot;

import java.util.List;
import java.util.stream.Collectors;

/** A reference that names no checkpoint, or several. */
public final class UnknownCheckpointException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  private final transient List<Summary> candidates;

  UnknownCheckpointException(String message, List<Summary> candidates) {
    super(
        message + candidates.stream().map(one -> "\n  " + line(one)).collect(Collectors.joining()));
    this.candidates = List.copyOf(candidates);
  }

  /**
   * What may have been meant.
   *
   * @return checkpoints, oldest first, the newest ten at most; empty if nothing is near
   */
  public List<Summary> candidates() {
    return candidates;
  }

  private static String line(Summary summary) {
    String label = summary.label().isEmpty() ? "" : "/" + summary.label();
    return "%s  %s%s  %s".formatted(summary.uuid(), summary.vmName(), label, summary.created());
  }
}
