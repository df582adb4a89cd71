package dev.torpor.snapshot;

import java.util.List;
import java.util.stream.Collectors;

/** A reference that names no checkpoint, or several. */
public final class UnknownCheckpointException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  private final transient List<Summary> candidates;

  UnknownCheckpointException(String message, List<Summary> candidates) {
    super(message + candidates.stream().map(UnknownCheckpointException::line).collect(joining()));
    this.candidates = List.copyOf(candidates);
  }

  /**
   * What may have been meant.
   *
   * @return checkpoints, oldest first; empty if nothing is near
   */
  public List<Summary> candidates() {
    return candidates;
  }

  private static java.util.stream.Collector<CharSequence, ?, String> joining() {
    return Collectors.joining();
  }

  private static String line(Summary summary) {
    String name = summary.vmName() + (summary.label().isEmpty() ? "" : "/" + summary.label());
    return "\n  " + summary.uuid() + "  " + name + "  " + summary.created();
  }
}
