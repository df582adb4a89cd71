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
import java.util.function.ToLongFunction;

/**
 * Measures a Firecracker whose binary somebody has. Each call starts Firecrackers of its own and
 * leaves none behind. What fails is told, and its figures are missing; nothing is thrown.
 *
 * <p>One thread at a time.
 */
public final class FirecrackerPeer {
  private static final long SETTLE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
  private static final int SETTLE_PASSES = 3;

  private final Path program;
  private final Path kernel;
  private final Path folder;
  private final PeerGuest guest;
  private final Consumer<String> listener;

  /**
   * Starts nothing yet.
   *
   * @param program the executable
   * @param kernel the scatter-writer as a PVH kernel
   * @param folder where files go for as long as they are needed
   * @param guest what it does
   * @param listener takes a line for people when something takes long or fails
   */
  public FirecrackerPeer(
      Path program, Path kernel, Path folder, PeerGuest guest, Consumer<String> listener) {
    this.program = program;
    this.kernel = kernel.toAbsolutePath();
    this.folder = folder;
    this.guest = guest;
    this.listener = listener;
  }

  /**
   * Measures full and differential snapshots, and restoring a full one by mapping its file.
   *
   * @param samples how many of each, at least 1
   * @return what could be measured
   */
  public List<PeerFigures> all(int samples) {
    List<PeerFigures> figures = new ArrayList<>();
    figures.addAll(attempt("full-snapshot", files -> snapshots(true, files, samples)));
    figures.addAll(attempt("diff-snapshot", files -> snapshots(false, files, samples)));
    figures.addAll(attempt("snapshot-load", files -> restores(files, samples)));
    return figures;
  }

  @FunctionalInterface
  private interface Measurement {
    List<PeerFigures> take(FirecrackerFiles files) throws IOException;
  }

  private List<PeerFigures> attempt(String what, Measurement measurement) {
    try {
      Path own = Files.createTempDirectory(folder, "torpor-peer-");
      try {
        return measurement.take(FirecrackerFiles.in(own.toRealPath()));
      } finally {
        Folders.delete(own);
      }
    } catch (IOException | RuntimeException e) {
      listener.accept("firecracker %s is not measured: %s".formatted(what, e.getMessage()));
      return List.of();
    }
  }

  private List<PeerFigures> snapshots(boolean all, FirecrackerFiles files, int count)
      throws IOException {
    String way = all ? "full-snapshot" : "diff-snapshot";
    PeerProgress told = new PeerProgress(listener, "firecracker " + way, count);
    List<Snapshot> taken = new ArrayList<>();
    try (FirecrackerProcess firecracker = FirecrackerProcess.start(program)) {
      FirecrackerApi api = firecracker.api();
      api.boot(kernel, guest, !all);
      try (GuestRam ram = firecracker.openRam(guest)) {
        WriterProgress progress = new WriterProgress(guest, ram::read);
        progress.awaitPasses(SETTLE_PASSES);
        snapshot(api, progress, all, files); // of pages that none has saved
        while (taken.size() < count) {
          taken.add(snapshot(api, progress, all, files));
          told.at(taken.size());
        }
      }
      return figures(way, taken, parameters(api));
    }
  }

  /**
   * One sample.
   *
   * @param pausedNanos from the command to stop to the answer of that to continue
   * @param stoodStillNanos as seen from outside
   * @param durableNanos until its files are on the disk
   */
  private record Snapshot(long pausedNanos, long stoodStillNanos, long durableNanos) {}

  private static Snapshot snapshot(
      FirecrackerApi api, WriterProgress progress, boolean all, FirecrackerFiles files)
      throws IOException {
    progress.awaitPasses(2);
    try (StandStill watched = new StandStill(progress)) {
      long start = System.nanoTime();
      api.pause();
      api.save(all, files);
      api.resume();
      long paused = System.nanoTime() - start;
      files.makeDurable();
      long durable = System.nanoTime() - start;
      files.delete();
      return new Snapshot(paused, watched.endNanos(), durable);
    }
  }

  private static List<PeerFigures> figures(
      String way, List<Snapshot> taken, Map<String, String> parameters) {
    return List.of(
        figures(PeerFigures.PAUSE, way, taken, Snapshot::pausedNanos, parameters),
        figures(PeerFigures.STOOD_STILL, way, taken, Snapshot::stoodStillNanos, parameters),
        figures(PeerFigures.DURABLE, way, taken, Snapshot::durableNanos, parameters));
  }

  private static PeerFigures figures(
      String operation,
      String way,
      List<Snapshot> taken,
      ToLongFunction<Snapshot> nanos,
      Map<String, String> parameters) {
    long[] samples = taken.stream().mapToLong(nanos).toArray();
    return new PeerFigures(operation, way, Figures.ofNanos(samples), parameters);
  }

  private List<PeerFigures> restores(FirecrackerFiles files, int count) throws IOException {
    Map<String, String> parameters = saveOnce(files);
    long[] waiting = new long[count];
    long[] launched = new long[count];
    PeerProgress told = new PeerProgress(listener, "firecracker snapshot-load", count);
    for (int i = 0; i < count; i++) {
      waiting[i] = restoreNanos(files, true);
      launched[i] = restoreNanos(files, false);
      told.at(i + 1);
    }
    String way = "snapshot-load";
    return List.of(
        new PeerFigures(PeerFigures.RESTORE, way, Figures.ofNanos(waiting), parameters),
        new PeerFigures(PeerFigures.RESTORE_LAUNCHED, way, Figures.ofNanos(launched), parameters));
  }

  private Map<String, String> saveOnce(FirecrackerFiles files) throws IOException {
    try (FirecrackerProcess firecracker = FirecrackerProcess.start(program)) {
      FirecrackerApi api = firecracker.api();
      api.boot(kernel, guest, false);
      try (GuestRam ram = firecracker.openRam(guest)) {
        new WriterProgress(guest, ram::read).awaitPasses(SETTLE_PASSES);
      }
      api.pause();
      api.save(true, files);
      return parameters(api);
    }
  }

  private long restoreNanos(FirecrackerFiles files, boolean waiting) throws IOException {
    long launched = System.nanoTime();
    try (FirecrackerProcess firecracker = FirecrackerProcess.start(program)) {
      if (waiting) {
        LockSupport.parkNanos(SETTLE_NANOS);
      }
      long commanded = System.nanoTime();
      firecracker.api().load(files);
      try (GuestRam ram = firecracker.openRam(guest)) {
        new WriterProgress(guest, ram::read).awaitNextPage();
      }
      return System.nanoTime() - (waiting ? commanded : launched);
    }
  }

  private Map<String, String> parameters(FirecrackerApi api) throws IOException {
    Map<String, String> parameters = new TreeMap<>();
    parameters.put("firecracker", api.version());
    parameters.put("memoryMib", Long.toString(guest.mebibytes()));
    parameters.put("pages", Long.toString(guest.pages()));
    return parameters;
  }
}
