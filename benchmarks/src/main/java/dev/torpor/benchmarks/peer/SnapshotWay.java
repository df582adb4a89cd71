package dev.torpor.benchmarks.peer;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Snapshots inside of a qcow2 image, as savevm and loadvm have them: the guest stands still. */
final class SnapshotWay implements CheckpointWay {
  private static final String NODE = "machines";
  private static final String FILE_NODE = "machines-file";
  private static final String TAG = "torpor-peer";
  private static final int DISK_BYTES = 1 << 20;

  private int jobs;

  @Override
  public String label() {
    return "snapshot-save";
  }

  @Override
  public void prepare(QmpClient qmp, Path folder) throws IOException {
    String file = file(folder).toString();
    runJob(
        qmp,
        "blockdev-create",
        Map.of("options", Map.of("driver", "file", "filename", file, "size", 0)));
    qmp.execute("blockdev-add", Map.of("driver", "file", "filename", file, "node-name", FILE_NODE));
    runJob(
        qmp,
        "blockdev-create",
        Map.of("options", Map.of("driver", "qcow2", "file", FILE_NODE, "size", DISK_BYTES)));
    qmp.execute("blockdev-add", Map.of("driver", "qcow2", "file", FILE_NODE, "node-name", NODE));
  }

  private static Path file(Path folder) {
    return folder.resolve("machines.qcow2");
  }

  @Override
  public Path take(QmpClient qmp, Path folder) throws IOException {
    runJob(qmp, "snapshot-save", Map.of("tag", TAG, "vmstate", NODE, "devices", List.of(NODE)));
    qmp.await("RESUME");
    return file(folder);
  }

  /** Takes the machine back to what was saved; returns when it runs. */
  void load(QmpClient qmp) throws IOException {
    start(qmp, "snapshot-load", Map.of("tag", TAG, "vmstate", NODE, "devices", List.of(NODE)));
    qmp.await("RESUME");
  }

  /** Waits until the job of {@link #load} is over. */
  void endLoad(QmpClient qmp) throws IOException {
    end(qmp, jobName());
  }

  @Override
  public void discard(QmpClient qmp, Path folder) throws IOException {
    runJob(qmp, "snapshot-delete", Map.of("tag", TAG, "devices", List.of(NODE)));
  }

  private void runJob(QmpClient qmp, String command, Map<String, ?> arguments) throws IOException {
    start(qmp, command, arguments);
    end(qmp, jobName());
  }

  private void start(QmpClient qmp, String command, Map<String, ?> arguments) throws IOException {
    jobs++;
    Map<String, Object> all = new HashMap<>(arguments);
    all.put("job-id", jobName());
    qmp.execute(command, all);
  }

  private String jobName() {
    return "torpor-" + jobs;
  }

  private static void end(QmpClient qmp, String job) throws IOException {
    qmp.await(
        event ->
            event.is("JOB_STATUS_CHANGE")
                && event.says("id", job)
                && event.says("status", "concluded"),
        "the end of a job");
    for (JsonElement element : qmp.execute("query-jobs").getAsJsonArray()) {
      JsonObject told = element.getAsJsonObject();
      if (told.get("id").getAsString().equals(job) && told.has("error")) {
        throw new PeerException("QEMU failed: " + told.get("error"));
      }
    }
    qmp.execute("job-dismiss", Map.of("id", job));
  }

  @Override
  public boolean reportsDowntime() {
    return false;
  }
}
