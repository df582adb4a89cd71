package dev.torpor.vmm.checkpoint;

import dev.torpor.snapshot.CheckpointHold;
import dev.torpor.snapshot.DiskImage;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.Manifest;
import dev.torpor.snapshot.Store;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * What machines are made of that continue from one checkpoint: read and decoded once, for any
 * number of them. For one thread at a time.
 */
public final class Origin implements AutoCloseable {
  private final Store store;
  private final UUID uuid;
  private final MachineState state;
  private final Image memory;
  private final List<DiskImage> disks;

  /** Keeps the layers; empty for a checkpoint just written, until that is durable. */
  private Optional<CheckpointHold> hold;

  /** The checkpoint that this process has just written. */
  private final Optional<Checkpoint> written;

  private Origin(
      Store store,
      UUID uuid,
      MachineState state,
      Image memory,
      List<DiskImage> disks,
      Optional<CheckpointHold> hold,
      Optional<Checkpoint> written) {
    this.store = store;
    this.uuid = uuid;
    this.state = state;
    this.memory = memory;
    this.disks = List.copyOf(disks);
    this.hold = hold;
    this.written = written;
  }

  /**
   * Reads a published checkpoint.
   *
   * @param store where it is
   * @param uuid which
   * @return what it is made of
   * @throws dev.torpor.snapshot.UnknownCheckpointException if there is none
   * @throws dev.torpor.snapshot.SnapshotFormatException if it is damaged
   * @throws java.io.UncheckedIOException if the store cannot be read
   */
  public static Origin open(Store store, UUID uuid) {
    CheckpointHold hold = store.hold(uuid);
    try {
      Manifest manifest = hold.manifest();
      return new Origin(
          store,
          uuid,
          manifest.machineState().decoded(MachineState.class, MachineStateCodec::decode),
          Image.open(store.layers(), manifest.memory()),
          manifest.disks(),
          Optional.of(hold),
          Optional.empty());
    } catch (RuntimeException | Error e) {
      hold.close();
      throw e;
    }
  }

  /** Of a checkpoint that this process has just written. */
  static Origin ofWritten(
      Store store, Checkpoint checkpoint, MachineState state, Image memory, List<DiskImage> disks) {
    return new Origin(
        store, checkpoint.uuid(), state, memory, disks, Optional.empty(), Optional.of(checkpoint));
  }

  /**
   * The machine but for memory and disks.
   *
   * @return its state
   */
  public MachineState state() {
    return state;
  }

  /**
   * The disks, the read-only ones too.
   *
   * @return as the manifest has them, in order
   */
  public List<DiskImage> disks() {
    return disks;
  }

  /**
   * Where a machine stands that is made of this.
   *
   * @return the position, with what keeps its layers for as long as the machine needs them
   * @throws java.io.UncheckedIOException if the store cannot be read
   */
  public Start start() {
    boolean published = written.isEmpty() || written.get().stage() == CheckpointStage.DURABLE;
    if (!published) {
      return new Start(position(), Optional.empty(), written);
    }
    if (hold.isEmpty()) {
      hold = Optional.of(store.hold(uuid));
    }
    return new Start(position(), Optional.of(hold.get().another()), Optional.empty());
  }

  Position position() {
    return new Position(
        Optional.of(uuid),
        memory,
        disks.stream()
            .filter(disk -> !disk.readOnly())
            .map(disk -> Image.open(store.layers(), disk.image()))
            .toList());
  }

  /**
   * Whether it was read from the store: then the same state is met again when it is opened again.
   *
   * @return false for a checkpoint that this process has just written
   */
  public boolean isRead() {
    return written.isEmpty();
  }

  /**
   * Where the checkpoint is.
   *
   * @return the store
   */
  public Store store() {
    return store;
  }

  /**
   * Which checkpoint it is.
   *
   * @return its identity
   */
  public UUID uuid() {
    return uuid;
  }

  Image memory() {
    return memory;
  }

  /** Lets the layers go; machines that were made keep what they need themselves. */
  @Override
  public void close() {
    Optional<CheckpointHold> ended = hold;
    hold = Optional.empty();
    ended.ifPresent(CheckpointHold::close);
  }
}
