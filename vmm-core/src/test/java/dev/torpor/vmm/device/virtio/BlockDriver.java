package dev.torpor.vmm.device.virtio;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.vmm.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** A guest's block driver: one request at a time, in whatever buffers the test wants. */
final class BlockDriver {
  static final int QUEUE_SIZE = 64;
  private static final int HEADER_BYTES = 16;
  static final long BUFFERS_GPA = 0x20_0000;
  private static final long INDIRECT_TABLE_GPA = 0x1f_0000;

  /** What the device made of a request: its status, the data it returned, the used length. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Result(int status, byte[] data, long usedByteCount) {}

  private record Piece(long gpa, int byteCount, boolean writable) {}

  final GuestDriver guest;
  private final GuestMemory memory;
  private final DriverSide queue;
  private final boolean indirect;

  /** Sets the device up with these features. */
  BlockDriver(VirtioMmioTransport transport, GuestMemory memory, long features) {
    this.memory = memory;
    this.guest = new GuestDriver(transport, memory);
    this.queue = guest.start(features, QUEUE_SIZE);
    this.indirect = (features & VirtioFeatures.INDIRECT_DESCRIPTORS) != 0;
  }

  DriverSide queue() {
    return queue;
  }

  Result read(long sector, int byteCount) {
    return submit(BlockRequest.IN, sector, new byte[0], byteCount);
  }

  int write(long sector, byte[] data) {
    return submit(BlockRequest.OUT, sector, data, 0).status;
  }

  int flush() {
    return submit(BlockRequest.FLUSH, 0, new byte[0], 0).status;
  }

  int discard(long... segments) {
    return submit(BlockRequest.DISCARD, 0, segments(segments), 0).status;
  }

  int writeZeroes(long... segments) {
    return submit(BlockRequest.WRITE_ZEROES, 0, segments(segments), 0).status;
  }

  /** Sector, sector count and flags of one segment after another. */
  static byte[] segments(long... values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length / 3 * 16).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < values.length; i += 3) {
      bytes.putLong(values[i]).putInt((int) values[i + 1]).putInt((int) values[i + 2]);
    }
    return bytes.array();
  }

  static byte[] header(int type, long sector) {
    return ByteBuffer.allocate(HEADER_BYTES)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(type)
        .putInt(0x5a5a5a5a)
        .putLong(sector)
        .array();
  }

  /** In the usual buffers: header, data, status. */
  Result submit(int type, long sector, byte[] sent, int returnedByteCount) {
    return submit(
        header(type, sector),
        sent,
        sent.length == 0 ? List.of(HEADER_BYTES) : List.of(HEADER_BYTES, sent.length),
        returnedByteCount == 0 ? List.of(1) : List.of(returnedByteCount, 1));
  }

  /** In buffers cut at random. */
  Result submit(int type, long sector, byte[] sent, int returnedByteCount, Random random) {
    return submit(
        header(type, sector),
        sent,
        cut(HEADER_BYTES + sent.length, random),
        cut(returnedByteCount + 1, random));
  }

  private static List<Integer> cut(int byteCount, Random random) {
    List<Integer> parts = new ArrayList<>();
    int left = byteCount;
    while (left > 0 && parts.size() < 20) {
      int part = random.nextInt(4) == 0 ? random.nextInt(left + 1) : random.nextInt(8);
      parts.add(Math.min(part, left));
      left -= parts.getLast();
    }
    parts.add(left);
    return parts;
  }

  Result submit(
      byte[] header, byte[] sent, List<Integer> readableParts, List<Integer> writableParts) {
    byte[] readable = Arrays.copyOf(header, header.length + sent.length);
    System.arraycopy(sent, 0, readable, header.length, sent.length);
    List<Piece> pieces = new ArrayList<>();
    long gpa = place(pieces, BUFFERS_GPA, readableParts, false);
    place(pieces, gpa, writableParts, true);
    scatter(pieces, readable);

    int index = queue.usedIndex();
    queue.offer(indirect ? describeIndirectly(pieces) : describe(pieces));
    guest.notifyQueue(0);
    GuestDriver.await("the device", () -> queue.usedIndex() != index || needsReset());

    assertThat(needsReset()).as("the device needs a reset").isFalse();
    return result(pieces, queue.usedByteCount(index));
  }

  boolean needsReset() {
    return (guest.status() & DeviceStatus.NEEDS_RESET) != 0;
  }

  private static long place(List<Piece> pieces, long gpa, List<Integer> parts, boolean writable) {
    long next = gpa;
    for (int part : parts) {
      pieces.add(new Piece(next, part, writable));
      next += part + 3; // never adjacent, rarely aligned
    }
    return next;
  }

  private void scatter(List<Piece> pieces, byte[] readable) {
    int done = 0;
    for (Piece piece : pieces) {
      if (piece.writable) {
        memory.fill(piece.gpa, piece.byteCount, (byte) 0xee);
      } else {
        memory.write(piece.gpa, MemorySegment.ofArray(readable).asSlice(done, piece.byteCount));
        done += piece.byteCount;
      }
    }
    assertThat(done).isEqualTo(readable.length);
  }

  private int describe(List<Piece> pieces) {
    for (int i = 0; i < pieces.size(); i++) {
      describe(queue.descriptorTable + 16L * i, pieces.get(i), i, pieces.size());
    }
    return 0;
  }

  private int describeIndirectly(List<Piece> pieces) {
    for (int i = 0; i < pieces.size(); i++) {
      describe(INDIRECT_TABLE_GPA + 16L * i, pieces.get(i), i, pieces.size());
    }
    int head = QUEUE_SIZE - 1;
    queue.descriptor(head, INDIRECT_TABLE_GPA, 16L * pieces.size(), DriverSide.INDIRECT, 0);
    return head;
  }

  private void describe(long gpa, Piece piece, int i, int count) {
    int flags = (piece.writable ? DriverSide.WRITE : 0) | (i + 1 < count ? DriverSide.NEXT : 0);
    queue.descriptorAt(gpa, piece.gpa, piece.byteCount, flags, i + 1);
  }

  private Result result(List<Piece> pieces, long usedByteCount) {
    int total = pieces.stream().filter(Piece::writable).mapToInt(Piece::byteCount).sum();
    byte[] written = new byte[total];
    int done = 0;
    for (Piece piece : pieces) {
      if (piece.writable) {
        MemorySegment target = MemorySegment.ofArray(written).asSlice(done, piece.byteCount);
        memory.read(piece.gpa, target);
        done += piece.byteCount;
      }
    }
    int status = MemorySegment.ofArray(written).get(ValueLayout.JAVA_BYTE, total - 1);
    return new Result(status, Arrays.copyOf(written, total - 1), usedByteCount);
  }
}
