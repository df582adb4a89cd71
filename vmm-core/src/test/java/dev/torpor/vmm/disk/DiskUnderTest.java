package dev.torpor.vmm.disk;

import dev.torpor.snapshot.Blocks;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.Layers;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Random;
import java.util.stream.Stream;

/** A store's layers, a base and a folder in a scratch folder, and a disk over them. */
final class DiskUnderTest implements AutoCloseable {
  static final String NAME = "disk-0";
  private static final long BUFFER_BYTES = 1 << 20;

  final Path root;
  final Path baseFile;
  final Path folder;
  final byte[] content;
  Layers layers;
  LayeredDisk disk;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment buffer = arena.allocate(BUFFER_BYTES, 4096);

  /** Makes a base of random bytes, with some zero blocks. */
  DiskUnderTest(Path root, int byteSize, long seed) throws IOException {
    this.root = root;
    this.baseFile = root.resolve("base.raw");
    this.folder = root.resolve("vm");
    this.content = new byte[byteSize];
    Random random = new Random(seed);
    random.nextBytes(content);
    for (int at = 0; at < byteSize; at += Blocks.BYTES) {
      if (random.nextInt(4) == 0) {
        Arrays.fill(content, at, Math.min(at + Blocks.BYTES, byteSize), (byte) 0);
      }
    }
    Files.write(baseFile, content);
    layers = Layers.open(root.resolve("layers"));
  }

  Image empty() {
    return Image.empty(layers, Blocks.count(content.length));
  }

  DiskPlace place() {
    return new DiskPlace(folder, NAME, LayerKeeper.NONE);
  }

  LayeredDisk create() {
    disk = SurvivingDisks.create(place(), layers, DiskBase.of(baseFile), empty());
    return disk;
  }

  LayeredDisk open() {
    disk = LayeredDisk.open(layers, DiskBase.of(baseFile), empty());
    return disk;
  }

  /** As a new process would open it. */
  LayeredDisk reopen() {
    layers.close();
    layers = Layers.open(root.resolve("layers"));
    disk = SurvivingDisks.reopen(place(), layers);
    return disk;
  }

  byte[] read(LayeredDisk from, long offset, int byteCount) {
    byte[] bytes = new byte[byteCount];
    buffer.fill((byte) 0x77);
    from.read(offset, buffer.address(), byteCount);
    MemorySegment.copy(buffer, ValueLayout.JAVA_BYTE, 0, bytes, 0, byteCount);
    return bytes;
  }

  byte[] read(long offset, int byteCount) {
    return read(disk, offset, byteCount);
  }

  byte[] readAll() {
    return read(0, content.length);
  }

  void write(long offset, byte... bytes) {
    MemorySegment.copy(bytes, 0, buffer, ValueLayout.JAVA_BYTE, 0, bytes.length);
    disk.write(offset, buffer.address(), bytes.length);
  }

  /** What an image over the base holds. */
  byte[] contentOf(Image image) {
    try (LayeredDisk other = LayeredDisk.open(layers, DiskBase.of(baseFile), image)) {
      return read(other, 0, content.length);
    }
  }

  static byte[] random(Random random, int byteCount) {
    byte[] bytes = new byte[byteCount];
    random.nextBytes(bytes);
    return bytes;
  }

  @Override
  public void close() {
    if (disk != null) {
      disk.close();
    }
    layers.close();
    arena.close();
  }

  /** In memory where there is some: what counts is what is written, not that it is durable. */
  static Path scratch() throws IOException {
    Path memory = Path.of("/dev/shm");
    return Files.isWritable(memory)
        ? Files.createTempDirectory(memory, "torpor-disk")
        : Files.createTempDirectory("torpor-disk");
  }

  static void deleteTree(Path root) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
