package dev.torpor.benchmarks;

import static dev.torpor.snapshot.Blocks.BYTES;

import dev.torpor.benchmarks.report.Note;
import dev.torpor.linux.LinuxException;
import dev.torpor.linux.Mapping;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.ImageWriter;
import dev.torpor.snapshot.LayerKind;
import dev.torpor.snapshot.Layers;
import dev.torpor.vmm.checkpoint.EarlyWriteBack;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import java.util.SplittableRandom;

/**
 * How long it takes to write pages of a guest out that were copied already, as a checkpoint does
 * behind the guest's back: into a new layer, with the map, on top of the image before, in which all
 * of them were otherwise. Making the file is not in the sample.
 */
final class WriteOutBenchmark implements Benchmark {
  /** How many pages a checkpoint hands on at once. */
  private static final int BATCH = 2048;

  private static final double BYTES_PER_KIB = 1024;
  private static final long HUGE_PAGE_BYTES = 2L << 20;

  private final Operation operation;
  private final Path folder;
  private final ScratchStore scratch;
  private final Layers layers;
  private final boolean durable;
  private final Mapping mapping;
  private final MemorySegment contents;
  private final long[] pages;
  private Image parent;
  private Path parentLayer;
  private long layerBytes;

  /** Measures until all is on the disk, or only until it is written. */
  WriteOutBenchmark(
      Operation operation, Path folder, long memoryByteSize, int count, boolean durable) {
    this.durable = durable;
    this.operation = operation;
    this.folder = folder;
    pages = scattered(memoryByteSize, count);
    long byteCount = (long) count * BYTES;
    mapping =
        Mapping.anonymousAligned(
            Math.ceilDiv(byteCount, HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES, HUGE_PAGE_BYTES, 0);
    adviseHugePages();
    contents = mapping.segment().asSlice(0, byteCount);
    scratch = new ScratchStore(folder);
    layers = scratch.store().layers();
    fill();
    Image nothing = Image.empty(layers, memoryByteSize / BYTES);
    try (ImageWriter writer = new ImageWriter(layers, nothing, LayerKind.FLAT)) {
      parent = write(writer);
      parentLayer = layers.path(writer.layer());
    }
    timeOne();
  }

  private void adviseHugePages() {
    try {
      mapping.advise(0, mapping.segment().byteSize(), Mapping.Advice.HUGE_PAGE);
    } catch (LinuxException withoutHugePages) {
      // A host that has none: a checkpoint does without them as well.
    }
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

  private void fill() {
    SplittableRandom random = new SplittableRandom(1);
    for (long at = 0; at < contents.byteSize(); at += Long.BYTES) {
      contents.set(ValueLayout.JAVA_LONG, at, random.nextLong());
    }
  }

  /** The guest has written to each page since. */
  private void changePages() {
    for (long at = 0; at < contents.byteSize(); at += BYTES) {
      contents.set(ValueLayout.JAVA_LONG, at, contents.get(ValueLayout.JAVA_LONG, at) + 1);
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
    changePages();
    try (ImageWriter writer = new ImageWriter(layers, parent, LayerKind.PACKED)) {
      writer.tell(EarlyWriteBack::of);
      long before = System.nanoTime();
      Image child = write(writer);
      if (durable) {
        writer.sync();
      }
      long nanos = System.nanoTime() - before;
      // All that the parent had is in the child now, its map's nodes included.
      Files.delete(parentLayer);
      parent = child;
      parentLayer = layers.path(writer.layer());
      layerBytes = Files.size(parentLayer);
      return nanos;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete what was written to " + folder, e);
    }
  }

  @Override
  public Operation measured() {
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
    return Distribution.of(samples);
  }

  @Override
  public List<Note> notes() {
    return List.of(
        new Note(operation.label() + " file", Math.rint(layerBytes / BYTES_PER_KIB), "KiB"));
  }

  /** The file's: the C program writes as many. */
  @Override
  public OptionalLong bytesPerSample() {
    return OptionalLong.of(layerBytes);
  }

  @Override
  public void close() {
    scratch.close();
    mapping.close();
  }
}
