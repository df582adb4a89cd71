package dev.torpor.vmm.checkpoint;

import static dev.torpor.snapshot.Blocks.BYTES;

import dev.torpor.linux.LinuxFile;
import dev.torpor.snapshot.Extent;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.Layer;
import dev.torpor.snapshot.MapRoot;
import dev.torpor.snapshot.Store;
import dev.torpor.vmm.memory.FilePiece;
import dev.torpor.vmm.memory.GuestMemory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A memory image that lies in few pieces of its layers' files, open and verified, so that any
 * number of VMs can map it. Safe from every thread.
 */
final class MappedImage implements AutoCloseable {
  /** Each piece is a mapping of each VM, and a process may have 65,530. */
  static final int MAX_PIECES = 512;

  private final Map<Integer, LinuxFile> files = new HashMap<>();
  private final List<FilePiece> pieces = new ArrayList<>();

  private MappedImage() {}

  /**
   * Opens an image for mapping, and verifies what no one on this host has verified yet.
   *
   * @return empty if it lies in too many pieces
   * @throws dev.torpor.snapshot.SnapshotFormatException if a layer is damaged
   * @throws java.io.UncheckedIOException if a layer cannot be read
   */
  static Optional<MappedImage> open(Store store, Image image) {
    Optional<List<Extent>> extents = extents(store, image);
    if (extents.isEmpty()) {
      return Optional.empty();
    }
    MappedImage mapped = new MappedImage();
    try {
      mapped.openFiles(store, extents.get());
      store.verifyForMapping(image, _ -> {});
      return Optional.of(mapped);
    } catch (RuntimeException | Error e) {
      mapped.close();
      throw e;
    }
  }

  /** An image that is all of a flat layer is one piece: its absent blocks are holes there. */
  private static Optional<List<Extent>> extents(Store store, Image image) {
    MapRoot flat = image.root().flatMap();
    if (flat.equals(MapRoot.ABSENT) || !image.root().map().equals(flat)) {
      return image.extents(MAX_PIECES);
    }
    Layer layer = store.layers().layer(flat.layer());
    return Optional.of(
        List.of(new Extent(0, image.blockCount(), flat.layer(), layer.dataOffset())));
  }

  private void openFiles(Store store, List<Extent> extents) {
    for (Extent extent : extents) {
      LinuxFile file =
          files.computeIfAbsent(
              extent.layer(),
              layer -> LinuxFile.open(store.layers().path(layer), LinuxFile.O_RDONLY));
      pieces.add(
          new FilePiece(
              extent.firstBlock() * BYTES,
              extent.blockCount() * BYTES,
              file.descriptor(),
              extent.offset()));
    }
  }

  /** Maps it once more. */
  GuestMemory map(long byteSize) {
    return GuestMemory.mapped(byteSize, pieces);
  }

  @Override
  public void close() {
    files.values().forEach(LinuxFile::close);
  }
}
