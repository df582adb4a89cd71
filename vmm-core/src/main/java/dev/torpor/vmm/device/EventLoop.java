package dev.torpor.vmm.device;

import dev.torpor.linux.Epoll;
import dev.torpor.linux.EventFd;
import dev.torpor.vmm.thread.Worker;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One thread on which devices do what the guest has asked for: it waits for eventfds to be
 * signalled and runs the handler of each.
 *
 * <p>The lock is held while a handler runs, and it is fair. So whoever {@linkplain #quiesce
 * quiesces} the loop or takes a handler away waits for one running handler at most, and knows that
 * no other has started. A handler must therefore be short, and must never wait for a vCPU or for
 * another thread that may be waiting here.
 *
 * <p>Signals are not lost: what is signalled while the loop is quiesced stays in the eventfd.
 * Several signals may be handled as one. Safe from every thread.
 */
public final class EventLoop implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(EventLoop.class);
  private static final long WAKE_TOKEN = -1;
  private static final int FOREVER = -1;

  private record Registration(EventFd eventFd, Runnable handler) {}

  private final Consumer<Throwable> failureListener;
  private final Epoll epoll;
  private final EventFd wake;
  private final String name;

  /** Null until the first registration; written under the lock. */
  private volatile Worker worker;

  private final ReentrantLock lock = new ReentrantLock(true);
  private final Condition changed = lock.newCondition();

  /** An epoll token is an index here. Guarded by the lock, as are the fields below. */
  private Registration[] registrations = new Registration[8];

  private boolean quiesced;
  private boolean closed;

  /**
   * Makes a loop that logs the failures of its handlers.
   *
   * @param name the thread's name
   */
  public EventLoop(String name) {
    this(name, failure -> LOG.error("a handler of event loop {} failed", name, failure));
  }

  /**
   * Makes a loop.
   *
   * @param name the thread's name
   * @param failureListener told what a handler threw, on the loop's thread; the loop goes on. If
   *     waiting itself fails, it is told of that too, and the loop has ended
   */
  public EventLoop(String name, Consumer<Throwable> failureListener) {
    this.failureListener = Objects.requireNonNull(failureListener);
    this.epoll = Epoll.create();
    EventFd created = null;
    try {
      created = EventFd.create();
      epoll.add(created.descriptor(), WAKE_TOKEN);
    } catch (RuntimeException | Error e) {
      if (created != null) {
        created.close();
      }
      epoll.close();
      throw e;
    }
    this.wake = created;
    this.name = name;
  }

  /**
   * Runs a handler whenever an eventfd is signalled, and once soon if it is signalled already. The
   * first registration starts the thread.
   *
   * @param eventFd the eventfd, which stays the caller's and open until it is unregistered; only
   *     the loop takes its count meanwhile
   * @param handler what to run on the loop's thread; must not wait for other threads
   * @throws IllegalStateException if the eventfd is registered already, or the loop is closed
   */
  public void register(EventFd eventFd, Runnable handler) {
    Registration registration = new Registration(eventFd, Objects.requireNonNull(handler));
    lock.lock();
    try {
      if (closed) {
        throw new IllegalStateException("event loop " + name + " is closed");
      }
      if (indexOf(eventFd) >= 0) {
        throw new IllegalStateException(
            "event loop " + name + " has a handler for " + eventFd.descriptor());
      }
      int index = freeIndex();
      epoll.add(eventFd.descriptor(), index);
      registrations[index] = registration;
      if (worker == null) {
        worker = Worker.start(name, this::run);
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Takes a handler away. When this returns it neither runs nor will, unless it is the caller.
   *
   * @param eventFd the eventfd; if it isn't registered, nothing happens
   */
  public void unregister(EventFd eventFd) {
    lock.lock();
    try {
      int index = indexOf(eventFd);
      if (index >= 0 && !closed) {
        epoll.remove(eventFd.descriptor());
        registrations[index] = null;
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Stops handling. When this returns no handler runs, and none will until {@link #resume}. A
   * second call does nothing.
   *
   * @throws IllegalStateException if a handler calls it
   */
  public void quiesce() {
    refuseHandlers("quiesce");
    setQuiesced(true);
  }

  /** Goes on handling, beginning with what was signalled meanwhile. */
  public void resume() {
    setQuiesced(false);
  }

  private void setQuiesced(boolean value) {
    lock.lock();
    try {
      quiesced = value;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Whether handling is stopped.
   *
   * @return whether {@link #quiesce} was called after the last {@link #resume}
   */
  public boolean isQuiesced() {
    lock.lock();
    try {
      return quiesced;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Ends the thread, after the handler that it may be running, and frees what the loop owns; the
   * eventfds stay open. A second call does nothing.
   *
   * @throws IllegalStateException if a handler calls it
   */
  @Override
  public void close() {
    refuseHandlers("close");
    lock.lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      changed.signalAll();
      wake.signal();
    } finally {
      lock.unlock();
    }
    if (worker != null) {
      worker.join();
    }
    epoll.close();
    wake.close();
  }

  private void refuseHandlers(String operation) {
    Worker mine = worker;
    if (mine != null && mine.isCurrent()) {
      throw new IllegalStateException(
          "a handler of event loop " + name + " may not " + operation + " it");
    }
  }

  private void run() {
    try {
      boolean open = true;
      while (open) {
        int found = epoll.await(FOREVER);
        for (int i = 0; open && i < found; i++) {
          open = handle(epoll.token(i));
        }
      }
    } catch (Throwable failure) {
      failureListener.accept(failure);
    }
  }

  /**
   * Handles one eventfd that was found signalled; returns whether the loop is open.
   *
   * <p>What was found may be out of date by now. The handler runs only if there is a count to take,
   * so a token that has meanwhile passed to another eventfd does no harm.
   */
  private boolean handle(long token) {
    lock.lock();
    try {
      while (quiesced && !closed) {
        changed.awaitUninterruptibly();
      }
      if (closed) {
        return false;
      }
      Registration registration = token == WAKE_TOKEN ? null : registrations[(int) token];
      if (registration != null && registration.eventFd.take() > 0) {
        registration.handler.run();
      }
    } catch (Throwable failure) {
      failureListener.accept(failure);
    } finally {
      lock.unlock();
    }
    return true;
  }

  private int indexOf(EventFd eventFd) {
    for (int i = 0; i < registrations.length; i++) {
      if (registrations[i] != null && registrations[i].eventFd == eventFd) {
        return i;
      }
    }
    return -1;
  }

  private int freeIndex() {
    for (int i = 0; i < registrations.length; i++) {
      if (registrations[i] == null) {
        return i;
      }
    }
    int index = registrations.length;
    registrations = Arrays.copyOf(registrations, 2 * index);
    return index;
  }
}
