package dev.torpor.vmm.memory;

import dev.torpor.linux.Epoll;
import dev.torpor.linux.EventFd;
import dev.torpor.linux.UserFaultFd;
import dev.torpor.vmm.thread.Worker;
import java.util.ArrayList;
import java.util.List;

/**
 * A stretch of guest memory, the userfaultfd that answers for it, and the thread that does.
 *
 * <p>The thread reads every message before it answers any: a message that tells of a change keeps
 * pages from being supplied until it is read. A fault that cannot be answered yet waits in a row
 * and is tried again. Nothing is allocated on the way.
 */
final class FaultStripe implements AutoCloseable {
  /** Answers the faults of one stripe, on its thread. */
  interface Answers {
    /**
     * Answers a fault.
     *
     * @param page the page that was touched
     * @param protectedPage whether it is there and was written though protected; else it is missing
     * @return whether it is answered; false if it must be tried again
     */
    boolean answer(long page, boolean protectedPage);

    /** Called once for each answered fault, when no other fault is known to wait. */
    void afterwards(long page);
  }

  private static final long STOP = 0;
  private static final long FAULT = 1;

  /** One fault for each thread of the process that can wait at the same time. */
  private static final int MAX_WAITING = 4096;

  private static final int RETRY_MILLIS = 1;

  final long firstPage;
  final long endPage;
  private final long address;
  private final UserFaultFd faults;
  private final Epoll epoll;
  private final EventFd stop;
  private final UserFaultFd.Messages messages = new UserFaultFd.Messages();

  /** Page and kind of each fault that waits, oldest first from {@link #head} on. */
  private final long[] waiting = new long[MAX_WAITING];

  private final long[] answered = new long[MAX_WAITING];
  private int head;
  private int waitingCount;
  private Worker worker;
  private volatile boolean stopping;

  /** Takes over the faults of a range; {@code address} is the HVA of page 0 of the memory. */
  FaultStripe(long address, long firstPage, long endPage, long features, long mode) {
    this.address = address;
    this.firstPage = firstPage;
    this.endPage = endPage;
    List<Runnable> opened = new ArrayList<>();
    try {
      faults = UserFaultFd.open(features);
      opened.add(faults::close);
      epoll = Epoll.create();
      opened.add(epoll::close);
      stop = EventFd.create();
      opened.add(stop::close);
      epoll.add(stop.descriptor(), STOP);
      epoll.add(faults.descriptor(), FAULT);
      faults.register(hva(firstPage), (endPage - firstPage) * MemoryLayout.PAGE_BYTES, mode);
    } catch (RuntimeException | Error e) {
      opened.forEach(Runnable::run);
      throw e;
    }
  }

  void start(Answers answers, String name) {
    worker = Worker.start(name, () -> serve(answers));
  }

  /** The userfaultfd, for supplying and protecting pages from every thread. */
  UserFaultFd faults() {
    return faults;
  }

  long hva(long page) {
    return address + page * MemoryLayout.PAGE_BYTES;
  }

  private void serve(Answers answers) {
    while (!stopping) {
      epoll.await(waitingCount == 0 ? -1 : RETRY_MILLIS);
      readMessages();
      int answeredCount = 0;
      for (int left = waitingCount; left > 0; left--) {
        long fault = waiting[head];
        head = (head + 1) % MAX_WAITING;
        waitingCount--;
        if (answers.answer(fault >>> 1, (fault & 1) != 0)) {
          answered[answeredCount++] = fault >>> 1;
        } else {
          append(fault);
        }
      }
      for (int i = 0; i < answeredCount; i++) {
        answers.afterwards(answered[i]);
      }
    }
  }

  private void readMessages() {
    boolean more = true;
    while (more && waitingCount + UserFaultFd.Messages.CAPACITY <= MAX_WAITING) {
      int count = messages.read(faults);
      for (int i = 0; i < count; i++) {
        if (messages.event(i) == UserFaultFd.EVENT_PAGEFAULT) {
          long page = (messages.faultAddress(i) - address) / MemoryLayout.PAGE_BYTES;
          boolean wp = (messages.faultFlags(i) & UserFaultFd.FLAG_WP) != 0;
          append(page << 1 | (wp ? 1 : 0));
        }
      }
      // What comes now makes the next wait return at once.
      more = count == UserFaultFd.Messages.CAPACITY;
    }
  }

  private void append(long fault) {
    waiting[(head + waitingCount) % MAX_WAITING] = fault;
    waitingCount++;
  }

  /** Ends the thread, once it is done with the fault at hand. */
  void stop() {
    stopping = true;
    stop.signal();
    if (worker != null) {
      worker.join();
    }
  }

  /** Gives the range back to the kernel. The thread has been stopped. */
  @Override
  public void close() {
    faults.close();
    epoll.close();
    stop.close();
  }
}
