package dev.torpor.vmm.checkpoint;

import dev.torpor.snapshot.Store;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stores, some time after a restored machine has started, which memory it has touched: the next
 * ones of the same checkpoint bring that in before they miss it. Safe from every thread.
 */
public final class WorkingSetRecorder implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WorkingSetRecorder.class);

  private final Store store;
  private final UUID checkpoint;
  private final RestoredMemory memory;
  private final Duration duration;
  private Thread thread;
  private volatile boolean closing;

  /**
   * Prepares to record.
   *
   * @param store where the checkpoint is
   * @param checkpoint what the machine was restored from
   * @param memory its memory, which outlives this
   * @param duration for how long from {@link #start} on
   */
  public WorkingSetRecorder(
      Store store, UUID checkpoint, RestoredMemory memory, Duration duration) {
    this.store = store;
    this.checkpoint = checkpoint;
    this.memory = memory;
    this.duration = duration;
  }

  /** Begins. Once. */
  public synchronized void start() {
    thread = Thread.ofPlatform().daemon().name("torpor-working-set").start(this::waitAndRecord);
  }

  private void waitAndRecord() {
    long end = System.nanoTime() + duration.toNanos();
    long left = duration.toNanos();
    while (left > 0 && !closing) {
      LockSupport.parkNanos(this, left);
      left = end - System.nanoTime();
    }
    try {
      store.writeWorkingSet(checkpoint, memory.touched());
    } catch (RuntimeException e) {
      LOG.warn("the working set of checkpoint {} is not recorded", checkpoint, e);
    }
  }

  /** Records what there is, if the time is not up, and returns when that is stored. */
  @Override
  public void close() {
    closing = true;
    Thread started;
    synchronized (this) {
      started = thread;
    }
    if (started == null) {
      return;
    }
    LockSupport.unpark(started);
    boolean interrupted = false;
    while (started.isAlive()) {
      try {
        started.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
