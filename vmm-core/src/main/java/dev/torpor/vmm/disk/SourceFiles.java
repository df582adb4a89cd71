package dev.torpor.vmm.disk;

import dev.torpor.linux.LinuxFile;
import dev.torpor.snapshot.Layers;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The layers that a disk reads, under small numbers of its own. Only some of their files are open
 * at once. For one thread at a time.
 */
final class SourceFiles implements AutoCloseable {
  private static final int MAX_OPEN = 64;

  private final Layers layers;
  private final Map<Integer, Integer> sources = new HashMap<>();
  private final List<Path> paths = new ArrayList<>();
  private final List<LinuxFile> files = new ArrayList<>();
  private final Deque<Integer> open = new ArrayDeque<>();

  SourceFiles(Layers layers) {
    this.layers = layers;
  }

  /** A layer's number here, the same each time. */
  int sourceOf(int layer) {
    Integer known = sources.get(layer);
    if (known != null) {
      return known;
    }
    int source = BlockTable.FIRST_FILE + paths.size();
    if (source > BlockTable.MAX_SOURCE) {
      throw new IllegalStateException(
          "a disk has read %d layers: start its VM again".formatted(paths.size()));
    }
    paths.add(layers.path(layer));
    files.add(null);
    sources.put(layer, source);
    return source;
  }

  Path path(int source) {
    return paths.get(source - BlockTable.FIRST_FILE);
  }

  /** The layer's file, open for reading until another one is asked for. */
  LinuxFile file(int source) {
    LinuxFile file = files.get(source - BlockTable.FIRST_FILE);
    return file != null ? file : openFile(source);
  }

  private LinuxFile openFile(int source) {
    if (open.size() >= MAX_OPEN) {
      int oldest = open.removeFirst();
      files.set(oldest - BlockTable.FIRST_FILE, null).close();
    }
    LinuxFile file = LinuxFile.open(path(source), LinuxFile.O_RDONLY);
    files.set(source - BlockTable.FIRST_FILE, file);
    open.addLast(source);
    return file;
  }

  @Override
  public void close() {
    for (int source : open) {
      files.set(source - BlockTable.FIRST_FILE, null).close();
    }
    open.clear();
  }
}
