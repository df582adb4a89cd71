package dev.torpor.snapshot;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;

/**
 * Layers that are needed beyond the life of a process and by no checkpoint yet: those of a disk
 * that is between two checkpoints. One file for each owner.
 */
final class Pins {
  private static final String SUFFIX = ".pin";
  private static final Frame FRAME = new Frame("TORPPINS", 1, 1 << 10, 1 << 24);
  private static final int OWNER_TAG = 1;

  private final Path directory;

  Pins(Path directory) {
    this.directory = directory;
  }

  /** In one step, durable. */
  void set(UUID owner, Collection<Integer> layers, Path temporary) throws IOException {
    if (layers.isEmpty()) {
      if (Files.deleteIfExists(path(owner))) {
        WholeFile.syncDirectory(directory);
      }
      return;
    }
    Set<Integer> sorted = new TreeSet<>(layers);
    ByteBuffer body =
        ByteBuffer.allocate(sorted.size() * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    sorted.forEach(body::putInt);
    byte[] head = new FieldWriter().uuid(OWNER_TAG, owner).toByteArray();
    WholeFile.write(temporary, path(owner), FRAME.encode(head, body.array()));
  }

  /** All layers that are pinned; adds to the damaged ones, which say nothing. */
  Set<Integer> layers(List<SnapshotFormatException> damaged) throws IOException {
    Set<Integer> layers = new TreeSet<>();
    for (UUID owner : UuidNames.list(directory, SUFFIX)) {
      try {
        addTo(layers, owner);
      } catch (FileNotFoundException e) {
        // Unpinned meanwhile.
      } catch (SnapshotFormatException e) {
        damaged.add(e);
      }
    }
    return layers;
  }

  private void addTo(Set<Integer> layers, UUID owner) throws IOException {
    ByteBuffer body =
        ByteBuffer.wrap(FRAME.read(path(owner)).body()).order(ByteOrder.LITTLE_ENDIAN);
    while (body.remaining() >= Integer.BYTES) {
      layers.add(body.getInt());
    }
  }

  private Path path(UUID owner) {
    return directory.resolve(owner + SUFFIX);
  }
}
