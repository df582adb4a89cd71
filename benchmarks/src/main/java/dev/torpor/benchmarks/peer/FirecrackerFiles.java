package dev.torpor.benchmarks.peer;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * What Firecracker saves a machine to.
 *
 * @param state of its devices and vCPUs
 * @param memory of the guest
 */
record FirecrackerFiles(Path state, Path memory) {
  static FirecrackerFiles in(Path folder) {
    return new FirecrackerFiles(folder.resolve("state"), folder.resolve("memory"));
  }

  void makeDurable() throws IOException {
    for (Path file : List.of(memory, state)) {
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        channel.force(true);
      }
    }
  }

  void delete() throws IOException {
    Files.deleteIfExists(state);
    Files.deleteIfExists(memory);
  }
}
