package dev.torpor.benchmarks.peer;

import com.google.gson.JsonObject;
import dev.torpor.benchmarks.report.Figures;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Takes checkpoints of a guest that goes on writing, by one of QEMU's ways, and times them. */
final class CheckpointSamples {
  private final QmpClient qmp;
  private final WriterProgress progress;
  private final CheckpointWay way;
  private final Path folder;
  private final long[] paused;
  private final long[] stoodStill;
  private final long[] reported;
  private final long[] durable;

  /** Of a QEMU that the way has prepared, with files in that folder. */
  CheckpointSamples(
      QmpClient qmp, WriterProgress progress, CheckpointWay way, Path folder, int count) {
    this.qmp = qmp;
    this.progress = progress;
    this.way = way;
    this.folder = folder;
    paused = new long[count];
    stoodStill = new long[count];
    reported = new long[count];
    durable = new long[count];
  }

  /** Takes all of them, after one that does not count: it finds pages that none has saved. */
  void take(PeerProgress told) throws IOException {
    takeOne(0);
    for (int i = 0; i < paused.length; i++) {
      takeOne(i);
      told.at(i + 1);
    }
  }

  private void takeOne(int i) throws IOException {
    progress.awaitPasses(2); // the pass that is under way may have begun before the last one
    qmp.forgetEvents();
    try (StandStill watched = new StandStill(progress)) {
      long start = System.nanoTime();
      Path file = way.take(qmp, folder);
      makeDurable(file);
      durable[i] = System.nanoTime() - start;
      stoodStill[i] = watched.endNanos();
    }
    paused[i] = pausedNanos();
    if (way.reportsDowntime()) {
      reported[i] = reportedNanos();
    }
    way.discard(qmp, folder);
  }

  private static void makeDurable(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
  }

  private long pausedNanos() throws IOException {
    long micros = qmp.await("RESUME").atMicros() - qmp.await("STOP").atMicros();
    return TimeUnit.MICROSECONDS.toNanos(micros);
  }

  private long reportedNanos() throws IOException {
    JsonObject migration = qmp.execute("query-migrate").getAsJsonObject();
    return TimeUnit.MILLISECONDS.toNanos(migration.get("downtime").getAsLong());
  }

  List<PeerFigures> figures(Map<String, String> parameters) {
    List<PeerFigures> figures = new ArrayList<>();
    figures.add(figures(PeerFigures.PAUSE, paused, parameters));
    if (way.reportsDowntime()) {
      figures.add(figures(PeerFigures.PAUSE_REPORTED, reported, parameters));
    }
    figures.add(figures(PeerFigures.STOOD_STILL, stoodStill, parameters));
    figures.add(figures(PeerFigures.DURABLE, durable, parameters));
    return figures;
  }

  private PeerFigures figures(String operation, long[] samples, Map<String, String> parameters) {
    return new PeerFigures(operation, way.label(), Figures.ofNanos(samples), parameters);
  }
}
