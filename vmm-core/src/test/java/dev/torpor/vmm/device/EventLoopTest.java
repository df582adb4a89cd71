package dev.torpor.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.linux.EventFd;
import dev.torpor.testing.Allocation;
import dev.torpor.testing.ProcessResources;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class EventLoopTest {
  private final BlockingQueue<Throwable> failures = new LinkedBlockingQueue<>();
  private final EventLoop loop = new EventLoop("test-loop", failures::add);
  private final EventFd eventFd = EventFd.create();

  @AfterEach
  void close() {
    loop.close();
    eventFd.close();
  }

  @Test
  void aSignalRunsTheHandlerOnTheLoopsThread() throws InterruptedException {
    BlockingQueue<String> threads = new LinkedBlockingQueue<>();
    loop.register(eventFd, () -> threads.add(Thread.currentThread().getName()));

    eventFd.signal();

    assertThat(threads.poll(5, TimeUnit.SECONDS)).isEqualTo("test-loop");
  }

  @Test
  void aSignalFromBeforeTheRegistrationIsHandled() throws InterruptedException {
    eventFd.signal();
    CountDownLatch handled = new CountDownLatch(1);

    loop.register(eventFd, handled::countDown);

    assertThat(handled.await(5, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void aHandlerThatThrowsIsReportedAndTheLoopGoesOn() throws InterruptedException {
    AtomicInteger runs = new AtomicInteger();
    loop.register(
        eventFd,
        () -> {
          throw new IllegalStateException("failure " + runs.incrementAndGet());
        });

    eventFd.signal();
    assertThat(failures.poll(5, TimeUnit.SECONDS)).hasMessage("failure 1");
    eventFd.signal();
    assertThat(failures.poll(5, TimeUnit.SECONDS)).hasMessage("failure 2");
  }

  @Test
  void unregisterWaitsForTheRunningHandler() throws InterruptedException {
    CountDownLatch entered = new CountDownLatch(1);
    AtomicBoolean finished = new AtomicBoolean();
    loop.register(
        eventFd,
        () -> {
          entered.countDown();
          pause(50);
          finished.set(true);
        });
    eventFd.signal();
    entered.await();

    loop.unregister(eventFd);

    assertThat(finished).isTrue();
    eventFd.signal();
    pause(20);
    assertThat(eventFd.take()).as("left for whoever registers next").isEqualTo(1);
  }

  @Test
  void aHandlerMayUnregisterItself() throws InterruptedException {
    AtomicInteger runs = new AtomicInteger();
    CountDownLatch ran = new CountDownLatch(1);
    loop.register(
        eventFd,
        () -> {
          runs.incrementAndGet();
          loop.unregister(eventFd);
          ran.countDown();
        });

    eventFd.signal();
    ran.await();
    eventFd.signal();
    pause(20);

    assertThat(runs).hasValue(1);
  }

  @Test
  void oneEventFdHasOneHandler() {
    loop.register(eventFd, () -> {});

    assertThatThrownBy(() -> loop.register(eventFd, () -> {}))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining(eventFd.descriptor().toString());
  }

  @Test
  void aHandlerMayNeitherQuiesceNorCloseItsLoop() throws InterruptedException {
    loop.register(eventFd, loop::quiesce);
    eventFd.signal();
    assertThat(failures.poll(5, TimeUnit.SECONDS)).hasMessageContaining("may not quiesce");
    loop.unregister(eventFd);

    loop.register(eventFd, loop::close);
    eventFd.signal();
    assertThat(failures.poll(5, TimeUnit.SECONDS)).hasMessageContaining("may not close");
  }

  @Test
  void eventsAllocateNothingOnceWarm() {
    AtomicLong handled = new AtomicLong();
    AtomicLong allocated = new AtomicLong();
    loop.register(
        eventFd,
        () -> {
          allocated.set(Allocation.ofThisThread());
          handled.incrementAndGet();
        });

    // Warm is when the compiler is done, which takes longer on a busy machine.
    long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
    int rounds = 5_000;
    long before;
    do {
      before = allocated.get();
      for (int i = 0; i < rounds; i++) {
        long expected = handled.get() + 1;
        eventFd.signal();
        await(() -> handled.get() == expected, "event " + expected);
      }
    } while (allocated.get() - before >= rounds && System.nanoTime() < deadline);

    assertThat((allocated.get() - before) / rounds).as("bytes for an event").isZero();
  }

  @Test
  void closingEndsAQuiescedLoopAndReleasesEverything() throws InterruptedException {
    try (EventLoop warm = new EventLoop("warm")) {
      warm.register(eventFd, () -> {});
      warm.unregister(eventFd);
    }
    CountDownLatch handled = new CountDownLatch(1); // once its thread has come, and has its name
    loop.register(eventFd, handled::countDown);
    eventFd.signal();
    assertThat(handled.await(5, TimeUnit.SECONDS)).isTrue();
    loop.unregister(eventFd);
    ProcessResources before = ProcessResources.count("");
    EventLoop closed = new EventLoop("closed");
    closed.register(eventFd, () -> {});
    closed.quiesce();
    eventFd.signal();

    closed.close();
    closed.close();

    ProcessResources after = ProcessResources.count("");
    assertThat(after.fileDescriptors()).isEqualTo(before.fileDescriptors());
    assertThat(Thread.getAllStackTraces().keySet())
        .extracting(Thread::getName)
        .contains("test-loop")
        .doesNotContain("closed");
    assertThatThrownBy(() -> closed.register(eventFd, () -> {}))
        .isInstanceOf(IllegalStateException.class);
    closed.unregister(eventFd);
  }

  /** One eventfd whose handler notes what had been published when it ran. */
  private static final class Channel {
    final EventFd eventFd = EventFd.create();
    final AtomicLong published = new AtomicLong();
    final AtomicLong seen = new AtomicLong();

    void publish() {
      published.incrementAndGet();
      eventFd.signal();
    }
  }

  @Test
  void randomPausesHandleNothingWhileQuiescedAndLoseNothing() throws InterruptedException {
    long seed = System.nanoTime();
    AtomicBoolean quiesced = new AtomicBoolean();
    AtomicInteger handledWhileQuiesced = new AtomicInteger();
    List<Channel> channels = Stream.generate(Channel::new).limit(5).toList();
    for (Channel channel : channels) {
      loop.register(
          channel.eventFd,
          () -> {
            channel.seen.set(channel.published.get());
            if (quiesced.get()) {
              handledWhileQuiesced.incrementAndGet();
            }
          });
    }
    for (int sequence = 0; sequence < 200; sequence++) {
      long sequenceSeed = seed + sequence;
      Thread signaller = Thread.ofPlatform().start(() -> publish(channels, sequenceSeed));
      pauseAtRandom(quiesced, new Random(~sequenceSeed));
      signaller.join();
      assertThat(handledWhileQuiesced).as("seed %d", sequenceSeed).hasValue(0);
      await(
          () -> channels.stream().allMatch(c -> c.seen.get() == c.published.get()),
          "seed " + sequenceSeed);
    }
    assertThat(failures).isEmpty();
    channels.forEach(channel -> loop.unregister(channel.eventFd));
    channels.forEach(channel -> channel.eventFd.close());
  }

  private static void publish(List<Channel> channels, long seed) {
    Random random = new Random(seed);
    for (int i = random.nextInt(100); i > 0; i--) {
      channels.get(random.nextInt(channels.size())).publish();
    }
  }

  private void pauseAtRandom(AtomicBoolean quiesced, Random random) {
    for (int i = random.nextInt(1, 8); i > 0; i--) {
      loop.quiesce();
      quiesced.set(true);
      if (random.nextBoolean()) {
        loop.quiesce();
      }
      if (random.nextInt(4) == 0) {
        pause(1);
      }
      quiesced.set(false);
      loop.resume();
    }
  }

  private static void await(BooleanSupplier condition, String what) {
    long deadline = System.nanoTime() + Duration.ofSeconds(5).toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("gave up waiting: %s", what).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
