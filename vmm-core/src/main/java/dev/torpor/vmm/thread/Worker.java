package dev.torpor.vmm.thread;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Work that has a platform thread to itself, as long as it lasts.
 *
 * <p>Threads whose work has ended wait a while for more: to start one anew, Java and the kernel
 * wake creator and thread in turns, which takes as long as making half a VM. Safe from every
 * thread.
 */
public final class Worker {
  private static final long IDLE_SECONDS = 10;
  private static final ThreadPoolExecutor THREADS =
      new ThreadPoolExecutor(
          0,
          Integer.MAX_VALUE,
          IDLE_SECONDS,
          TimeUnit.SECONDS,
          new SynchronousQueue<>(),
          Thread.ofPlatform().daemon().name("torpor-idle").factory());

  private final String name;
  private final Runnable work;
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile Thread thread;

  private Worker(String name, Runnable work) {
    this.name = name;
    this.work = work;
  }

  /**
   * Starts work, and does not wait until it has begun.
   *
   * @param name what the thread is called meanwhile
   * @param work what to do; throws nothing
   * @return the worker
   * @throws OutOfMemoryError if the system has no thread for it
   */
  public static Worker start(String name, Runnable work) {
    Worker worker = new Worker(name, work);
    THREADS.execute(worker::run);
    return worker;
  }

  /**
   * Starts each task as a worker of its own: they are not put in order.
   *
   * @param name what their threads are called meanwhile
   * @return what starts them
   */
  public static Executor executor(String name) {
    return task -> start(name, task);
  }

  /**
   * Does two things at the same time, and returns when both have ended.
   *
   * @param name what the thread of the first is called meanwhile
   * @param beside what a thread of its own does
   * @param own what the calling thread does
   * @throws RuntimeException as one of them failed: the calling thread's failure goes first
   * @throws OutOfMemoryError if the system has no thread for it; nothing was done then
   */
  public static void runBeside(String name, Runnable beside, Runnable own) {
    FutureTask<Void> task = new FutureTask<>(beside, null);
    Worker worker = start(name, task);
    try {
      own.run();
    } finally {
      worker.join();
    }
    if (task.state() == Future.State.FAILED) {
      throw Relayed.unchecked(task.exceptionNow());
    }
  }

  private void run() {
    thread = Thread.currentThread();
    String idle = thread.getName();
    thread.setName(name);
    try {
      work.run();
    } finally {
      Thread.currentThread().setName(idle);
      thread = null;
      ended.countDown();
    }
  }

  /**
   * Whether the calling thread is the one that does the work.
   *
   * @return whether it is
   */
  public boolean isCurrent() {
    return thread == Thread.currentThread();
  }

  /**
   * Wakes its thread from {@link LockSupport#park}, if it has come already: work that parks looks
   * first whether there is anything to do.
   */
  public void unpark() {
    LockSupport.unpark(thread);
  }

  /** Waits until the work has ended; an interrupt is kept for later. Not from its own thread. */
  public void join() {
    joinBefore(Long.MAX_VALUE);
  }

  /**
   * Waits for a limited time until the work has ended; an interrupt is kept for later. Not from its
   * own thread.
   *
   * @param nanos how long at most
   * @return whether it has ended
   */
  public boolean joinBefore(long nanos) {
    long start = System.nanoTime();
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return ended.await(nanos - (System.nanoTime() - start), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
