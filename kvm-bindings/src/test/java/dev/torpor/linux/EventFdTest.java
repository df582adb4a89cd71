package dev.torpor.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.linux.abi.Native;
import dev.torpor.testing.Allocation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/** An eventfd counts signals until they are taken. */
class EventFdTest {
  private static final MethodHandle WRITE =
      Native.link("write", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG);

  @AutoClose private final EventFd event = EventFd.create();

  @Test
  void takingReturnsTheSignalsSinceTheLastTime() {
    assertThat(event.take()).isZero();
    event.signal();
    event.signal();
    event.signal();
    assertThat(event.take()).isEqualTo(3);
    assertThat(event.take()).isZero();
  }

  @Test
  void signalsOfManyThreadsAreAllCounted() throws InterruptedException {
    Thread[] threads = new Thread[4];
    for (int i = 0; i < threads.length; i++) {
      threads[i] = Thread.ofPlatform().start(() -> signalOften(1000));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(event.take()).isEqualTo(4000);
  }

  private void signalOften(int times) {
    for (int i = 0; i < times; i++) {
      event.signal();
    }
  }

  @Test
  void signallingAFullCounterNeitherBlocksNorFails() throws Throwable {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment most = arena.allocateFrom(JAVA_LONG, -2);
      long written =
          (long)
              WRITE.invokeExact(
                  Native.state(), event.descriptor().number(), most.address(), (long) Long.BYTES);
      assertThat(written).isEqualTo(Long.BYTES);
    }
    event.signal();
    assertThat(event.take()).isEqualTo(-2);
  }

  @Test
  void callsAllocateNothingThoughOneHasFailedBefore() {
    EventFd closed = EventFd.create();
    closed.close();
    assertThatThrownBy(closed::signal).isInstanceOf(LinuxException.class);
    assertThatThrownBy(closed::take).isInstanceOf(LinuxException.class);
    Runnable work =
        () -> {
          for (int i = 0; i < 5_000; i++) {
            event.signal();
            event.take();
          }
        };
    assertThat(Allocation.leastBytesOf(work)).isLessThan(5_000);
  }
}
