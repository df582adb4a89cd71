package dev.torpor.snapshot;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * What is known to be right of one layer.
 *
 * @param file the file for which it holds
 * @param complete whether that is all of it
 * @param images the images, by their maps, whose blocks in the layer are all right; the newest last
 * @param blocks which blocks are right, by their offset in the file divided by a block's size
 */
record VerifiedStamp(FileIdentity file, boolean complete, List<MapRoot> images, BitSet blocks) {
  private static final Frame FRAME = new Frame("TORPVRFY", 1, 1 << 16, 1 << 28);
  private static final int MAX_IMAGES = 16;

  private static final int FILE_TAG = 1;
  private static final int COMPLETE_TAG = 2;
  private static final int IMAGE_TAG = 3;

  static VerifiedStamp none(FileIdentity file) {
    return new VerifiedStamp(file, false, List.of(), new BitSet());
  }

  boolean covers(MapRoot image) {
    return complete || images.contains(image);
  }

  /** Adds a block that is about to be verified; false if it was already. */
  boolean add(long offset) {
    if (offset < 0 || offset % Blocks.BYTES != 0 || offset / Blocks.BYTES > Integer.MAX_VALUE) {
      return true; // no block can be there: whoever reads it will say so
    }
    int index = (int) (offset / Blocks.BYTES);
    boolean isNew = !blocks.get(index);
    blocks.set(index);
    return isNew;
  }

  VerifiedStamp whole() {
    return new VerifiedStamp(file, true, List.of(), new BitSet());
  }

  VerifiedStamp withImage(MapRoot image) {
    List<MapRoot> more = new ArrayList<>(images);
    more.add(image);
    return new VerifiedStamp(
        file, complete, more.subList(Math.max(0, more.size() - MAX_IMAGES), more.size()), blocks);
  }

  byte[] encode() {
    FieldWriter head = new FieldWriter();
    head.record(FILE_TAG, file::write).flag(COMPLETE_TAG, complete);
    images.forEach(image -> ManifestCodec.write(head, IMAGE_TAG, image));
    return FRAME.encode(head.toByteArray(), blocks.toByteArray());
  }

  static VerifiedStamp read(Path path) throws IOException {
    Frame.Parts parts = FRAME.read(path);
    FieldReader head = FieldReader.of(path, Frame.HEADER_BYTES, parts.head());
    return new VerifiedStamp(
        FileIdentity.read(head.record(FILE_TAG)),
        head.flag(COMPLETE_TAG),
        head.records(IMAGE_TAG, MAX_IMAGES).stream().map(ManifestCodec::mapRoot).toList(),
        BitSet.valueOf(parts.body()));
  }
}
