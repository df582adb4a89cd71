package dev.torpor.vmm.checkpoint;

import dev.torpor.snapshot.CheckpointHold;
import dev.torpor.snapshot.DiskImage;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.ImageWriter;
import dev.torpor.snapshot.LayerKind;
import dev.torpor.snapshot.MachineStateBytes;
import dev.torpor.snapshot.Manifest;
import dev.torpor.snapshot.Summary;
import dev.torpor.vmm.disk.LayeredDisk;
import dev.torpor.vmm.disk.SealedLayer;
import dev.torpor.vmm.memory.DirtyTracker;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.PageCopy;
import dev.torpor.vmm.memory.PageSet;
import dev.torpor.vmm.thread.Relayed;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;

/**
 * A checkpoint in the making: {@link #begin}, {@link #copyAhead}, {@link #capture} while the
 * machine is held, {@link #writeOut}, {@link #beginSync}, {@link #publish}, in this order. One
 * thread at a time.
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
  private PageCopy behind;

  /** Whether pages of this draft are in the staging, which the next one uses after it. */
  private boolean usesStaging;

  private final List<SealedLayer> sealed = new ArrayList<>();
  private MachineState state;
  private Instant created;
  private long capturedNanos;
  private Checkpoint checkpoint;
  private Image memoryImage;
  private List<DiskImage> diskImages;
  private CompletableFuture<Void> synced = CompletableFuture.completedFuture(null);

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
    boolean first = base.memory().layersInUse().isEmpty();
    writer =
        new ImageWriter(
            tools.store.layers(), base.memory(), first ? LayerKind.FLAT : LayerKind.PACKED);
    writer.tell(EarlyWriteBack::of);
    tools.disks.forEach(LayeredDisk::prepareSeal);
  }

  /** Copies while the guest runs, until little is left. */
  void copyAhead() {
    usesStaging = true;
    tools.copyAhead.run(written, uncopied, writer, () -> {});
  }

  /** Fixes the instant. While the machine is held. */
  void capture() {
    capturedNanos = System.nanoTime();
    tools.machine.recorder().capture(this::secureMemoryAndDisks);
  }

  private void secureMemoryAndDisks() {
    tools.copyAhead.collect(written, uncopied);
    behind = tools.secure(uncopied, writer);
    for (LayeredDisk disk : tools.disks) {
      sealed.add(disk.seal());
    }
    created = Instant.now();
  }

  /** What the caller is told of it, once the guest runs again. */
  Checkpoint describe(String vmName, String label, Duration pause, CheckpointListener listener) {
    state = tools.machine.recorder().state();
    checkpoint =
        new Checkpoint(uuid, base.checkpoint(), vmName, label, pause, written.count(), listener);
    return checkpoint;
  }

  /**
   * Writes what the pause has left, and the maps. From then on VMs can be made of it.
   *
   * @return where the machine stood
   */
  Position writeOut() {
    checkpoint.requireNotCancelled();
    if (behind != null) {
      awaitCopy();
    }
    tools.staging.drainTo(writer, checkpoint::requireNotCancelled);
    usesStaging = false;
    memoryImage = writer.finish();
    List<Image> disks = sealed.stream().map(SealedLayer::toImage).toList();
    diskImages = tools.describeDisks(disks);
    return new Position(Optional.of(uuid), memoryImage, disks);
  }

  private void awaitCopy() {
    try {
      behind.done().join();
      behind = null;
      tools.copier.flushTo(writer);
    } catch (CompletionException e) {
      throw new CheckpointException(
          "pages were not copied behind the guest: " + e.getCause().getMessage(), e.getCause());
    }
  }

  /** What it added to the store. */
  long storedBytes() {
    return memoryImage.bytesBeyond(base.memory())
        + sealed.stream().mapToLong(SealedLayer::storedBytes).sum();
  }

  /** What machines can be made of, once it is written. */
  Origin origin() {
    return Origin.ofWritten(tools.store, checkpoint, state, memoryImage, diskImages);
  }

  /**
   * Begins to make all that was written out durable, without waiting for the drafts before this.
   */
  void beginSync(Executor executor) {
    synced =
        CompletableFuture.runAsync(
            () -> {
              writer.sync();
              sealed.forEach(SealedLayer::sync);
            },
            executor);
  }

  private void awaitSync() {
    try {
      synced.join();
    } catch (CompletionException e) {
      throw Relayed.unchecked(e.getCause());
    }
  }

  /**
   * Makes it survive a crash, after {@link #beginSync}.
   *
   * @return what keeps its layers from now on
   */
  CheckpointHold publish() {
    Summary summary =
        new Summary(
            uuid,
            base.checkpoint(),
            checkpoint.vmName(),
            checkpoint.label(),
            created,
            new Summary.Metrics(
                checkpoint.pause().toNanos(),
                checkpoint.dirtyPages(),
                checkpoint.storedBytes(),
                sinceCapture().toNanos()));
    CheckpointHold published =
        tools.store.publish(
            Manifest.of(
                tools.store.layers(),
                summary,
                memoryImage.root(),
                diskImages,
                MachineStateBytes.of(MachineStateCodec.encode(state))),
            List.of(this::awaitSync));
    sealed.forEach(SealedLayer::published);
    return published;
  }

  /** How long ago the instant was. */
  Duration sinceCapture() {
    return Duration.ofNanos(System.nanoTime() - capturedNanos);
  }

  /** Gives it up, whatever stage it is in. What the disks have sealed stays part of them. */
  void abandon() {
    synced.exceptionally(_ -> null).join(); // it uses files that are closed here
    if (behind != null) {
      behind.cancel();
      behind = null;
    }
    if (usesStaging) {
      tools.staging.clear();
    }
    if (writer != null && (checkpoint == null || !checkpoint.isContinued())) {
      tools.store.forget(writer.layer());
    }
    sealed.forEach(SealedLayer::abandon);
    close();
  }

  /** Lets its files go. */
  @Override
  public void close() {
    if (writer != null) {
      writer.close();
    }
  }
}
