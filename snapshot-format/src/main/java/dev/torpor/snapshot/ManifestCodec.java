package dev.torpor.snapshot;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.function.Supplier;

/**
 * Manifests as files hold them. The tags below are the format: one is never given another meaning,
 * and never used again.
 */
final class ManifestCodec {
  static final Frame FRAME = new Frame("TORPMANI", 1, 1 << 16, 1 << 28);

  private static final int MAX_DISKS = 1 << 10;
  private static final int MAX_LAYERS = 1 << 20;
  private static final int MAX_PATH_BYTES = 4096;

  /** Tags of the head. */
  private static final class Head {
    static final int UUID = 1;
    static final int PARENT = 2;
    static final int VM_NAME = 3;
    static final int LABEL = 4;
    static final int CREATED_SECOND = 5;
    static final int CREATED_NANO = 6;
    static final int PAUSE_NANOS = 7;
    static final int DIRTY_PAGES = 8;
    static final int STORED_BYTES = 9;
    static final int DURABLE_NANOS = 10;
  }

  /** Tags of the body. */
  private static final class Body {
    static final int MEMORY = 1;
    static final int DISK = 2;
    static final int MACHINE_STATE = 3;
    static final int LAYER = 4;
  }

  /** Tags of an image. */
  private static final class ImageTag {
    static final int BLOCK_COUNT = 1;
    static final int MAP = 2;
    static final int FLAT_MAP = 3;
    static final int USE = 4;
  }

  /** Tags of the root of a block map. */
  private static final class MapTag {
    static final int LAYER = 1;
    static final int CHECKSUM = 2;
    static final int OFFSET = 3;
  }

  /** Tags of an image's use of a layer. */
  private static final class UseTag {
    static final int LAYER = 1;
    static final int LIVE_BLOCKS = 2;
    static final int LIVE_NODES = 3;
  }

  /** Tags of a disk. */
  private static final class DiskTag {
    static final int ID = 1;
    static final int BASE_PATH = 2;
    static final int BASE_BYTE_SIZE = 3;
    static final int BASE_MODIFIED_NANOS = 4;
    static final int READ_ONLY = 5;
    static final int IMAGE = 6;
  }

  /** Tags of a row of the table of layers. */
  private static final class LayerTag {
    static final int NUMBER = 1;
    static final int UUID = 2;
    static final int BYTE_COUNT = 3;
  }

  private ManifestCodec() {}

  /** A manifest as the bytes of its file. */
  static byte[] encode(Manifest manifest) {
    FieldWriter head = new FieldWriter();
    write(head, manifest.summary());
    FieldWriter body = new FieldWriter();
    body.record(Body.MEMORY, to -> write(to, manifest.memory()));
    for (DiskImage disk : manifest.disks()) {
      body.record(Body.DISK, to -> write(to, disk));
    }
    body.bytes(Body.MACHINE_STATE, manifest.machineState().content());
    for (ManifestLayer layer : manifest.layers()) {
      body.record(Body.LAYER, to -> write(to, layer));
    }
    return FRAME.encode(head.toByteArray(), body.toByteArray());
  }

  /** Reads the head alone: a few hundred bytes of any file. */
  static Summary readSummary(Path path) throws IOException {
    byte[] head = FRAME.readHead(path);
    return sensible(path, () -> summary(FieldReader.of(path, Frame.HEADER_BYTES, head)));
  }

  static Manifest read(Path path) throws IOException {
    Frame.Parts parts = FRAME.read(path);
    FieldReader head = FieldReader.of(path, Frame.HEADER_BYTES, parts.head());
    FieldReader body = FieldReader.of(path, parts.bodyOffset(), parts.body());
    return sensible(path, () -> manifest(path, head, body));
  }

  private static Manifest manifest(Path path, FieldReader head, FieldReader body) {
    MachineStateBytes state =
        MachineStateBytes.read(
            path,
            body.fileOffsetOf(Body.MACHINE_STATE),
            body.bytes(Body.MACHINE_STATE, MachineStateBytes.MAX_BYTES));
    return new Manifest(
        summary(head),
        image(body.record(Body.MEMORY)),
        body.records(Body.DISK, MAX_DISKS).stream().map(ManifestCodec::disk).toList(),
        state,
        body.records(Body.LAYER, MAX_LAYERS).stream().map(ManifestCodec::layer).toList());
  }

  private static void write(FieldWriter to, Summary summary) {
    to.uuid(Head.UUID, summary.uuid());
    summary.parent().ifPresent(parent -> to.uuid(Head.PARENT, parent));
    to.string(Head.VM_NAME, summary.vmName());
    to.string(Head.LABEL, summary.label());
    Instant created = summary.created();
    to.i64(Head.CREATED_SECOND, created.getEpochSecond());
    to.u32(Head.CREATED_NANO, created.getNano());
    to.i64(Head.PAUSE_NANOS, summary.metrics().pauseNanos());
    to.i64(Head.DIRTY_PAGES, summary.metrics().dirtyPages());
    to.i64(Head.STORED_BYTES, summary.metrics().storedBytes());
    to.i64(Head.DURABLE_NANOS, summary.metrics().durableNanos());
  }

  private static Summary summary(FieldReader from) {
    return new Summary(
        from.uuid(Head.UUID),
        from.optionalUuid(Head.PARENT),
        from.string(Head.VM_NAME, Summary.MAX_NAME_BYTES),
        from.string(Head.LABEL, Summary.MAX_NAME_BYTES),
        Instant.ofEpochSecond(
            from.i64(
                Head.CREATED_SECOND, Instant.MIN.getEpochSecond(), Instant.MAX.getEpochSecond()),
            from.u32(Head.CREATED_NANO, 999_999_999)),
        new Summary.Metrics(
            natural(from, Head.PAUSE_NANOS),
            natural(from, Head.DIRTY_PAGES),
            natural(from, Head.STORED_BYTES),
            natural(from, Head.DURABLE_NANOS)));
  }

  private static void write(FieldWriter to, ImageRoot image) {
    to.i64(ImageTag.BLOCK_COUNT, image.blockCount());
    write(to, ImageTag.MAP, image.map());
    write(to, ImageTag.FLAT_MAP, image.flatMap());
    for (LayerUse use : image.layers()) {
      to.record(
          ImageTag.USE,
          row ->
              row.u32(UseTag.LAYER, use.layer())
                  .i64(UseTag.LIVE_BLOCKS, use.liveBlocks())
                  .i64(UseTag.LIVE_NODES, use.liveNodes()));
    }
  }

  private static ImageRoot image(FieldReader from) {
    return new ImageRoot(
        from.i64(ImageTag.BLOCK_COUNT, 1, Image.MAX_BLOCK_COUNT),
        mapRoot(from, ImageTag.MAP),
        mapRoot(from, ImageTag.FLAT_MAP),
        from.records(ImageTag.USE, MAX_LAYERS).stream().map(ManifestCodec::use).toList());
  }

  private static LayerUse use(FieldReader from) {
    return new LayerUse(
        (int) from.u32(UseTag.LAYER, Integer.MAX_VALUE),
        from.i64(UseTag.LIVE_BLOCKS, 0, Image.MAX_BLOCK_COUNT),
        from.i64(UseTag.LIVE_NODES, 0, Image.MAX_BLOCK_COUNT));
  }

  /** The root of a map without nodes is not written at all. */
  static void write(FieldWriter to, int tag, MapRoot root) {
    if (!root.equals(MapRoot.ABSENT)) {
      to.record(
          tag,
          map ->
              map.u32(MapTag.LAYER, root.layer())
                  .u32(MapTag.CHECKSUM, Integer.toUnsignedLong(root.checksum()))
                  .i64(MapTag.OFFSET, root.offset()));
    }
  }

  private static MapRoot mapRoot(FieldReader from, int tag) {
    return from.has(tag) ? mapRoot(from.record(tag)) : MapRoot.ABSENT;
  }

  static MapRoot mapRoot(FieldReader from) {
    return new MapRoot(
        (int) from.u32(MapTag.LAYER, Integer.MAX_VALUE),
        (int) from.u32(MapTag.CHECKSUM, 0xffff_ffffL),
        natural(from, MapTag.OFFSET));
  }

  private static void write(FieldWriter to, DiskImage disk) {
    to.string(DiskTag.ID, disk.id());
    to.string(DiskTag.BASE_PATH, disk.basePath().toString());
    to.i64(DiskTag.BASE_BYTE_SIZE, disk.baseByteSize());
    to.i64(DiskTag.BASE_MODIFIED_NANOS, disk.baseModifiedNanos());
    to.flag(DiskTag.READ_ONLY, disk.readOnly());
    to.record(DiskTag.IMAGE, image -> write(image, disk.image()));
  }

  private static DiskImage disk(FieldReader from) {
    return new DiskImage(
        from.string(DiskTag.ID, Summary.MAX_NAME_BYTES),
        Path.of(from.string(DiskTag.BASE_PATH, MAX_PATH_BYTES)),
        natural(from, DiskTag.BASE_BYTE_SIZE),
        from.i64(DiskTag.BASE_MODIFIED_NANOS),
        from.flag(DiskTag.READ_ONLY),
        image(from.record(DiskTag.IMAGE)));
  }

  private static void write(FieldWriter to, ManifestLayer layer) {
    to.u32(LayerTag.NUMBER, layer.number());
    to.uuid(LayerTag.UUID, layer.uuid());
    to.i64(LayerTag.BYTE_COUNT, layer.byteCount());
  }

  private static ManifestLayer layer(FieldReader from) {
    return new ManifestLayer(
        (int) from.u32(LayerTag.NUMBER, Integer.MAX_VALUE),
        from.uuid(LayerTag.UUID),
        natural(from, LayerTag.BYTE_COUNT));
  }

  private static long natural(FieldReader from, int tag) {
    return from.i64(tag, 0, Long.MAX_VALUE);
  }

  /** What the records of this package refuse is damage when it comes from a file. */
  private static <T> T sensible(Path path, Supplier<T> decode) {
    try {
      return decode.get();
    } catch (IllegalArgumentException e) {
      throw new SnapshotFormatException(
          path, Frame.HEADER_BYTES, "a checkpoint that makes sense", e.getMessage());
    }
  }
}
