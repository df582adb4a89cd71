package dev.torpor.vmm.disk;

import dev.torpor.snapshot.DiskState;
import dev.torpor.snapshot.Image;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * What a disk's folder is to say next. Its fields are guarded by the disk's lock; {@link #write} is
 * called without it, by one thread at a time, and what only it uses is guarded by that.
 *
 * <p>Layers are kept before the folder names them, and let go once it does not: at any instant all
 * are kept that the folder names, and when a write has returned, no others.
 */
final class DiskPublication {
  private final DiskFolder folder;
  private final LayerKeeper keeper;
  private final UUID owner;
  private final DiskBase base;

  /** What the disk descends from, once {@link #awaited} are durable. */
  private Image image;

  private final List<SealedLayer> awaited = new ArrayList<>();

  /** The open layers that the folder's state names at present. */
  private List<Integer> listed = List.of();

  /** All layers that it names, and those that are kept; null if nobody knows. */
  private Set<Integer> named;

  private Set<Integer> kept;
  private boolean stale = true;

  /**
   * Of a disk whose state is yet to be written.
   *
   * @param before what the folder says so far, if it has a disk
   */
  DiskPublication(
      DiskFolder folder,
      LayerKeeper keeper,
      DiskBase base,
      Image image,
      Optional<DiskState> before) {
    this.folder = folder;
    this.keeper = keeper;
    this.owner = folder.owner();
    this.base = base;
    this.image = image;
    this.named = before.map(DiskPublication::layersOf).orElse(Set.of());
  }

  private static Set<Integer> layersOf(DiskState state) {
    Set<Integer> layers = new HashSet<>(state.openLayers());
    state.image().layers().forEach(use -> layers.add(use.layer()));
    return layers;
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
  void write(DiskState state, Path layersDirectory) {
    Set<Integer> next = layersOf(state);
    Set<Integer> both = new HashSet<>(next);
    both.addAll(named);
    if (kept == null || !kept.containsAll(both)) {
      keep(both);
    }
    if (!listed.containsAll(state.openLayers())) {
      DiskFolder.sync(layersDirectory);
    }
    folder.writeState(state);
    listed = state.openLayers();
    named = next;
    if (!kept.equals(next)) {
      keep(next);
    }
  }

  private void keep(Set<Integer> layers) {
    keeper.keep(owner, layers);
    kept = layers;
  }
}
