package dev.torpor.vmm.disk;

import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.LayerWriter;
import java.util.List;

/**
 * What a disk holds at one instant: an image, as soon as somebody makes it. Until then the disk
 * goes on with a new layer and reads from this one.
 *
 * <p>For any thread but the disk's own. It keeps files open until {@link #sync} succeeds, here or
 * on a later one of the same disk, or until the disk is closed.
 */
public final class SealedLayer {
  private final LayeredDisk disk;
  private final OpenLayer layer;

  /** What this descends from, unless it is the image {@link #start}. */
  private SealedLayer parent;

  private Image start;

  /** What was not durable when this was sealed; the image may refer to any of it. */
  private List<SealedLayer> earlier;

  private Image image;
  private LayerWriter writer;
  private long storedBytes;
  private boolean durable;
  private boolean closed;
  private boolean abandoned;

  /** What was given up and became durable together with this. */
  private List<SealedLayer> superseded = List.of();

  /**
   * Called with the disk's lock held.
   *
   * @param layer null if nothing was written since
   */
  SealedLayer(
      LayeredDisk disk,
      SealedLayer parent,
      Image start,
      List<SealedLayer> earlier,
      OpenLayer layer) {
    this.disk = disk;
    this.parent = parent;
    this.start = start;
    this.earlier = earlier;
    this.layer = layer;
  }

  /**
   * Makes the image: computes checksums, leaves out blocks that are zero or as they were, writes
   * the block map and finishes the layer. Earlier sealed layers are made images first. May be tried
   * again if it failed. Takes time in proportion to what was written.
   *
   * @return the image, readable at once, durable only after {@link #sync}; the same each time
   * @throws IllegalStateException if the disk was closed before
   * @throws dev.torpor.snapshot.SnapshotFormatException if a layer below is damaged
   * @throws dev.torpor.linux.LinuxException if the host fails to read or write
   */
  public synchronized Image toImage() {
    if (image == null) {
      Image below = parent == null ? start : parent.toImage();
      image = layer == null ? below : convert(below);
      parent = null;
      start = null;
    }
    return image;
  }

  private Image convert(Image below) {
    if (closed) {
      throw new IllegalStateException(disk + " was closed before what it held became an image");
    }
    try (LayerConversion conversion = new LayerConversion(disk, below, layer)) {
      Image made = conversion.run();
      writer = conversion.writer();
      storedBytes = made.bytesBeyond(below);
      disk.adopt(this, made, conversion.leftOut());
      return made;
    }
  }

  /**
   * How much the image stores beyond its parent's.
   *
   * @return bytes of blocks and of its map; 0 until {@link #toImage}
   */
  public synchronized long storedBytes() {
    return storedBytes;
  }

  /**
   * Makes the image durable, with all that it refers to. A disk that has a folder is found there to
   * descend from it.
   *
   * @throws IllegalStateException if the disk was closed before this was an image
   * @throws dev.torpor.linux.LinuxException if the host fails to write
   * @throws java.io.UncheckedIOException if the host fails to write
   */
  public void sync() {
    makeDurable();
    disk.publishIfStale();
  }

  /** Without telling the disk's folder. */
  synchronized void makeDurable() {
    if (durable) {
      return;
    }
    Image made = toImage();
    for (SealedLayer other : earlier) {
      if (other.hasImage()) {
        other.makeDurable();
      }
    }
    if (writer != null) {
      // A recovered layer, finished by a process that ended, was made durable when it was found.
      writer.sync();
    }
    durable = true;
    superseded = earlier.stream().filter(SealedLayer::isAbandoned).toList();
    earlier = List.of();
    disk.becameDurable(this, made, layer == null || writer == layer.writer() ? null : writer);
    if (closed && writer != null) {
      writer.close();
    }
  }

  synchronized boolean hasImage() {
    return image != null;
  }

  /** The layer, or null if nothing was written. */
  OpenLayer layer() {
    return layer;
  }

  /**
   * Says that nobody will make this durable for its own sake. It stays part of the disk, and a
   * later image that refers to it makes it durable; but it ends with the disk, or when that goes
   * back to an image before it.
   */
  public synchronized void abandon() {
    abandoned = true;
  }

  /**
   * Says that a checkpoint with the image is published. What came before it, was given up and has
   * no part in it is needed by nobody any more.
   */
  public synchronized void published() {
    superseded.forEach(other -> disk.layers().forget(other.layer().number()));
    superseded = List.of();
  }

  synchronized boolean isAbandoned() {
    return abandoned;
  }

  /**
   * Lets go of the layer because its disk does. An image may still be made durable, unless that was
   * given up.
   *
   * @param survives whether the disk can be opened again, with this
   */
  synchronized void closeWithDisk(boolean survives) {
    closed = true;
    if (image != null && writer != null) {
      layer.release();
      if (abandoned && !survives) {
        writer.close();
        disk.layers().forget(writer.number());
      }
    } else if (layer.isIndexed()) {
      layer.leave();
    } else {
      layer.close();
    }
  }
}
