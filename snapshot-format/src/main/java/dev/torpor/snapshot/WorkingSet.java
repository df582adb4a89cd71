package dev.torpor.snapshot;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;

/**
 * The pages that a machine touched first after it was restored, in that order.
 *
 * @param runs runs of neighbouring pages, none overlapping another; at most {@value #MAX_RUNS}
 */
public record WorkingSet(List<Run> runs) {
  /** The most runs. */
  public static final int MAX_RUNS = 1 << 22;

  private static final int RUN_BYTES = Long.BYTES + Integer.BYTES;
  private static final Frame FRAME = new Frame("TORPWSET", 1, 1 << 10, MAX_RUNS * RUN_BYTES);
  private static final int CHECKPOINT_TAG = 1;

  /**
   * Neighbouring pages.
   *
   * @param firstPage the first one's number: that of its block in the memory image
   * @param pageCount how many, at least 1
   */
  public record Run(long firstPage, int pageCount) {
    /** Checks that this is a part of some image. */
    public Run {
      if (firstPage < 0 || pageCount < 1 || firstPage > Image.MAX_BLOCK_COUNT - pageCount) {
        throw new IllegalArgumentException("run of " + pageCount + " pages from page " + firstPage);
      }
    }

    private long end() {
      return firstPage + pageCount;
    }
  }

  /**
   * Copies and checks the runs.
   *
   * @throws IllegalArgumentException if there are too many, or two overlap
   */
  public WorkingSet {
    runs = List.copyOf(runs);
    if (runs.size() > MAX_RUNS) {
      throw new IllegalArgumentException(runs.size() + " runs; at most " + MAX_RUNS);
    }
    List<Run> sorted = new ArrayList<>(runs);
    sorted.sort(Comparator.comparingLong(Run::firstPage));
    for (int i = 1; i < sorted.size(); i++) {
      if (sorted.get(i).firstPage() < sorted.get(i - 1).end()) {
        throw new IllegalArgumentException(sorted.get(i - 1) + " overlaps " + sorted.get(i));
      }
    }
  }

  /**
   * How many pages are in the set.
   *
   * @return the sum over all runs
   */
  public long pageCount() {
    return runs.stream().mapToLong(Run::pageCount).sum();
  }

  /** The set as the bytes of a file. */
  byte[] encode(UUID checkpoint) {
    ByteBuffer body = ByteBuffer.allocate(runs.size() * RUN_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (Run run : runs) {
      body.putLong(run.firstPage()).putInt(run.pageCount());
    }
    return FRAME.encode(
        new FieldWriter().uuid(CHECKPOINT_TAG, checkpoint).toByteArray(), body.array());
  }

  static WorkingSet read(Path path, UUID checkpoint) throws IOException {
    Frame.Parts parts = FRAME.read(path);
    FieldReader head = FieldReader.of(path, Frame.HEADER_BYTES, parts.head());
    if (!head.uuid(CHECKPOINT_TAG).equals(checkpoint)) {
      throw head.nonsense(
          CHECKPOINT_TAG, "checkpoint " + checkpoint, head.uuid(CHECKPOINT_TAG).toString());
    }
    int count = parts.body().length / RUN_BYTES;
    if (parts.body().length % RUN_BYTES != 0) {
      throw new SnapshotFormatException(
          path,
          parts.bodyOffset() + (long) count * RUN_BYTES,
          "a run of " + RUN_BYTES + " bytes",
          parts.body().length % RUN_BYTES + " bytes");
    }
    try {
      return new WorkingSet(runs(ByteBuffer.wrap(parts.body()).order(ByteOrder.LITTLE_ENDIAN)));
    } catch (IllegalArgumentException e) {
      throw new SnapshotFormatException(
          path, parts.bodyOffset(), "runs of pages that do not overlap", e.getMessage());
    }
  }

  private static List<Run> runs(ByteBuffer body) {
    List<Run> runs = new ArrayList<>(body.remaining() / RUN_BYTES);
    while (body.hasRemaining()) {
      runs.add(new Run(body.getLong(), body.getInt()));
    }
    return runs;
  }
}
