package dev.torpor.snapshot;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * What is kept of a VM's disk between two runs: its base, the image that the disk descends from,
 * and the layers written since, each with an {@link OpenLayerIndex}. A small file, replaced as a
 * whole.
 *
 * <pre>
 *    0  u64 magic | u32 version | u32 crc32c of the rest
 *   16  u64 base's size in bytes | i64 its time of change, in nanoseconds since 1970
 *   32  u64 block count
 *   40  the map's root, the flat map's root: each u32 layer | u32 crc32c | u64 offset
 *   72  u32 number of layers in use | u32 number of open layers | u32 bytes of the path | u32 0
 *   88  layers in use: each u32 layer | u32 0 | u64 blocks | u64 nodes
 *       open layers, oldest first: each u32 layer
 *       the base's path, UTF-8
 * </pre>
 *
 * @param basePath the base's file
 * @param baseByteSize its size in bytes
 * @param baseModifiedNanos when it was last written, in nanoseconds since 1970
 * @param image the image that the disk descends from
 * @param openLayers the layers written since, oldest first; the last one may still be open
 */
public record DiskState(
    Path basePath,
    long baseByteSize,
    long baseModifiedNanos,
    ImageRoot image,
    List<Integer> openLayers) {
  static final long MAGIC = 0x316b7364_70726f74L; // "torpdsk1"
  static final int VERSION = 1;
  private static final int FIXED_BYTES = 88;
  private static final int USE_BYTES = 24;

  /** Copies the list. */
  public DiskState {
    openLayers = List.copyOf(openLayers);
  }

  /**
   * Writes the state.
   *
   * @return the file's content
   */
  public byte[] encode() {
    byte[] path = basePath.toString().getBytes(StandardCharsets.UTF_8);
    List<LayerUse> uses = image.layers();
    int byteSize =
        FIXED_BYTES + USE_BYTES * uses.size() + Integer.BYTES * openLayers.size() + path.length;
    ByteBuffer to = ByteBuffer.allocate(byteSize).order(ByteOrder.LITTLE_ENDIAN);
    to.putLong(MAGIC).putInt(VERSION).putInt(0);
    to.putLong(baseByteSize).putLong(baseModifiedNanos).putLong(image.blockCount());
    putRoot(to, image.map());
    putRoot(to, image.flatMap());
    to.putInt(uses.size()).putInt(openLayers.size()).putInt(path.length).putInt(0);
    for (LayerUse use : uses) {
      to.putInt(use.layer()).putInt(0).putLong(use.liveBlocks()).putLong(use.liveNodes());
    }
    openLayers.forEach(to::putInt);
    to.put(path);
    return to.putInt(12, checksum(to.array())).array();
  }

  private static void putRoot(ByteBuffer to, MapRoot root) {
    to.putInt(root.layer()).putInt(root.checksum()).putLong(root.offset());
  }

  private static int checksum(byte[] content) {
    CRC32C crc = new CRC32C();
    crc.update(content, 16, content.length - 16);
    return (int) crc.getValue();
  }

  /**
   * Reads a state.
   *
   * @param file for messages
   * @param content the file's content
   * @return the state
   * @throws SnapshotFormatException if it is damaged or of another version
   */
  public static DiskState decode(Path file, byte[] content) {
    if (content.length < FIXED_BYTES) {
      throw new SnapshotFormatException(
          file, content.length, "at least " + FIXED_BYTES + " bytes", "the file's end");
    }
    ByteBuffer from = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
    require(file, 0, "magic", MAGIC, from.getLong());
    int version = from.getInt();
    require(file, 12, "checksum", checksum(content), from.getInt());
    require(file, 8, "version", VERSION, version);
    long useCount = Integer.toUnsignedLong(from.getInt(72));
    long openCount = Integer.toUnsignedLong(from.getInt(76));
    long pathBytes = Integer.toUnsignedLong(from.getInt(80));
    require(
        file,
        72,
        "file size",
        FIXED_BYTES + USE_BYTES * useCount + Integer.BYTES * openCount + pathBytes,
        content.length);
    try {
      return decode(from, (int) useCount, (int) openCount, (int) pathBytes);
    } catch (IllegalArgumentException e) {
      throw new SnapshotFormatException(file, 16, "a disk's state", String.valueOf(e.getMessage()));
    }
  }

  private static DiskState decode(ByteBuffer from, int useCount, int openCount, int pathBytes) {
    long byteSize = from.getLong();
    long modified = from.getLong();
    long blockCount = from.getLong();
    MapRoot map = root(from);
    MapRoot flatMap = root(from);
    from.position(FIXED_BYTES);
    List<LayerUse> uses = new ArrayList<>(useCount);
    for (int i = 0; i < useCount; i++) {
      int layer = from.getInt();
      from.getInt();
      uses.add(new LayerUse(layer, from.getLong(), from.getLong()));
    }
    List<Integer> open = new ArrayList<>(openCount);
    for (int i = 0; i < openCount; i++) {
      open.add(from.getInt());
    }
    byte[] path = new byte[pathBytes];
    from.get(path);
    return new DiskState(
        Path.of(new String(path, StandardCharsets.UTF_8)),
        byteSize,
        modified,
        new ImageRoot(blockCount, map, flatMap, uses),
        open);
  }

  private static MapRoot root(ByteBuffer from) {
    return new MapRoot(from.getInt(), from.getInt(), from.getLong());
  }

  private static void require(Path file, long offset, String what, long expected, long found) {
    if (expected != found) {
      throw new SnapshotFormatException(
          file, offset, what + " 0x" + Long.toHexString(expected), "0x" + Long.toHexString(found));
    }
  }
}
