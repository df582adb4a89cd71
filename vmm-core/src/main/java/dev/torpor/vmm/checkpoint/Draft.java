package dev.torpor.vmm.checkpoint;

import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.ImageWriter;
import dev.torpor.snapshot.LayerKind;
import dev.torpor.snapshot.Manifest;
import dev.torpor.snapshot.StateBytes;
import dev.torpor.snapshot.Store;
import dev.torpor.snapshot.Summary;
import dev.torpor.vmm.memory.CopyBehind;
import dev.torpor.vmm.memory.DirtyTracker;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.PageSet;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * A checkpoint in the making: {@link #begin}, {@link #copyAhead}, {@link #capture} while the
 * machine is held, {@link #writeOut}, {@link #publish}, in this order. One thread at a time.
 */
final class Draft implements AutoCloseable {
  private final UUID uuid = UUID.randomUUID();
  private final DraftTools tools;
  private final Position base;
  private final GuestMemory memory;

  /** All that this checkpoint has to hold: what was written since its base. */
  private final PageSet written;

  /** What the writer does not have as it is now. */
  private final PageSet uncopied;

  private ImageWriter writer;
  private CopyBehind copyBehind;
  private MachineState state;
  private Instant captured;
  private long capturedNanos;
  private Summary summary;
  private Image image;
  private List<Optional<DiskHistory.Point>> disks;

  Draft(DraftTools tools, Position base) {
    this.tools = tools;
    this.base = base;
    this.memory = tools.machine.memory();
    this.written = new PageSet(memory.pageCount());
    this.uncopied = new PageSet(memory.pageCount());
  }

  PageSet written() {
    return written;
  }

  /** Prepares all that need not be done during the pause. */
  void begin() {
    DirtyTracker tracker = tools.machine.dirtyTracker();
    if (!tracker.isStarted()) {
      tracker.start();
      PopulatedPages.addTo(written, memory);
    }
    uncopied.addAll(written);
    boolean first = base.memory().root().map().isAbsent();
    writer =
        new ImageWriter(
            tools.store.layers(), base.memory(), first ? LayerKind.FLAT : LayerKind.PACKED);
    tools.disks.forEach(DiskHistory::prepareSeal);
  }

  /** Copies while the guest runs, until little is left. */
  void copyAhead() {
    tools.copyAhead.run(written, uncopied, writer, () -> {});
  }

  /** Fixes the instant. While the machine is held. */
  void capture() {
    captured = Instant.now();
    capturedNanos = System.nanoTime();
    state = tools.machine.capture();
    tools.copyAhead.collect(written, uncopied);
    copyBehind = tools.secure(uncopied);
    tools.disks.forEach(DiskHistory::seal);
  }

  /** What the caller is told of it. */
  Checkpoint describe(String vmName, String label, Duration pause, CheckpointListener listener) {
    return new Checkpoint(
        uuid, base.checkpoint(), vmName, label, pause, written.count(), listener);
  }

  /**
   * Writes what the pause has left, and the maps. From then on VMs can be made of it.
   *
   * @return where the machine stood
   */
  Position writeOut(Checkpoint checkpoint) {
    if (copyBehind == null) {
      tools.staging.drainTo(writer);
    } else {
      copyBehind.drain(
          (pages, count, contents) -> {
            checkpoint.requireNotCancelled();
            writer.put(pages, count, contents);
          });
      copyBehind = null;
    }
    checkpoint.requireNotCancelled();
    image = writer.finish();
    for (DiskHistory disk : tools.disks) {
      disk.fold();
    }
    return new Position(
        Optional.of(uuid), image, tools.disks.stream().map(DiskHistory::image).toList());
  }
}
