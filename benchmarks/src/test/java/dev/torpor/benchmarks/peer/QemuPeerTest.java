package dev.torpor.benchmarks.peer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.benchmarks.report.Figures;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A real QEMU is measured, on a small guest and without KVM, so that any machine can. The lab's
 * emulator is the QEMU that a machine for tests has anyway.
 */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class QemuPeerTest {
  private static final String INSTALL = QemuSettings.HOW_TO_INSTALL;
  private static final PeerGuest SMALL = new PeerGuest(32L << 20, 50);

  @TempDir private Path folder;

  private final List<String> told = new ArrayList<>();
  private QemuPeer peer;

  @BeforeEach
  void findQemu() {
    Path program = QemuSettings.installed().orElseThrow(() -> new AssertionError(INSTALL));
    Path kernel = QemuSettings.kernel(Path.of("..")).toAbsolutePath();
    peer = new QemuPeer(new QemuSettings(program, "tcg", kernel, folder, SMALL), told::add);
  }

  private Figures measured(List<PeerFigures> figures, String operation, String way) {
    return figures.stream()
        .filter(one -> one.operation().equals(operation) && one.way().equals(way))
        .map(PeerFigures::figures)
        .findFirst()
        .orElseThrow(() -> new AssertionError(operation + " by " + way + ": " + told));
  }

  @Test
  void guestIsSavedAndGoesOn() {
    List<PeerFigures> figures = peer.checkpoints(1);
    for (String way : List.of("migrate", "snapshot-save")) {
      Figures pause = measured(figures, PeerFigures.PAUSE, way);
      assertThat(pause.p50()).isPositive();
      assertThat(measured(figures, PeerFigures.DURABLE, way).p50()).isGreaterThan(pause.p50());
    }
    assertThat(figures.getFirst().parameters()).containsEntry("accelerator", "tcg");
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void guestGoesOnFromWhatWasSaved() {
    assertThat(measured(peer.restores(1), PeerFigures.RESTORE, "migrate").p50()).isPositive();
    assertThat(measured(peer.reverts(1), PeerFigures.REVERT, "snapshot-load").p50()).isPositive();
    assertThat(folder).isEmptyDirectory();
  }
}
