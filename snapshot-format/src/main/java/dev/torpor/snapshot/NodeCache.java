package dev.torpor.snapshot;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;

/**
 * The nodes of all block maps of a store that were read or made lately: verified, bounded, without
 * locks. Four places in a row are a node's, chosen by where it is stored; a node that comes pushes
 * out the one that came first: not one of the same image, which is what chance would often hit.
 * Nodes that follow each other in a layer have places that follow each other, as they are mostly
 * used in this order, and a processor can fetch ahead. A hit allocates nothing.
 *
 * <p>Places are parts of arrays that live as long as the cache: as objects of their own, the nodes
 * would be most of what a garbage collector has to copy. A place's version is odd while a node is
 * being put there, so a reader that finds the same even version before and after has read one node.
 */
final class NodeCache {
  private static final int WAYS = 4;
  private static final int SETS = 4096;
  private static final int PLACES = SETS * WAYS;

  private static final VarHandle VERSION = MethodHandles.arrayElementVarHandle(int[].class);

  private final Layers layers;

  /**
   * Each for the four places of a set, made when the first of them is needed: a process that reads
   * a hundred nodes makes a hundred of these.
   */
  private final AtomicReferenceArray<long[]> arrays = new AtomicReferenceArray<>(SETS);

  /** For each place; 0 where there never was a node. */
  private final int[] versions = new int[PLACES];

  // For each place the reference that leads to its node.
  private final long[] heads = new long[PLACES];
  private final long[] offsets = new long[PLACES];

  /** Which of four places is taken next. Threads that lose a count to each other do no harm. */
  private final byte[] turns = new byte[SETS];

  private final LongAdder loadCount = new LongAdder();

  NodeCache(Layers layers) {
    this.layers = layers;
  }

  /**
   * Reads one reference of the node that a reference leads to, which is not absent.
   *
   * @throws SnapshotFormatException if there is no such node, or its bytes have another checksum
   */
  void read(long head, long offset, int index, BlockRef into) {
    if (!tryRead(place(head, offset), head, offset, index, into)) {
      long[] node = load(head, offset);
      into.set(MapNode.head(node, index), MapNode.offset(node, index));
    }
  }

  /**
   * Copies the node that a reference leads to, which is not absent.
   *
   * @throws SnapshotFormatException if there is no such node, or its bytes have another checksum
   */
  void copy(long head, long offset, long[] into) {
    if (!tryCopy(place(head, offset), head, offset, into)) {
      System.arraycopy(load(head, offset), 0, into, 0, MapNode.WORDS);
    }
  }

  /** The same; of an absent reference a node whose references are all absent. */
  void copyOrAbsent(long head, long offset, long[] into) {
    if (BlockRef.layerOf(head) == BlockRef.ABSENT) {
      Arrays.fill(into, BlockRef.ABSENT_HEAD);
    } else {
      copy(head, offset, into);
    }
  }

  /** Where a node probably is, without touching it: for {@link #tryRead}. Negative if nowhere. */
  int place(long head, long offset) {
    int first = set(head, offset) * WAYS;
    for (int place = first; place < first + WAYS; place++) {
      if (heads[place] == head && offsets[place] == offset) {
        return place;
      }
    }
    return -1;
  }

  /** Reads one reference of a node at its place; false if it is not there, or no longer. */
  boolean tryRead(int place, long head, long offset, int index, BlockRef into) {
    int version = versionOf(place, head, offset);
    if (version == 0) {
      return false;
    }
    long[] array = arrays.getPlain(place / WAYS);
    int at = start(place) + 2 * index;
    into.set(array[at], array[at + 1]);
    return isStill(place, version);
  }

  /** Copies a node at its place; false if it is not there, or no longer. */
  boolean tryCopy(int place, long head, long offset, long[] into) {
    int version = versionOf(place, head, offset);
    if (version == 0) {
      return false;
    }
    long[] array = arrays.getPlain(place / WAYS);
    System.arraycopy(array, start(place), into, 0, MapNode.WORDS);
    return isStill(place, version);
  }

  /** The version of a place that has this node; 0 if it has another, or is being filled. */
  private int versionOf(int place, long head, long offset) {
    if (place < 0) {
      return 0;
    }
    int version = (int) VERSION.getAcquire(versions, place);
    boolean itsNode = heads[place] == head && offsets[place] == offset;
    return itsNode && version % 2 == 0 ? version : 0;
  }

  private boolean isStill(int place, int version) {
    VarHandle.loadLoadFence();
    return (int) VERSION.getOpaque(versions, place) == version;
  }

  /** Takes a node that was just read and verified, or made, by the reference that leads to it. */
  void put(long head, long offset, long[] node) {
    int set = set(head, offset);
    int place = set * WAYS + (turns[set]++ & (WAYS - 1));
    long[] array = arrayOf(place);
    int version = (int) VERSION.getOpaque(versions, place);
    if (version % 2 != 0 || !VERSION.compareAndSet(versions, place, version, version + 1)) {
      return; // another thread fills the place
    }
    VarHandle.storeStoreFence(); // who sees any of what follows sees the odd version
    heads[place] = head;
    offsets[place] = offset;
    System.arraycopy(node, 0, array, start(place), MapNode.WORDS);
    VERSION.setRelease(versions, place, version + 2);
  }

  private long[] arrayOf(int place) {
    int number = place / WAYS;
    if (arrays.getAcquire(number) == null) {
      arrays.compareAndSet(number, null, new long[WAYS * MapNode.WORDS]);
    }
    return arrays.getAcquire(number);
  }

  private static int start(int place) {
    return place % WAYS * MapNode.WORDS;
  }

  /** How many nodes were read from layers so far. */
  long loadCount() {
    return loadCount.sum();
  }

  private long[] load(long head, long offset) {
    int layer = BlockRef.layerOf(head);
    if (layer < 1 || offset % MapNode.BYTES != 0) {
      throw new SnapshotFormatException(
          layers.path(layer), offset, "a map node in a layer", "a reference that leads to none");
    }
    loadCount.increment();
    ByteBuffer bytes = ByteBuffer.allocate(MapNode.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    layers.layer(layer).read(offset, bytes);
    int checksum = Checksums.of(MemorySegment.ofBuffer(bytes.clear()), 0, MapNode.BYTES);
    if (checksum != BlockRef.checksumOf(head)) {
      throw new SnapshotFormatException(
          layers.path(layer),
          offset,
          "a map node with CRC32C %08x".formatted(BlockRef.checksumOf(head)),
          "%08x".formatted(checksum));
    }
    long[] node = new long[MapNode.WORDS];
    bytes.asLongBuffer().get(node);
    put(head, offset, node);
    return node;
  }

  /** Which four places a node may be in. */
  static int set(long head, long offset) {
    long layer = BlockRef.layerOf(head) * 0x9e37_79b9_7f4a_7c15L;
    return (int) (offset / MapNode.BYTES + (layer >>> 40)) & (SETS - 1);
  }
}
