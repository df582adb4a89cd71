package dev.torpor.benchmarks.peer;

import com.google.gson.JsonElement;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** What Firecracker is told, by its API (firecracker: src/firecracker/swagger/firecracker.yaml). */
final class FirecrackerApi {
  private final HttpClient http;

  FirecrackerApi(HttpClient http) {
    this.http = http;
  }

  /** Such as 1.7.0. */
  String version() throws IOException {
    JsonElement version = http.request("GET", "/version", Map.of()).get("firecracker_version");
    return version == null ? "unknown" : version.getAsString();
  }

  /** Starts a guest that is there to be saved: its writes are tracked if that matters. */
  void boot(Path kernel, PeerGuest guest, boolean tracked) throws IOException {
    http.request(
        "PUT",
        "/boot-source",
        Map.of("kernel_image_path", kernel.toString(), "boot_args", guest.commandLine()));
    http.request(
        "PUT",
        "/machine-config",
        Map.of("vcpu_count", 1, "mem_size_mib", guest.mebibytes(), "track_dirty_pages", tracked));
    http.request("PUT", "/actions", Map.of("action_type", "InstanceStart"));
  }

  void pause() throws IOException {
    http.request("PATCH", "/vm", Map.of("state", "Paused"));
  }

  void resume() throws IOException {
    http.request("PATCH", "/vm", Map.of("state", "Resumed"));
  }

  /** Saves a paused machine: with all of its memory, or with what was written since the last. */
  void save(boolean all, FirecrackerFiles files) throws IOException {
    http.request(
        "PUT",
        "/snapshot/create",
        Map.of(
            "snapshot_type",
            all ? "Full" : "Diff",
            "snapshot_path",
            files.state().toString(),
            "mem_file_path",
            files.memory().toString()));
  }

  /** Makes a machine of a full one's files, and lets it run. */
  void load(FirecrackerFiles files) throws IOException {
    http.request(
        "PUT",
        "/snapshot/load",
        Map.of(
            "snapshot_path",
            files.state().toString(),
            "mem_backend",
            Map.of("backend_type", "File", "backend_path", files.memory().toString()),
            "resume_vm",
            true));
  }
}
