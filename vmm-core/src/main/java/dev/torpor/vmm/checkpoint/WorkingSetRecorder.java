package dev.torpor.vmm.checkpoint;

import dev.torpor.snapshot.Store;
import dev.torpor.vmm.thread.Worker;
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
  private Worker worker;
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
    worker = Worker.start("torpor-working-set", this::waitAndRecord);
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
    Worker started;
    synchronized (this) {
      started = worker;
    }
    if (started != null) {
      started.unpark();
      started.join();
    }
  }
}
