package dev.torpor.benchmarks;

import static dev.torpor.snapshot.Blocks.BYTES;

import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.ImageWriter;
import dev.torpor.snapshot.LayerKind;
import dev.torpor.snapshot.Layers;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;

/**
 * How long it takes to write pages of a guest out that were copied already, as a checkpoint does
 * behind the guest's back: into a new layer, with the map, on top of an image that had all of them
 * otherwise. Making the file is not in the sample, nor is making it durable.
 */
final class WriteOutBenchmark implements CheckpointBenchmark {
  /** How many pages a checkpoint hands on at once. */
  private static final int BATCH = 256;

  private final CheckpointOperation operation;
  private final Path folder;
  private final ScratchStore scratch;
  private final Layers layers;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment contents;
  private final long[] pages;
  private final Image parent;
  private final Rounds rounds = new Rounds();
  private long layerBytes;

  WriteOutBenchmark(CheckpointOperation operation, Path folder, long memoryByteSize, int count) {
    this.operation = operation;
    this.folder = folder;
    pages = scattered(memoryByteSize, count);
    contents = arena.allocate((long) count * BYTES, BYTES);
    scratch = new ScratchStore(folder);
    layers = scratch.store().layers();
    fill(1);
    Image nothing = Image.empty(layers, memoryByteSize / BYTES);
    try (ImageWriter writer = new ImageWriter(layers, nothing, LayerKind.FLAT)) {
      parent = write(writer);
    }
    fill(2);
    timeOne();
  }

  /** Which pages a scatter-writer would write. */
  private static long[] scattered(long memoryByteSize, int count) {
    Scatter scatter = Scatter.allOver(memoryByteSize, count);
    long[] pages = new long[count];
    for (int i = 0; i < count; i++) {
      pages[i] = (scatter.workspaceGpa() + i * scatter.stride()) / BYTES;
    }
    return pages;
  }

  private void fill(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (long at = 0; at < contents.byteSize(); at += Long.BYTES) {
      contents.set(ValueLayout.JAVA_LONG, at, random.nextLong());
    }
  }

  private Image write(ImageWriter writer) {
    long[] batch = new long[BATCH];
    for (int first = 0; first < pages.length; first += BATCH) {
      int count = Math.min(BATCH, pages.length - first);
      System.arraycopy(pages, first, batch, 0, count);
      writer.put(batch, count, contents.asSlice((long) first * BYTES, (long) count * BYTES));
    }
    return writer.finish();
  }

  private long timeOne() {
    try (ImageWriter writer = new ImageWriter(layers, parent, LayerKind.PACKED)) {
      long before = System.nanoTime();
      write(writer);
      long nanos = System.nanoTime() - before;
      Path layer = layers.path(writer.layer());
      layerBytes = Files.size(layer);
      Files.delete(layer); // nothing refers to it, so the page cache has room for the next
      return nanos;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete what was written to " + folder, e);
    }
  }

  @Override
  public CheckpointOperation measured() {
    return operation;
  }

  /** With as much of a map as our layer has, so that both write the same number of bytes. */
  @Override
  public YardstickCommand yardstick() {
    long mapBytes = layerBytes - BYTES - contents.byteSize();
    return operation.yardstick().with("map=" + mapBytes / 1024);
  }

  @Override
  public Distribution measure(int count) {
    long[] samples = new long[count];
    for (int i = 0; i < count; i++) {
      samples[i] = timeOne();
    }
    Distribution round = Distribution.of(samples);
    rounds.add(round);
    return round;
  }

  @Override
  public List<Note> notes() {
    double bytesPerNano = (double) layerBytes / rounds.p50Nanos();
    return List.of(
        new Note(operation.name() + " throughput", bytesPerNano * 1000, 0, "MB/s"),
        new Note(operation.name() + " file", layerBytes / 1024.0, 0, "KiB"));
  }

  @Override
  public void close() {
    scratch.close();
    arena.close();
  }
}
