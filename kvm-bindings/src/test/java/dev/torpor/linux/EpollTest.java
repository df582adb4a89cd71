package dev.torpor.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/** Epoll tells which descriptors are readable, by their tokens. */
class EpollTest {
  @AutoClose private final Epoll epoll = Epoll.create();
  @AutoClose private final EventFd event = EventFd.create();

  @Test
  void aReadableDescriptorIsFoundByItsTokenUntilItIsRead() {
    epoll.add(event.descriptor(), 0xfedc_ba98_7654_3210L);
    assertThat(epoll.await(0)).isZero();
    event.signal();
    assertThat(epoll.await(-1)).isEqualTo(1);
    assertThat(epoll.token(0)).isEqualTo(0xfedc_ba98_7654_3210L);
    assertThat(epoll.await(0)).as("it is readable still").isEqualTo(1);
    event.take();
    assertThat(epoll.await(0)).isZero();
  }

  @Test
  void aRemovedDescriptorIsNotFound() {
    epoll.add(event.descriptor(), 1);
    event.signal();
    epoll.remove(event.descriptor());
    assertThat(epoll.await(0)).isZero();
  }

  @Test
  void addingTwiceAndRemovingWhatIsNotWatchedAreErrors() {
    assertThatThrownBy(() -> epoll.remove(event.descriptor()))
        .isInstanceOf(LinuxException.class)
        .hasMessageContaining("ENOENT");
    epoll.add(event.descriptor(), 1);
    assertThatThrownBy(() -> epoll.add(event.descriptor(), 2))
        .isInstanceOf(LinuxException.class)
        .hasMessageContaining("EEXIST")
        .hasMessageContaining("watched " + event.descriptor());
  }

  @Test
  void waitingEndsWhenAnotherThreadSignals() throws InterruptedException {
    epoll.add(event.descriptor(), 1);
    Thread signaller = Thread.ofPlatform().start(event::signal);
    assertThat(epoll.await(10_000)).isEqualTo(1);
    signaller.join();
  }

  @Test
  void waitingEndsWhenTheTimeRunsOut() {
    epoll.add(event.descriptor(), 1);
    long before = System.nanoTime();
    assertThat(epoll.await(20)).isZero();
    assertThat(System.nanoTime() - before).isGreaterThanOrEqualTo(20_000_000L);
  }

  @Test
  void manyReadableDescriptorsAreFoundInSeveralRounds() {
    List<EventFd> events = new ArrayList<>();
    Set<Long> found = new HashSet<>();
    try {
      for (int i = 0; i < 100; i++) {
        events.add(EventFd.create());
        epoll.add(events.get(i).descriptor(), i);
        events.get(i).signal();
      }
      for (int round = 0; round < 2; round++) {
        int count = epoll.await(0);
        assertThat(count).isEqualTo(round == 0 ? 64 : 36);
        for (int i = 0; i < count; i++) {
          found.add(epoll.token(i));
          events.get((int) epoll.token(i)).take();
        }
      }
      assertThat(found).hasSize(100);
    } finally {
      events.forEach(EventFd::close);
    }
  }
}
