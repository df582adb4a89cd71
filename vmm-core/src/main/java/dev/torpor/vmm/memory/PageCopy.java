package dev.torpor.vmm.memory;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/** A copy of pages that is under way, or done: see {@link CopyBehind#arm}. For every thread. */
public final class PageCopy {
  private final CopyBehind owner;
  private final PageSink sink;
  private final long pageCount;
  private final CompletableFuture<Void> done = new CompletableFuture<>();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private final AtomicLong overwritten = new AtomicLong();

  private final AtomicLong passedOn = new AtomicLong();

  private volatile boolean stopped;

  PageCopy(CopyBehind owner, PageSink sink, long pageCount) {
    this.owner = owner;
    this.sink = sink;
    this.pageCount = pageCount;
  }

  /**
   * How many pages the set has.
   *
   * @return their number
   */
  public long pageCount() {
    return pageCount;
  }

  /**
   * How many pages the sink has taken so far.
   *
   * @return from 0 to {@link #pageCount}
   */
  public long copiedPageCount() {
    return passedOn.get();
  }

  /**
   * How many pages were put aside so far because they were about to be overwritten.
   *
   * @return from 0 to {@link #pageCount}
   */
  public long overwrittenPageCount() {
    return overwritten.get();
  }

  /**
   * The copy's end, at which nothing is protected any more and the sink is called no more.
   *
   * @return done when the sink has taken every page; else with the failure or a {@link
   *     CancellationException} as the cause; cancelling this future does not cancel the copy
   */
  public CompletableFuture<Void> done() {
    return done.copy();
  }

  /**
   * Gives the copy up, if it is not done: every page becomes writable at once. Returns when the
   * sink is called no more; not to be called by the sink.
   */
  public void cancel() {
    owner.cancel(this);
  }

  boolean isDone() {
    return done.isDone();
  }

  boolean isComplete() {
    return passedOn.get() == pageCount;
  }

  void stop() {
    stopped = true;
  }

  boolean isStopped() {
    return stopped;
  }

  void fail(Throwable cause) {
    failure.compareAndSet(null, cause);
    stopped = true;
  }

  void countOverwritten() {
    overwritten.incrementAndGet();
  }

  void passOn(long firstPage, MemorySegment contents) {
    sink.accept(firstPage, contents);
    passedOn.addAndGet(contents.byteSize() / MemoryLayout.PAGE_BYTES);
  }

  void end() {
    Throwable cause = failure.get();
    if (cause != null) {
      done.completeExceptionally(cause);
    } else if (isComplete()) {
      done.complete(null);
    } else {
      done.completeExceptionally(new CancellationException("the copy was cancelled"));
    }
  }

  void awaitEnd() {
    done.handle((_, _) -> null).join();
  }
}
