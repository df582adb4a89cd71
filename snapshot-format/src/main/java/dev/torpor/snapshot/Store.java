package dev.torpor.snapshot;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.LongConsumer;

/** Checkpoints on this host: a folder of layers, manifests and what helps to use them. */
@SuppressWarnings("DoNotCallSuggester") // until it has bodies
public final class Store implements AutoCloseable {
  /** Makes something that a checkpoint needs durable. */
  @FunctionalInterface
  public interface Durable {
    /**
     * Returns when it is on the disk.
     *
     * @throws IOException if it cannot be written
     */
    void sync() throws IOException;
  }

  private Store() {}

  /**
   * Opens a store, and makes one where nothing is yet.
   *
   * @param directory its folder: absent, empty or a store's
   * @return the store, to be closed by the caller
   * @throws IOException if the folder holds something else, or cannot be used
   * @throws SnapshotFormatException if the store is of a version that this one does not know
   */
  public static Store open(Path directory) throws IOException {
    throw new UnsupportedOperationException("not built yet: " + directory);
  }

  /**
   * Where the store is.
   *
   * @return its folder
   */
  public Path directory() {
    throw new UnsupportedOperationException("not built yet");
  }

  /**
   * Publishes a checkpoint: makes its layers durable, then the manifest, in one step that happens
   * or does not. The layers that this process created for it are from now on held by the result.
   *
   * @param manifest what to publish; its created time is moved behind its parent's if the clock ran
   *     backwards, and what the syncing here takes is added to its durableNanos
   * @param toSync what must be durable first: image writers, disks' open layers
   * @return the published checkpoint, held
   * @throws IOException if something cannot be written: the checkpoint does not exist
   */
  public CheckpointHold publish(Manifest manifest, List<? extends Durable> toSync)
      throws IOException {
    throw new UnsupportedOperationException("not built yet: " + manifest + toSync);
  }

  /**
   * Lists all checkpoints.
   *
   * @return oldest first
   * @throws IOException if the store cannot be read
   */
  public Listing list() throws IOException {
    throw new UnsupportedOperationException("not built yet");
  }

  /**
   * Lists one VM's checkpoints.
   *
   * @param vmName the VM's name
   * @return oldest first; damaged manifests of whatever VM too
   * @throws IOException if the store cannot be read
   */
  public Listing list(String vmName) throws IOException {
    throw new UnsupportedOperationException("not built yet: " + vmName);
  }

  /**
   * Finds the one checkpoint that a reference means.
   *
   * @param ref a UUID, the beginning of one (4 hexadecimal digits or more), a label, a VM's name
   *     (which means its newest checkpoint) or NAME/LABEL (the newest so labelled)
   * @return the checkpoint
   * @throws UnknownCheckpointException if it means none, or several
   * @throws IOException if the store cannot be read
   */
  public Summary find(String ref) throws IOException {
    throw new UnsupportedOperationException("not built yet: " + ref);
  }

  /**
   * Reads a checkpoint to look at it. To use its images, {@link #hold} it.
   *
   * @param uuid which
   * @return the whole manifest
   * @throws UnknownCheckpointException if it does not exist
   * @throws SnapshotFormatException if it is damaged
   * @throws IOException if the store cannot be read
   */
  public Manifest read(UUID uuid) throws IOException {
    throw new UnsupportedOperationException("not built yet: " + uuid);
  }

  /**
   * Reads a checkpoint in order to use its images.
   *
   * @param uuid which
   * @return the checkpoint, with its layers held until it is closed
   * @throws UnknownCheckpointException if it does not exist
   * @throws SnapshotFormatException if it is damaged
   * @throws IOException if the store cannot be read
   */
  public CheckpointHold hold(UUID uuid) throws IOException {
    throw new UnsupportedOperationException("not built yet: " + uuid);
  }

  /**
   * Removes a checkpoint, and what of its layers nobody needs any more. Its children stay.
   *
   * @param uuid which; a damaged one can be removed too
   * @return how many bytes of layers were freed
   * @throws UnknownCheckpointException if it does not exist
   * @throws IOException if something cannot be removed
   */
  public long remove(UUID uuid) throws IOException {
    throw new UnsupportedOperationException("not built yet: " + uuid);
  }

  /**
   * Removes layers that no checkpoint and no running process needs, and what killed processes left.
   *
   * @return how many bytes of layers were freed
   * @throws IOException if something cannot be removed
   */
  public long collectGarbage() throws IOException {
    throw new UnsupportedOperationException("not built yet");
  }

  /**
   * Gives up a layer that this process created and will not publish.
   *
   * @param layer its number
   * @throws IOException if that cannot be written down
   */
  public void forget(int layer) throws IOException {
    throw new UnsupportedOperationException("not built yet: " + layer);
  }

  /**
   * Verifies every block of an image once per host, as mapped memory is never verified again.
   *
   * @param image what will be mapped
   * @param progress told now and then how many bytes were verified, if any had to be
   * @throws SnapshotFormatException if a block is not what the map says; names file and offset
   * @throws IOException if a layer cannot be read
   */
  public void verifyForMapping(ImageRoot image, LongConsumer progress) throws IOException {
    throw new UnsupportedOperationException("not built yet: " + image + progress);
  }

  /**
   * Stores the working set of a checkpoint, in place of an earlier one.
   *
   * @param uuid the checkpoint's
   * @param pages the pages
   * @throws IOException if it cannot be written
   */
  public void writeWorkingSet(UUID uuid, WorkingSet pages) throws IOException {
    throw new UnsupportedOperationException("not built yet: " + uuid + pages);
  }

  /**
   * Reads the working set of a checkpoint.
   *
   * @param uuid the checkpoint's
   * @return the pages, if they were recorded
   * @throws SnapshotFormatException if the file is damaged: it may be ignored, as it only helps
   * @throws IOException if it cannot be read
   */
  public Optional<WorkingSet> readWorkingSet(UUID uuid) throws IOException {
    throw new UnsupportedOperationException("not built yet: " + uuid);
  }

  /** Ends this process's use of the store; what it holds may go. */
  @Override
  public void close() throws IOException {
    throw new UnsupportedOperationException("not built yet");
  }
}
