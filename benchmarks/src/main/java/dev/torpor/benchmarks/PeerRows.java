package dev.torpor.benchmarks;

import dev.torpor.benchmarks.peer.PeerFigures;
import dev.torpor.benchmarks.report.Note;
import dev.torpor.benchmarks.report.Row;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Which of a peer's figures stand beside which row: those of the same guest. */
final class PeerRows {
  /** What a peer is measured at, and under which name. */
  private static final Map<Subject, String> OPERATIONS =
      Map.of(
          Operations.PAUSE_1_GIB.subject(), PeerFigures.PAUSE,
          Operations.PAUSE_1_GIB.subject().alongside("durable"), PeerFigures.DURABLE,
          Operations.RESTORE_1_GIB.subject(), PeerFigures.RESTORE,
          Operations.REVERT_1_GIB.subject(), PeerFigures.REVERT);

  private final List<PeerFigures> figures = new ArrayList<>();

  /** Whether a peer does something that one of these does. */
  static boolean any(List<Operation> operations) {
    return operations.stream().anyMatch(one -> OPERATIONS.containsKey(one.subject()));
  }

  void add(List<PeerFigures> more) {
    figures.addAll(more);
  }

  /** The same row, with the figures of the peer's fastest way if it has any. */
  Row beside(Row row) {
    String name = OPERATIONS.get(new Subject(row.operation(), row.parameters()));
    Optional<PeerFigures> best = name == null ? Optional.empty() : PeerFigures.best(figures, name);
    return best.map(one -> row.withPeer(one.figures())).orElse(row);
  }

  /** All of the peer's ways, of which rows show the fastest. */
  List<Note> notes() {
    return figures.stream()
        .map(
            one ->
                Note.millis(
                    String.format(
                        Locale.ROOT,
                        "QEMU %s, %s: %s p50",
                        one.parameters().getOrDefault("qemu", ""),
                        one.way(),
                        one.operation()),
                    one.figures().p50()))
        .toList();
  }
}
