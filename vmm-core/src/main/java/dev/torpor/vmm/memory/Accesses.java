package dev.torpor.vmm.memory;

import java.util.concurrent.locks.StampedLock;

/**
 * Java accesses to one guest memory. While somebody answers its page faults, a guard is asked
 * before each, on the calling thread, and what it made accessible stays so until the access is
 * over. Without a guard an access costs one load more. Safe from every thread.
 *
 * <pre>{@code
 * long stamp = accesses.beginRead(offset, byteCount);
 * try {
 *   ...
 * } finally {
 *   accesses.end(stamp);
 * }
 * }</pre>
 */
final class Accesses {
  /** Held for reading by guarded accesses, for writing by who makes pages inaccessible. */
  private final StampedLock lock = new StampedLock();

  /** Null while no page can fault to this process. */
  private volatile AccessGuard guard;

  StampedLock lock() {
    return lock;
  }

  /** Who is asked, or null. */
  AccessGuard guard() {
    return guard;
  }

  /**
   * Has a guard asked before every access that begins from now on; null for none. The VM is paused,
   * or has not begun: an access that is under way is not waited for.
   */
  void setGuard(AccessGuard newGuard) {
    long stamp = lock.writeLock();
    try {
      guard = newGuard;
    } finally {
      lock.unlockWrite(stamp);
    }
  }

  /** Begins to read a range of backing offsets; the result is for {@link #end}. */
  long beginRead(long offset, long byteCount) {
    return guard == null ? 0 : beginGuarded(offset, byteCount, false);
  }

  /** Begins to write a range of backing offsets; the result is for {@link #end}. */
  long beginWrite(long offset, long byteCount) {
    return guard == null ? 0 : beginGuarded(offset, byteCount, true);
  }

  private long beginGuarded(long offset, long byteCount, boolean write) {
    long stamp = lock.readLock();
    try {
      AccessGuard asked = guard;
      if (asked != null && byteCount != 0) {
        if (write) {
          asked.beforeWrite(offset, byteCount);
        } else {
          asked.beforeRead(offset, byteCount);
        }
      }
      return stamp;
    } catch (RuntimeException | Error e) {
      lock.unlockRead(stamp);
      throw e;
    }
  }

  void end(long stamp) {
    if (stamp != 0) {
      lock.unlockRead(stamp);
    }
  }
}
