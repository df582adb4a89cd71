package dev.torpor.vmm.disk;

import dev.torpor.snapshot.DiskState;
import dev.torpor.snapshot.Image;
import java.util.ArrayList;
import java.util.List;

/**
 * What a disk's folder is to say next. Its fields are guarded by the disk's lock; {@link #write} is
 * called without it, by one thread at a time.
 */
final class DiskPublication {
  private final DiskFolder folder;
  private final DiskBase base;

  /** What the disk descends from, once {@link #awaited} are durable. */
  private Image image;

  private final List<SealedLayer> awaited = new ArrayList<>();

  /** What the folder's state says at present, in layers. */
  private List<Integer> listed = List.of();

  private boolean stale;

  DiskPublication(DiskFolder folder, DiskBase base, Image image) {
    this.folder = folder;
    this.base = base;
    this.image = image;
  }

  DiskFolder folder() {
    return folder;
  }

  boolean isStale() {
    return stale;
  }

  void markStale() {
    stale = true;
  }

  /** The disk descends from a durable image. */
  void descendsFrom(Image durable) {
    image = durable;
    stale = true;
  }

  /** The disk descends from an image of which some of these may be a part. */
  void descendsFrom(Image other, List<SealedLayer> perhapsParts) {
    image = other;
    awaited.addAll(perhapsParts);
    stale = true;
  }

  List<SealedLayer> awaited() {
    return List.copyOf(awaited);
  }

  void noLongerAwaited(List<SealedLayer> done) {
    awaited.removeAll(done);
  }

  /** Notes which layers have an index; the state must name them before a flush returns. */
  void indexed(List<Integer> layers) {
    stale |= !listed.containsAll(layers);
  }

  /** What is to be written. */
  DiskState state(List<Integer> layers) {
    stale = false;
    return new DiskState(base.path(), base.byteSize(), base.modifiedNanos(), image.root(), layers);
  }

  /** Writes a state; the layers' names must be durable already if any is new. */
  void write(DiskState state, java.nio.file.Path layersDirectory) {
    if (!listed.containsAll(state.openLayers())) {
      DiskFolder.sync(layersDirectory);
    }
    folder.writeState(state);
    listed = state.openLayers();
  }
}
