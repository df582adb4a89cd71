package dev.torpor.snapshot;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongConsumer;
import java.util.function.Supplier;

/**
 * Which layers may be mapped on this host. What is mapped is never verified again, so it is once,
 * before: each block that an image has in a layer against the image's block map. A stamp per layer
 * remembers the blocks, and for what file that was true; any write to the file makes it void. A
 * stamp only saves time: without it, or if it is damaged, blocks are verified again.
 */
final class VerifiedLayers {
  private static final int CHUNK_BLOCKS = 256;

  private final Path directory;
  private final Layers layers;
  private final Supplier<Path> temporaries;

  /** Stamps as their files have them; nobody changes these. */
  private final Map<Integer, VerifiedStamp> known = new ConcurrentHashMap<>();

  VerifiedLayers(Path directory, Layers layers, Supplier<Path> temporaries) {
    this.directory = directory;
    this.layers = layers;
    this.temporaries = temporaries;
  }

  /** Stamps a whole layer, which this process has just written and will not change. */
  void stampWritten(int number) throws IOException {
    write(VerifiedStamp.none(FileIdentity.of(layers.path(number))).whole(), number);
  }

  void delete(int number) throws IOException {
    known.remove(number);
    Files.deleteIfExists(path(number));
  }

  /** Verifies what of an image is not known to be right yet. */
  void verify(Image image, LongConsumer progress) throws IOException {
    Map<Integer, VerifiedStamp> pending = pending(image);
    if (pending.isEmpty()) {
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      Work work = new Work(image, arena, progress);
      VerifiedStamp flat = pending.remove(image.root().flatMap().layer());
      if (flat != null) {
        work.verifyFlat();
        write(flat.whole(), image.root().flatMap().layer());
      }
      if (!pending.isEmpty()) {
        work.verifyBlocks(pending);
        for (Map.Entry<Integer, VerifiedStamp> layer : pending.entrySet()) {
          write(layer.getValue().withImage(image.root().map()), layer.getKey());
        }
      }
    }
  }

  /** The stamps of those layers that hold blocks of the image which may not have been verified. */
  private Map<Integer, VerifiedStamp> pending(Image image) throws IOException {
    Map<Integer, VerifiedStamp> pending = new HashMap<>();
    for (LayerUse use : image.root().layers()) {
      if (use.liveBlocks() > 0) {
        FileIdentity file = FileIdentity.of(layers.path(use.layer()));
        if (!isKnown(use.layer(), file, image.root().map())) {
          VerifiedStamp stamp = valid(use.layer(), file);
          if (stamp.covers(image.root().map())) {
            known.put(use.layer(), stamp);
          } else {
            pending.put(use.layer(), stamp);
          }
        }
      }
    }
    return pending;
  }

  private boolean isKnown(int number, FileIdentity file, MapRoot map) {
    VerifiedStamp stamp = known.get(number);
    return stamp != null && stamp.file().equals(file) && stamp.covers(map);
  }

  /** The stamp of a layer's file; of nothing, if there is none. */
  private VerifiedStamp valid(int number, FileIdentity identity) throws IOException {
    try {
      VerifiedStamp stamp = VerifiedStamp.read(path(number));
      return stamp.file().equals(identity) ? stamp : VerifiedStamp.none(identity);
    } catch (FileNotFoundException | SnapshotFormatException | IllegalArgumentException e) {
      return VerifiedStamp.none(identity);
    }
  }

  private void write(VerifiedStamp stamp, int number) throws IOException {
    // Not synced: a torn stamp fails its checksum and costs a verification.
    WholeFile.replace(temporaries.get(), path(number), stamp.encode());
  }

  private Path path(int number) {
    return directory.resolve("%08d".formatted(number));
  }

  /** The reading of one image's blocks. */
  private final class Work {
    private final Image image;
    private final MemorySegment buffer;
    private final BlockReader reader;
    private final LongConsumer progress;
    private final BlockRef ref = new BlockRef();
    private long verifiedBytes;
    // Blocks of the image that follow each other and are to be read next.
    private long runStart;
    private int runCount;

    Work(Image image, Arena arena, LongConsumer progress) {
      this.image = image;
      this.buffer = arena.allocate((long) CHUNK_BLOCKS * Blocks.BYTES, Blocks.BYTES);
      this.reader = new BlockReader(image, buffer);
      this.progress = progress;
    }

    void verifyBlocks(Map<Integer, VerifiedStamp> pending) {
      Image nothing = Image.empty(layers, image.blockCount());
      image.forEachDifference(
          nothing,
          block -> {
            image.find(block, ref);
            VerifiedStamp stamp = pending.get(ref.layer());
            if (ref.isStored() && stamp != null && stamp.add(ref.offset())) {
              addToRun(block);
            }
          });
      readRun();
    }

    private void addToRun(long block) {
      if (runCount == CHUNK_BLOCKS || block != runStart + runCount) {
        readRun();
        runStart = block;
      }
      runCount++;
    }

    private void readRun() {
      reader.read(runStart, runCount);
      advance(runCount);
      runCount = 0;
    }

    /** Verifies every slot of the flat layer: mapped, even an absent block must read as zero. */
    void verifyFlat() {
      MapRoot map = image.root().flatMap();
      Layer layer = layers.layer(map.layer());
      Image full =
          Image.open(
              layers,
              new ImageRoot(
                  image.blockCount(),
                  map,
                  MapRoot.ABSENT,
                  List.of(new LayerUse(map.layer(), 0, 1))));
      for (long first = 0; first < image.blockCount(); first += CHUNK_BLOCKS) {
        int count = (int) Math.min(CHUNK_BLOCKS, image.blockCount() - first);
        long offset = layer.dataOffset() + first * Blocks.BYTES;
        layer.read(offset, buffer.asSlice(0, (long) count * Blocks.BYTES));
        for (int i = 0; i < count; i++) {
          verifySlot(full, layer, first + i, i);
        }
        advance(count);
      }
    }

    private void verifySlot(Image full, Layer layer, long block, int index) {
      long at = (long) index * Blocks.BYTES;
      long offset = layer.dataOffset() + block * Blocks.BYTES;
      full.find(block, ref);
      if (ref.isStored()) {
        Image.requireChecksum(layer, block, ref, Checksums.of(buffer, at, Blocks.BYTES));
      } else if (!Blocks.isZero(buffer, at)) {
        throw new SnapshotFormatException(
            layer.path(), offset, "zeroes, as block " + block + " is absent", "other bytes");
      }
    }

    private void advance(int blocks) {
      verifiedBytes += (long) blocks * Blocks.BYTES;
      progress.accept(verifiedBytes);
    }
  }
}
