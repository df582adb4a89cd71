package dev.torpor.benchmarks;

import dev.torpor.benchmarks.Operation.Effort;
import dev.torpor.benchmarks.peer.QemuPeer;
import dev.torpor.benchmarks.peer.QemuSettings;
import dev.torpor.benchmarks.report.Note;
import dev.torpor.benchmarks.report.Row;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Goes over operations several times, so that what drifts in the host hits all of them alike. What
 * takes long to prepare has all of its rounds in the first sweep; a peer is measured once, after
 * it.
 */
final class Run {
  private final Path home;
  private final Path folder;
  private final Pace pace;
  private final Progress progress;
  private final List<Comparison> comparisons;
  private final PeerRows peer = new PeerRows();
  private final Map<Comparison, Long> longestSweepNanos = new HashMap<>();
  private final Set<Comparison> failed = new HashSet<>();
  private final long start = System.nanoTime();

  /**
   * Measures nothing yet.
   *
   * @param home where Torpor's tree is, built
   * @param folder that exists, for stores
   */
  Run(List<Operation> operations, Path home, Path folder, Pace pace, Progress progress) {
    this.home = home;
    this.folder = folder;
    this.pace = pace;
    this.progress = progress;
    comparisons = operations.stream().map(one -> new Comparison(one, home, folder, pace)).toList();
  }

  /** Measures all of them. */
  void measure(boolean shortened, int peerSamples) throws InterruptedException {
    for (int sweep = 1; sweep <= pace.sweeps(); sweep++) {
      for (Comparison comparison : comparisons) {
        sweep(comparison, sweep, shortened);
      }
      if (sweep == 1 && peerSamples > 0) {
        measurePeer(peerSamples);
      }
    }
    progress.clear();
  }

  /** What fails is told and left out; the others' figures are worth no less for it. */
  private void sweep(Comparison comparison, int sweep, boolean shortened)
      throws InterruptedException {
    boolean once = comparison.operation().effort() == Effort.FULL_AT_ONCE;
    if (failed.contains(comparison) || (sweep > 1 && (once || isLate(comparison)))) {
      return;
    }
    try {
      measure(comparison, sweep, once, shortened);
    } catch (IOException | RuntimeException e) {
      failed.add(comparison);
      progress.say(
          "torpor bench: %s is not measured: %s"
              .formatted(comparison.operation().label(), e.getMessage()));
    }
  }

  private void measure(Comparison comparison, int sweep, boolean once, boolean shortened)
      throws IOException, InterruptedException {
    progress.step(
        "sweep %d of %d: %s".formatted(sweep, pace.sweeps(), comparison.operation().label()));
    long before = System.nanoTime();
    int rounds = once ? pace.roundsPerSweep() * pace.sweeps() : pace.roundsPerSweep();
    boolean last = once || sweep == pace.sweeps();
    comparison.sweep(rounds, last && !shortened, progress);
    longestSweepNanos.merge(comparison, System.nanoTime() - before, Math::max);
  }

  private boolean isLate(Comparison comparison) {
    long end = System.nanoTime() - start + longestSweepNanos.getOrDefault(comparison, 0L);
    return end > pace.deadline().toNanos();
  }

  private void measurePeer(int samples) {
    List<Operation> operations = comparisons.stream().map(Comparison::operation).toList();
    if (!PeerRows.any(operations)) {
      return;
    }
    Optional<Path> program = QemuSettings.installed();
    if (program.isEmpty()) {
      progress.say("no peer: " + QemuSettings.HOW_TO_INSTALL);
      return;
    }
    progress.step("peer: QEMU");
    QemuPeer qemu = new QemuPeer(QemuSettings.usual(program.get(), home, folder), this::tellOfPeer);
    if (operations.contains(Operations.PAUSE_1_GIB)) {
      peer.add(qemu.checkpoints(samples));
    }
    if (operations.contains(Operations.RESTORE_1_GIB)) {
      peer.add(qemu.restores(samples));
    }
    if (operations.contains(Operations.REVERT_1_GIB)) {
      peer.add(qemu.reverts(samples));
    }
  }

  private void tellOfPeer(String line) {
    if (line.contains("is not measured")) {
      progress.say(line);
    } else {
      progress.detail(line);
    }
  }

  /** All rows, in the order of the operations. */
  List<Row> rows() {
    List<Row> rows = new ArrayList<>();
    for (Comparison comparison : comparisons) {
      if (!failed.contains(comparison)) {
        comparison.rows().forEach(row -> rows.add(peer.beside(row)));
      }
    }
    return rows;
  }

  /** Whether something could not be measured. */
  boolean hasFailures() {
    return !failed.isEmpty();
  }

  List<Note> notes() {
    List<Note> notes = new ArrayList<>();
    comparisons.forEach(comparison -> notes.addAll(comparison.notes()));
    notes.addAll(peer.notes());
    return notes;
  }
}
