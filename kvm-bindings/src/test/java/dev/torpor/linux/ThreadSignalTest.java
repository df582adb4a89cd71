package dev.torpor.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Signals wait in their thread, each one, until they are dequeued. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ThreadSignalTest {
  @Test
  void signalsSentToABlockingThreadAreQueuedAndDequeuedOneByOne() throws Exception {
    CompletableFuture<Integer> threadId = new CompletableFuture<>();
    CountDownLatch allSent = new CountDownLatch(1);
    AtomicInteger dequeued = new AtomicInteger();
    Thread thread =
        Thread.ofPlatform()
            .start(
                () -> {
                  ThreadSignal.blockInThisThread();
                  assertThat(ThreadSignal.dequeue()).isFalse();
                  threadId.complete(ThreadSignal.currentThreadId());
                  awaitQuietly(allSent);
                  while (ThreadSignal.dequeue()) {
                    dequeued.incrementAndGet();
                  }
                });
    for (int i = 0; i < 5; i++) {
      assertThat(ThreadSignal.sendTo(threadId.get())).isTrue();
    }
    allSent.countDown();
    thread.join();
    assertThat(dequeued).hasValue(5);
  }

  @Test
  void signalsThatComeAsTheThreadEndsAreHarmless() throws Exception {
    for (int i = 0; i < 100; i++) {
      CompletableFuture<Integer> threadId = new CompletableFuture<>();
      Thread thread =
          Thread.ofPlatform()
              .start(
                  () -> {
                    ThreadSignal.blockInThisThread();
                    threadId.complete(ThreadSignal.currentThreadId());
                  });
      // The kernel's thread ends a moment after Java's.
      while (ThreadSignal.sendTo(threadId.get())) {
        LockSupport.parkNanos(10_000);
      }
      thread.join();
      assertThat(ThreadSignal.sendTo(threadId.get())).as("the thread has ended").isFalse();
    }
  }

  @Test
  void aSignalThatNobodyDequeuesIsForgottenWithItsThread() throws Exception {
    Thread thread =
        Thread.ofPlatform()
            .start(
                () -> {
                  ThreadSignal.blockInThisThread();
                  ThreadSignal.sendTo(ThreadSignal.currentThreadId());
                });
    thread.join();
    assertThat(ThreadSignal.dequeue()).as("it was that thread's alone").isFalse();
  }

  @Test
  void theMaskHasTheBitOfTheSignal() {
    assertThat(Long.numberOfTrailingZeros(ThreadSignal.MASK_BIT) + 1)
        .isEqualTo(ThreadSignal.NUMBER);
    assertThat(Long.bitCount(ThreadSignal.MASK_BIT)).isEqualTo(1);
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
