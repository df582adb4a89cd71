package dev.torpor.vmm.thread;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class WorkerTest {
  private static final long A_WHILE = TimeUnit.MILLISECONDS.toNanos(20);

  @Test
  void workHasAThreadOfItsNameAndEndsOnce() throws InterruptedException {
    CountDownLatch mayEnd = new CountDownLatch(1);
    AtomicReference<String> name = new AtomicReference<>();
    AtomicReference<Worker> itself = new AtomicReference<>();
    AtomicReference<Boolean> current = new AtomicReference<>();
    CountDownLatch told = new CountDownLatch(1);
    Worker worker =
        Worker.start(
            "some-work",
            () -> {
              await(told);
              name.set(Thread.currentThread().getName());
              current.set(itself.get().isCurrent());
              await(mayEnd);
            });
    itself.set(worker);
    told.countDown();
    assertThat(worker.isCurrent()).isFalse();
    assertThat(worker.joinBefore(A_WHILE)).isFalse();
    mayEnd.countDown();
    worker.join();
    assertThat(worker.joinBefore(0)).isTrue();
    assertThat(name).hasValue("some-work");
    assertThat(current).hasValue(true);
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aThreadIsUsedAgain() throws InterruptedException {
    AtomicReference<Thread> first = new AtomicReference<>();
    Worker.start("one", () -> first.set(Thread.currentThread())).join();
    boolean again = false;
    for (int i = 0; i < 100 && !again; i++) {
      TimeUnit.MILLISECONDS.sleep(1); // until it waits for more
      AtomicReference<Thread> next = new AtomicReference<>();
      Worker.start("two", () -> next.set(Thread.currentThread())).join();
      again = next.get() == first.get();
    }
    assertThat(again).isTrue();
  }

  @Test
  void anInterruptDuringTheWaitIsKeptForLater() {
    CountDownLatch mayEnd = new CountDownLatch(1);
    Worker worker = Worker.start("waited-for", () -> await(mayEnd));
    Thread.currentThread().interrupt();
    assertThat(worker.joinBefore(A_WHILE)).isFalse();
    assertThat(Thread.interrupted()).isTrue();
    mayEnd.countDown();
    worker.join();
  }

  @Test
  void workThatFailsHasEndedToo() {
    Worker worker =
        Worker.start(
            "failing",
            () -> {
              Thread.currentThread().setUncaughtExceptionHandler((thread, failure) -> {});
              throw new IllegalStateException("expected");
            });
    worker.join();
    assertThat(worker.joinBefore(0)).isTrue();
  }

  @Test
  void twoThingsAreDoneAtTheSameTime() {
    CountDownLatch own = new CountDownLatch(1);
    CountDownLatch beside = new CountDownLatch(1);
    Thread caller = Thread.currentThread();
    AtomicReference<Thread> ownThread = new AtomicReference<>();
    AtomicReference<Thread> otherThread = new AtomicReference<>();
    Worker.runBeside(
        "beside",
        () -> {
          otherThread.set(Thread.currentThread());
          beside.countDown();
          await(own);
        },
        () -> {
          ownThread.set(Thread.currentThread());
          own.countDown();
          await(beside);
        });
    assertThat(ownThread).hasValue(caller);
    assertThat(otherThread.get()).isNotNull().isNotSameAs(caller);
  }

  @Test
  void ofTwoThingsTheOneThatFailsIsReportedOnceTheOtherHasEnded() {
    AtomicReference<Boolean> ended = new AtomicReference<>(false);
    Runnable slow =
        () -> {
          pause();
          ended.set(true);
        };
    Runnable failing =
        () -> {
          throw new IllegalStateException("no");
        };
    assertThatThrownBy(() -> Worker.runBeside("beside", slow, failing))
        .isInstanceOf(IllegalStateException.class);
    assertThat(ended).hasValue(true);
    ended.set(false);
    assertThatThrownBy(() -> Worker.runBeside("beside", failing, slow))
        .isInstanceOf(IllegalStateException.class);
    assertThat(ended).hasValue(true);
    assertThatThrownBy(
            () ->
                Worker.runBeside(
                    "beside",
                    () -> {
                      throw new OutOfMemoryError("an error, not an exception");
                    },
                    slow))
        .isInstanceOf(OutOfMemoryError.class);
  }

  private static void pause() {
    try {
      TimeUnit.NANOSECONDS.sleep(A_WHILE);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
