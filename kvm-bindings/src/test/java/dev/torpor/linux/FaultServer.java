package dev.torpor.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/** A Java thread that answers the faults of a userfaultfd, and remembers them. */
final class FaultServer implements AutoCloseable {
  private static final long STOP = 0;
  private static final long FAULT = 1;

  private final UserFaultFd source;
  private final Consumer<Fault> answer;
  private final Epoll epoll = Epoll.create();
  private final EventFd stop = EventFd.create();
  private final List<Fault> faults = new CopyOnWriteArrayList<>();
  private final List<Throwable> failures = new CopyOnWriteArrayList<>();
  private final Thread thread;

  /** A page fault: its flags, and its page's HVA. */
  record Fault(long flags, long address) {}

  FaultServer(UserFaultFd source, Consumer<Fault> answer) {
    this.source = source;
    this.answer = answer;
    epoll.add(stop.descriptor(), STOP);
    epoll.add(source.descriptor(), FAULT);
    thread = Thread.ofPlatform().name("fault-server").start(this::serve);
  }

  private void serve() {
    UserFaultFd.Messages messages = new UserFaultFd.Messages();
    while (true) {
      int found = epoll.await(-1);
      for (int i = 0; i < found; i++) {
        if (epoll.token(i) == STOP) {
          return;
        }
      }
      int count = messages.read(source);
      for (int i = 0; i < count; i++) {
        answer(messages, i);
      }
    }
  }

  private void answer(UserFaultFd.Messages messages, int index) {
    try {
      assertThat(messages.event(index)).isEqualTo(UserFaultFd.EVENT_PAGEFAULT);
      Fault fault = new Fault(messages.faultFlags(index), messages.faultAddress(index));
      faults.add(fault);
      answer.accept(fault);
    } catch (AssertionError | LinuxException e) {
      failures.add(e);
    }
  }

  /** What was answered so far. */
  List<Fault> faults() {
    return faults;
  }

  @Override
  public void close() {
    stop.signal();
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new AssertionError("a fault is still being answered", e);
    }
    epoll.close();
    stop.close();
    assertThat(failures).isEmpty();
  }
}
