package dev.torpor.vmm.memory;

/**
 * Asked before Java code touches guest memory that a userfaultfd answers for. A Java load or store
 * that faulted there would stop in the middle of Java code, where no safepoint is reached, while
 * the thread that answers the fault may be waiting for one.
 *
 * <p>Called with the memory's access lock held for reading, which keeps what was made accessible so
 * until the access is over. Ranges lie inside the memory and are not empty.
 */
interface AccessGuard {
  /** Returns once every page of the range is present; {@code offset} is a backing offset. */
  void beforeRead(long offset, long byteCount);

  /** Returns once every page of the range is present and not protected against writes. */
  void beforeWrite(long offset, long byteCount);
}
