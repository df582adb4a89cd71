package dev.torpor.benchmarks.peer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.benchmarks.report.Figures;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What QEMU is told to do for each way, and what becomes of one that cannot. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class QemuWaysTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final String TIME = "\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}";

  @TempDir private Path folder;

  private static String event(String name, String data) {
    return "{\"event\": \"%s\", \"data\": %s, %s}\n".formatted(name, data, TIME);
  }

  private static String migrated(String status) {
    return event("MIGRATION", "{\"status\": \"active\"}")
        + event("STOP", "{}")
        + event("MIGRATION", "{\"status\": \"" + status + "\"}");
  }

  @Test
  void migrationIsFollowedByCommandToContinue() throws Exception {
    QmpClientTest.Script script =
        new QmpClientTest.Script(
            Map.of("migrate", migrated("completed"), "cont", event("RESUME", "{}")));
    Path quoted = folder.resolve("it's");
    try (FakePeer peer = script.start();
        QmpClient qmp = QmpClient.connect(peer.socket(), LIMIT)) {
      assertThat(MigrationWay.MIGRATE.take(qmp, quoted)).isEqualTo(quoted.resolve("machine"));
    }
    assertThat(script.told()).containsExactly("migrate", "query-status", "cont");
    assertThat(script.told("migrate", "uri"))
        .isEqualTo("\"exec:exec cat >'" + folder + "/it'\\\\''s/machine'\"");
  }

  @Test
  void backgroundSnapshotContinuesByItself() throws Exception {
    QmpClientTest.Script script =
        new QmpClientTest.Script(Map.of("migrate", event("RESUME", "{}") + migrated("completed")));
    try (FakePeer peer = script.start();
        QmpClient qmp = QmpClient.connect(peer.socket(), LIMIT)) {
      MigrationWay.BACKGROUND_SNAPSHOT.prepare(qmp, folder);
      MigrationWay.BACKGROUND_SNAPSHOT.take(qmp, folder);
    }
    assertThat(script.told())
        .containsExactly("migrate-set-parameters", "migrate-set-capabilities", "migrate");
    assertThat(script.told("migrate-set-capabilities", "capabilities"))
        .contains("background-snapshot");
  }

  @Test
  void failedMigrationIsNoSample() throws Exception {
    QmpClientTest.Script script = new QmpClientTest.Script(Map.of("migrate", migrated("failed")));
    try (FakePeer peer = script.start();
        QmpClient qmp = QmpClient.connect(peer.socket(), LIMIT)) {
      assertThatThrownBy(() -> MigrationWay.MIGRATE.take(qmp, folder))
          .hasMessageStartingWith("QEMU failed to save");
    }
  }

  @Test
  void snapshotIsSavedAndLoadedByJobsOfTheirOwn() throws Exception {
    String ended = "{\"id\": \"torpor-%d\", \"status\": \"concluded\"}";
    QmpClientTest.Script script =
        new QmpClientTest.Script(
            Map.of(
                "snapshot-save",
                event("JOB_STATUS_CHANGE", ended.formatted(1)) + event("RESUME", "{}"),
                "snapshot-load",
                event("RESUME", "{}") + event("JOB_STATUS_CHANGE", ended.formatted(2))));
    SnapshotWay way = new SnapshotWay();
    try (FakePeer peer = script.start();
        QmpClient qmp = QmpClient.connect(peer.socket(), LIMIT)) {
      way.take(qmp, folder);
      way.load(qmp);
      way.endLoad(qmp);
    }
    assertThat(script.told())
        .containsExactly(
            "snapshot-save",
            "query-jobs",
            "job-dismiss",
            "snapshot-load",
            "query-jobs",
            "job-dismiss");
  }

  @Test
  void wayThatNeedsACapabilityIsOnlyAmongThoseThatHaveIt() {
    assertThat(MigrationWay.MIGRATE.isAmong(Set.of())).isTrue();
    assertThat(MigrationWay.MAPPED_RAM.isAmong(Set.of("events"))).isFalse();
    assertThat(MigrationWay.MAPPED_RAM.isAmong(Set.of("mapped-ram"))).isTrue();
    assertThat(MigrationWay.BACKGROUND_SNAPSHOT.isAmong(Set.of("mapped-ram"))).isFalse();
  }

  @Test
  void qemuThatDoesNotStartLeavesColumnsEmptyAndSaysWhy() {
    List<String> told = new ArrayList<>();
    QemuSettings settings = QemuSettings.usual(Path.of("/bin/false"), Path.of(".."), folder);
    assertThat(new QemuPeer(settings, told::add).all(1)).isEmpty();
    assertThat(told).hasSize(7).allMatch(line -> line.contains("it has not started"));
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void qemuThatIsNotThereLeavesColumnsEmptyAndSaysWhy() {
    List<String> told = new ArrayList<>();
    Path missing = folder.resolve("qemu");
    QemuSettings settings = QemuSettings.usual(missing, Path.of(".."), folder);
    assertThat(new QemuPeer(settings, told::add).reverts(1)).isEmpty();
    assertThat(told).hasSize(1).allMatch(line -> line.contains(missing.toString()));
  }

  @Test
  void guestIsToldWhereToWrite() {
    assertThat(PeerGuest.usual().commandLine())
        .isEqualTo("rdi=0x400000 rsi=0x3fc00000 rdx=2000 rcx=532480");
    assertThatThrownBy(() -> new PeerGuest(4L << 30, 2)).hasMessageContaining("3 GiB");
    assertThatThrownBy(() -> new PeerGuest(16L << 20, 1)).hasMessageContaining("1 pages");
    assertThatThrownBy(() -> new PeerGuest(16L << 20, 3073)).hasMessageContaining("3073 pages");
  }

  @Test
  void bestIsTheWayWithTheShortestMedianOfThatOperation() {
    PeerFigures slow = figures(PeerFigures.PAUSE, "a", 5, 6, 7);
    PeerFigures fast = figures(PeerFigures.PAUSE, "b", 3, 4, 90);
    PeerFigures other = figures(PeerFigures.DURABLE, "c", 1);
    List<PeerFigures> all = List.of(slow, fast, other);
    assertThat(PeerFigures.best(all, PeerFigures.PAUSE)).contains(fast);
    assertThat(PeerFigures.best(all, PeerFigures.REVERT)).isEmpty();
    assertThat(fast.figures()).isEqualTo(Figures.nanos(4, 90, 90, 3));
  }

  private static PeerFigures figures(String operation, String way, long... samples) {
    return new PeerFigures(operation, way, Figures.ofNanos(samples), Map.of());
  }
}
