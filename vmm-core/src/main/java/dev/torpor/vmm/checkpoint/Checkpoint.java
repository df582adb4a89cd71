package dev.torpor.vmm.checkpoint;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One instant of a VM, on its way to the store. Safe from every thread.
 *
 * <p>The sizes and times belong to stages: {@link #pause()} and {@link #dirtyPages()} are known
 * from the beginning, {@link #storedBytes()} once it is written, {@link #durableAfter()} once it is
 * durable.
 */
public final class Checkpoint {
  private static final Logger LOG = LoggerFactory.getLogger(Checkpoint.class);

  private final UUID uuid;
  private final Optional<UUID> parent;
  private final String vmName;
  private final String label;
  private final Duration pause;
  private final long dirtyPages;
  private final CheckpointListener listener;
  private final CompletableFuture<Void> written = new CompletableFuture<>();
  private final CompletableFuture<Void> durable = new CompletableFuture<>();
  private volatile boolean cancelled;
  private volatile Origin origin;
  private volatile boolean continued;
  private volatile long storedBytes;
  private volatile Duration durableAfter = Duration.ZERO;

  /** A captured checkpoint; its checkpointer moves it on. */
  Checkpoint(
      UUID uuid,
      Optional<UUID> parent,
      String vmName,
      String label,
      Duration pause,
      long dirtyPages,
      CheckpointListener listener) {
    this.uuid = Objects.requireNonNull(uuid);
    this.parent = parent;
    this.vmName = vmName;
    this.label = label;
    this.pause = pause;
    this.dirtyPages = dirtyPages;
    this.listener = listener;
  }

  /**
   * Its identity.
   *
   * @return what the store knows it by
   */
  public UUID uuid() {
    return uuid;
  }

  /**
   * What it follows.
   *
   * @return the checkpoint that the VM was at before; empty for the first
   */
  public Optional<UUID> parent() {
    return parent;
  }

  /**
   * Whose instant it is.
   *
   * @return the name of the VM
   */
  public String vmName() {
    return vmName;
  }

  /**
   * What it was called.
   *
   * @return the label; may be empty
   */
  public String label() {
    return label;
  }

  /**
   * How long the guest stood still.
   *
   * @return from the request to the vCPUs to their release; zero if the VM was paused already
   */
  public Duration pause() {
    return pause;
  }

  /**
   * How much the guest and its devices had written since the parent.
   *
   * @return pages of 4 KiB; of a first checkpoint, those that were ever touched
   */
  public long dirtyPages() {
    return dirtyPages;
  }

  /**
   * What it added to the store.
   *
   * @return bytes of blocks and maps; 0 until it is written
   */
  public long storedBytes() {
    return storedBytes;
  }

  /**
   * How long it took until it was durable.
   *
   * @return from the capture; zero until it is durable
   */
  public Duration durableAfter() {
    return durableAfter;
  }

  /**
   * How far it has come.
   *
   * @return the stage at this moment
   */
  public CheckpointStage stage() {
    if (durable.isDone()) {
      return durable.isCompletedExceptionally() ? CheckpointStage.FAILED : CheckpointStage.DURABLE;
    }
    return written.isDone() ? CheckpointStage.WRITTEN : CheckpointStage.CAPTURED;
  }

  /**
   * Why there will be no such checkpoint.
   *
   * @return the cause, {@link CancellationException} if it was cancelled; empty unless it failed
   */
  public Optional<Throwable> failure() {
    // Not exceptionNow(), which will not tell a cancellation.
    return durable.isCompletedExceptionally()
        ? Optional.of(durable.handle((_, cause) -> cause).join())
        : Optional.empty();
  }

  /**
   * Waits until VMs can be made of it.
   *
   * @return this
   * @throws CheckpointException if it failed
   * @throws InterruptedException if the thread is interrupted
   */
  public Checkpoint awaitWritten() throws InterruptedException {
    return await(written);
  }

  /**
   * Waits until it survives a crash.
   *
   * @return this
   * @throws CheckpointException if it failed
   * @throws InterruptedException if the thread is interrupted
   */
  public Checkpoint awaitDurable() throws InterruptedException {
    return await(durable);
  }

  private Checkpoint await(CompletableFuture<Void> stage) throws InterruptedException {
    try {
      // Not get(), which wraps a cancellation so that its reason is lost.
      Throwable cause = stage.handle((_, thrown) -> thrown).get();
      if (cause != null) {
        throw failed(cause);
      }
      return this;
    } catch (ExecutionException e) {
      throw new AssertionError("a handler that cannot fail", e);
    }
  }

  private CheckpointException failed(Throwable cause) {
    return new CheckpointException(
        "checkpoint %s of VM '%s' was not stored: %s"
            .formatted(label.isEmpty() ? uuid : "'" + label + "'", vmName, cause.getMessage()),
        cause);
  }

  /**
   * Gives it up, unless it is durable or about to be, or another one follows it. The VM is not
   * disturbed, and what changed is in its next checkpoint. {@link #stage()} tells soon whether it
   * was in time.
   */
  public void cancel() {
    cancelled = true;
  }

  boolean isCancelled() {
    return cancelled;
  }

  void requireNotCancelled() {
    if (cancelled) {
      throw new CancellationException("cancelled");
    }
  }

  /** Runs an action once it is durable, before anything else is done with it; at once if it is. */
  void whenDurable(Runnable action) {
    var _ = durable.thenRun(action);
  }

  /**
   * What machines are made of that continue from it.
   *
   * @return the origin; null until it is written
   */
  public Origin origin() {
    continued |= origin != null;
    return origin;
  }

  /** Whether machines may have been made of it: their memory is brought in from its layers. */
  boolean isContinued() {
    return continued;
  }

  void reachedCaptured() {
    tell();
  }

  void reachedWritten(long storedByteCount, Origin madeOf) {
    storedBytes = storedByteCount;
    origin = madeOf;
    written.complete(null);
    tell();
  }

  void reachedDurable(Duration after) {
    durableAfter = after;
    durable.complete(null);
    tell();
  }

  void fail(Throwable cause) {
    written.completeExceptionally(cause);
    if (durable.completeExceptionally(cause)) {
      tell();
    }
  }

  /** What a listener throws is its own affair: the checkpoint goes on. */
  private void tell() {
    try {
      listener.reached(this);
    } catch (RuntimeException e) {
      LOG.warn("a listener failed at stage {} of checkpoint {}", stage(), this, e);
    }
  }

  @Override
  public String toString() {
    return label.isEmpty() ? uuid.toString() : label + " (" + uuid + ")";
  }
}
