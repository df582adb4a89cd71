package dev.torpor.benchmarks.peer;

import dev.torpor.benchmarks.Folders;
import dev.torpor.benchmarks.report.Figures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * Measures QEMU. Each call starts QEMUs of its own and leaves none behind, so nothing of them is at
 * work while others are measured. What fails is told, and its figures are missing; nothing is
 * thrown.
 *
 * <p>One thread at a time.
 */
public final class QemuPeer {
  private static final Path NO_INPUT = Path.of("/dev/null");
  private static final int SETTLE_PASSES = 3;
  private static final long SETTLE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

  private final QemuSettings settings;
  private final Consumer<String> listener;

  /**
   * Starts nothing yet.
   *
   * @param settings which QEMU runs what
   * @param listener takes a line for people when something takes long or fails
   */
  public QemuPeer(QemuSettings settings, Consumer<String> listener) {
    this.settings = settings;
    this.listener = listener;
  }

  /** Takes samples in a folder that exists for as long as that takes. */
  @FunctionalInterface
  private interface Measurement {
    List<PeerFigures> take(Path folder, int samples) throws IOException;
  }

  private List<PeerFigures> attempt(String what, int samples, Measurement measurement) {
    try {
      Path folder = Files.createTempDirectory(settings.folder(), "torpor-peer-");
      try {
        return measurement.take(folder.toRealPath(), samples);
      } finally {
        Folders.delete(folder);
      }
    } catch (IOException | RuntimeException e) {
      listener.accept("qemu %s is not measured: %s".formatted(what, e.getMessage()));
      return List.of();
    }
  }

  /**
   * Measures all that there is.
   *
   * @param samples how many of each, at least 1
   * @return what could be measured
   */
  public List<PeerFigures> all(int samples) {
    List<PeerFigures> figures = new ArrayList<>(checkpoints(samples));
    figures.addAll(restores(samples));
    figures.addAll(reverts(samples));
    return figures;
  }

  /**
   * Checkpoints of a running guest, in each way that this QEMU has: {@link PeerFigures#PAUSE},
   * {@link PeerFigures#PAUSE_REPORTED}, {@link PeerFigures#STOOD_STILL} and {@link
   * PeerFigures#DURABLE}.
   *
   * @param samples how many of each way, at least 1
   * @return what could be measured
   */
  public List<PeerFigures> checkpoints(int samples) {
    List<PeerFigures> figures = new ArrayList<>();
    for (CheckpointWay way : checkpointWays()) {
      figures.addAll(
          attempt(way.label(), samples, (folder, count) -> checkpoints(way, folder, count)));
    }
    return figures;
  }

  private static List<CheckpointWay> checkpointWays() {
    List<CheckpointWay> ways = new ArrayList<>(List.of(MigrationWay.values()));
    ways.add(new SnapshotWay());
    return ways;
  }

  private List<PeerFigures> checkpoints(CheckpointWay way, Path folder, int count)
      throws IOException {
    try (QemuProcess qemu = QemuProcess.start(settings, NO_INPUT);
        GuestRam ram = qemu.openRam()) {
      if (!way.isAmong(qemu.capabilities())) {
        return List.of();
      }
      CheckpointSamples samples =
          new CheckpointSamples(qemu.qmp(), settled(ram), way, folder, count);
      way.prepare(qemu.qmp(), folder);
      samples.take(new PeerProgress(listener, "qemu " + way.label(), count));
      return samples.figures(parameters(qemu));
    }
  }

  private WriterProgress settled(GuestRam ram) throws IOException {
    WriterProgress progress = new WriterProgress(settings.guest(), ram::read);
    progress.awaitPasses(SETTLE_PASSES);
    return progress;
  }

  private Map<String, String> parameters(QemuProcess qemu) throws IOException {
    Map<String, String> parameters = new TreeMap<>(settings.parameters());
    parameters.put("qemu", qemu.version());
    return parameters;
  }

  /**
   * Machines made of a migrated one's file, in the page cache: {@link PeerFigures#RESTORE} and
   * {@link PeerFigures#RESTORE_LAUNCHED}.
   *
   * @param samples how many of each way, at least 1
   * @return what could be measured
   */
  public List<PeerFigures> restores(int samples) {
    List<PeerFigures> figures = new ArrayList<>();
    for (MigrationWay way : List.of(MigrationWay.MIGRATE, MigrationWay.MAPPED_RAM)) {
      figures.addAll(
          attempt(
              "restore of " + way.label(),
              samples,
              (folder, count) -> restores(way, folder, count)));
    }
    return figures;
  }

  private List<PeerFigures> restores(MigrationWay way, Path folder, int count) throws IOException {
    Path file;
    Map<String, String> parameters;
    try (QemuProcess qemu = QemuProcess.start(settings, NO_INPUT);
        GuestRam ram = qemu.openRam()) {
      if (!way.isAmong(qemu.capabilities())) {
        return List.of();
      }
      settled(ram);
      way.prepare(qemu.qmp(), folder);
      file = way.take(qemu.qmp(), folder);
      parameters = parameters(qemu);
    }
    PeerProgress told = new PeerProgress(listener, "qemu restore of " + way.label(), count);
    long[] waiting = new long[count];
    long[] launched = new long[count];
    for (int i = 0; i < count; i++) {
      waiting[i] = restoreNanos(way, file, true);
      launched[i] = restoreNanos(way, file, false);
      told.at(i + 1);
    }
    return List.of(
        new PeerFigures(PeerFigures.RESTORE, way.label(), Figures.ofNanos(waiting), parameters),
        new PeerFigures(
            PeerFigures.RESTORE_LAUNCHED, way.label(), Figures.ofNanos(launched), parameters));
  }

  /** From the command in a process that has been waiting for it, or from the process's start. */
  private long restoreNanos(MigrationWay way, Path file, boolean waiting) throws IOException {
    long launched = System.nanoTime();
    try (QemuProcess qemu = QemuProcess.start(settings, file, "-incoming", "defer");
        GuestRam ram = qemu.openRam()) {
      way.enableCapabilities(qemu.qmp());
      if (waiting) {
        LockSupport.parkNanos(SETTLE_NANOS);
      }
      long commanded = System.nanoTime();
      qemu.qmp().execute("migrate-incoming", Map.of("uri", way.incomingUri(file)));
      qemu.qmp().await("RESUME");
      new WriterProgress(settings.guest(), ram::read).awaitNextPage();
      return System.nanoTime() - (waiting ? commanded : launched);
    }
  }

  /**
   * Taking a running machine back to a snapshot inside of a qcow2 image: {@link
   * PeerFigures#REVERT}.
   *
   * @param samples how many, at least 1
   * @return what could be measured
   */
  public List<PeerFigures> reverts(int samples) {
    return attempt("snapshot-load", samples, this::reverts);
  }

  private List<PeerFigures> reverts(Path folder, int count) throws IOException {
    try (QemuProcess qemu = QemuProcess.start(settings, NO_INPUT);
        GuestRam ram = qemu.openRam()) {
      WriterProgress progress = settled(ram);
      SnapshotWay way = new SnapshotWay();
      way.prepare(qemu.qmp(), folder);
      way.take(qemu.qmp(), folder);
      PeerProgress told = new PeerProgress(listener, "qemu snapshot-load", count);
      long[] samples = new long[count];
      revertNanos(qemu.qmp(), way, progress); // reads the snapshot into the page cache
      for (int i = 0; i < count; i++) {
        samples[i] = revertNanos(qemu.qmp(), way, progress);
        told.at(i + 1);
      }
      return List.of(
          new PeerFigures(
              PeerFigures.REVERT, "snapshot-load", Figures.ofNanos(samples), parameters(qemu)));
    }
  }

  private static long revertNanos(QmpClient qmp, SnapshotWay way, WriterProgress progress)
      throws IOException {
    progress.awaitPasses(2);
    qmp.forgetEvents();
    long start = System.nanoTime();
    way.load(qmp);
    progress.awaitNextPage();
    long nanos = System.nanoTime() - start;
    way.endLoad(qmp);
    return nanos;
  }
}
