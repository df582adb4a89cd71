package dev.torpor.vmm.device.virtio;

import dev.torpor.linux.LinuxException;

/**
 * What a disk's sectors are kept in. Ranges lie inside {@link #byteSize()} and are whole sectors of
 * 512 bytes in total, but a single transfer may be any part of one. Called by one thread at a time.
 *
 * <p>Data move straight between the backend and native memory, usually the guest's, by system calls
 * only: a page that is missing there must be brought in while the thread is in its native state.
 *
 * <p>Whatever an operation throws, the guest sees as an I/O error of the one request.
 */
public interface BlockBackend extends AutoCloseable {
  /**
   * How large the disk is.
   *
   * @return the size in bytes, a positive multiple of 512; always the same
   */
  long byteSize();

  /**
   * Whether the disk can only be read.
   *
   * @return whether it is read-only; then nothing but {@link #read} is called
   */
  boolean readOnly();

  /**
   * Reads.
   *
   * @param offset where on the disk, in bytes
   * @param hva where to
   * @param byteCount how many bytes
   * @throws LinuxException if they could not all be read
   */
  void read(long offset, long hva, long byteCount);

  /**
   * Writes. May be lost until {@link #flush} returns.
   *
   * @param offset where on the disk, in bytes
   * @param hva where from
   * @param byteCount how many bytes
   * @throws LinuxException if they could not all be written; some may be
   */
  void write(long offset, long hva, long byteCount);

  /**
   * Makes everything that was written durable.
   *
   * @throws LinuxException if it could not be
   */
  void flush();

  /**
   * Is told that a range is no longer needed. What it then reads as is undefined; doing nothing is
   * right.
   *
   * @param offset where on the disk, in bytes
   * @param byteCount how many bytes
   * @throws LinuxException on an I/O error
   */
  void discard(long offset, long byteCount);

  /**
   * Makes a range read as zero.
   *
   * @param offset where on the disk, in bytes
   * @param byteCount how many bytes
   * @param mayUnmap whether its blocks may be freed
   * @throws LinuxException if it could not be
   */
  void writeZeroes(long offset, long byteCount, boolean mayUnmap);

  /** Frees what the backend owns. Flushes nothing. */
  @Override
  void close();
}
