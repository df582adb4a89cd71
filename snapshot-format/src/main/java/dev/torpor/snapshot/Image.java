package dev.torpor.snapshot;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;

/**
 * An immutable address space of blocks at one instant: the memory or a disk of a checkpoint. A
 * block map, a tree of {@link MapNode#FAN_OUT} references a node, says where each block is; it
 * shares with the parent's map all that did not change. Nodes are read when they are needed. For
 * any number of threads.
 */
public final class Image {
  /** How many blocks an image may have: 4 PiB. */
  public static final long MAX_BLOCK_COUNT = 1L << 40;

  private final Layers layers;
  private final ImageRoot root;
  private final long rootHead;
  private final long rootOffset;
  private final int height;

  private Image(Layers layers, ImageRoot root) {
    this.layers = layers;
    this.root = root;
    this.rootHead = root.map().head();
    this.rootOffset = root.map().offset();
    this.height = MapNode.height(root.blockCount());
  }

  /**
   * Opens an image. Nothing is read yet.
   *
   * @param layers what holds its blocks and nodes
   * @param root what a manifest keeps of it
   * @return the image
   */
  public static Image open(Layers layers, ImageRoot root) {
    return new Image(layers, root);
  }

  /**
   * An image in which every block is absent.
   *
   * @param layers where its children's blocks will be
   * @param blockCount how many blocks it has, from 1 to {@link #MAX_BLOCK_COUNT}
   * @return the image
   */
  public static Image empty(Layers layers, long blockCount) {
    return open(layers, new ImageRoot(blockCount, MapRoot.ABSENT, MapRoot.ABSENT, List.of()));
  }

  /**
   * How many blocks the image has.
   *
   * @return the count
   */
  public long blockCount() {
    return root.blockCount();
  }

  /**
   * What a manifest must keep of the image.
   *
   * @return all that {@link #open} needs
   */
  public ImageRoot root() {
    return root;
  }

  /**
   * Which layers the image uses, and how much of each.
   *
   * @return exact counts, ascending by layer
   */
  public List<LayerUse> layersInUse() {
    return root.layers();
  }

  /**
   * What the image has in layers that another one does not use: of a child, what it added to the
   * store.
   *
   * @param other the other image, mostly its parent
   * @return bytes of blocks and of nodes
   */
  public long bytesBeyond(Image other) {
    Set<Integer> shared =
        other.layersInUse().stream().map(LayerUse::layer).collect(Collectors.toSet());
    return layersInUse().stream()
        .filter(use -> !shared.contains(use.layer()))
        .mapToLong(use -> use.liveBlocks() * Blocks.BYTES + use.liveNodes() * MapNode.BYTES)
        .sum();
  }

  /**
   * Looks a block up. Allocates nothing when the nodes on the way were read lately.
   *
   * @param block its index in the image
   * @param into set to where the block is
   * @throws IndexOutOfBoundsException if the image has no such block
   * @throws SnapshotFormatException if a node on the way is damaged
   */
  public void find(long block, BlockRef into) {
    Objects.checkIndex(block, root.blockCount());
    long head = rootHead;
    long offset = rootOffset;
    for (int level = height - 1; level >= 0; level--) {
      if (BlockRef.layerOf(head) == BlockRef.ABSENT) {
        into.set(BlockRef.ABSENT_HEAD, 0);
        return;
      }
      layers.nodes().read(head, offset, MapNode.index(block, level), into);
      head = into.head();
      offset = into.offset();
    }
  }

  /**
   * Reads a block and verifies it. {@link BlockReader} does the same without allocating.
   *
   * @param block its index in the image
   * @param into filled with its {@link Blocks#BYTES} bytes; with zeroes if it is absent
   * @return whether the image has the block, stored or explicitly zero; false if it is absent
   * @throws IndexOutOfBoundsException if the image has no such block
   * @throws SnapshotFormatException if a node on the way or the block is damaged
   */
  public boolean read(long block, MemorySegment into) {
    BlockRef ref = new BlockRef();
    find(block, ref);
    MemorySegment bytes = into.asSlice(0, Blocks.BYTES);
    if (!ref.isStored()) {
      bytes.fill((byte) 0);
      return ref.isZero();
    }
    Layer layer = layers.layer(ref.layer());
    layer.read(ref.offset(), bytes);
    requireChecksum(layer, block, ref, Checksums.of(bytes, 0, Blocks.BYTES));
    return true;
  }

  /**
   * The runs of blocks that lie one behind the other in one layer, for mapping: together they cover
   * every stored block once. Absent and zero blocks are outside of them, except for absent ones
   * whose slots in a flat layer read as zero. For an image that descends from a full one in a flat
   * layer the cost follows the difference between the two.
   *
   * @param maxCount how many runs are of use
   * @return the runs, ascending, each checked to lie inside its layer's file; empty if there are
   *     more than {@code maxCount}, which is found out as soon as there is one more
   * @throws SnapshotFormatException if a node is damaged, or a run is not inside its file
   */
  public Optional<List<Extent>> extents(int maxCount) {
    // A run lies in one layer: where many layers have blocks, nothing has to be read to know.
    if (root().layers().stream().filter(use -> use.liveBlocks() > 0).count() > maxCount) {
      return Optional.empty();
    }
    return new ExtentFinder(this, maxCount).find();
  }

  /**
   * Finds the blocks that are stored at different places, or only in one of two images. Nodes that
   * both share are skipped. Blocks that were stored twice count as different, whatever they hold.
   *
   * @param other an image of the same store with as many blocks
   * @param sink called with each block's index, ascending
   * @throws IllegalArgumentException if the other image has another size or store
   * @throws SnapshotFormatException if a node is damaged
   */
  public void forEachDifference(Image other, LongConsumer sink) {
    if (other.layers != layers || other.blockCount() != blockCount()) {
      throw new IllegalArgumentException(
          "image of %d blocks in %s compared with one of %d in %s"
              .formatted(
                  blockCount(), layers.directory(), other.blockCount(), other.layers.directory()));
    }
    new ImageDifference(this, other, sink).find();
  }

  /**
   * Makes a child of this image. The nodes on the way to each changed block are written anew; all
   * others are shared.
   *
   * @param changes what becomes of which blocks
   * @param nodesTo the layer that takes the new nodes; the caller finishes it before the child is
   *     read, also where it reads this child to make another
   * @return the child
   * @throws IndexOutOfBoundsException if the image has no such block
   * @throws SnapshotFormatException if a node on the way is damaged
   * @throws java.io.UncheckedIOException if the nodes cannot be written
   */
  public Image with(BlockChanges changes, LayerWriter nodesTo) {
    return new MapBuilder(this, nodesTo).build(changes.cursor());
  }

  /**
   * Verifies what a mapping of a run would show: every block's checksum, and that absent blocks
   * read as zero.
   *
   * @param extent a run from {@link #extents}
   * @throws SnapshotFormatException if a node or a block is damaged, or an absent block's slot is
   *     not zero
   * @throws IndexOutOfBoundsException if the image does not have the run's blocks
   */
  public void verify(Extent extent) {
    new ExtentCheck(this, extent).run();
  }

  /** The same image, known to lie in a flat layer as a whole. */
  Image asFlat() {
    return open(layers, new ImageRoot(blockCount(), root.map(), root.map(), root.layers()));
  }

  Layers layers() {
    return layers;
  }

  int height() {
    return height;
  }

  /** How many references of a node are inside the image. */
  int references(long base, int level) {
    return (int) Math.min(MapNode.FAN_OUT, Math.ceilDiv(blockCount() - base, MapNode.span(level)));
  }

  static void requireChecksum(Layer layer, long block, BlockRef ref, int found) {
    if (ref.checksum() != found) {
      throw new SnapshotFormatException(
          layer.path(),
          ref.offset(),
          "block %d with CRC32C %08x".formatted(block, ref.checksum()),
          "%08x".formatted(found));
    }
  }
}
