package dev.torpor.vmm.vm;

/**
 * Where a VM is in its life.
 *
 * <pre>{@code
 * CREATED --start--> RUNNING <--pause, resume--> PAUSED
 *    |                  |                           |
 *    +------------------+----------> STOPPED <------+    the guest ended, or stop()
 *                                       |
 *                                    CLOSED              from everywhere, by close()
 * }</pre>
 */
public enum VmState {
  /** Built; no guest code has run. */
  CREATED,
  /** Its vCPUs run. */
  RUNNING,
  /** Every vCPU is out of the guest and no device is at work. */
  PAUSED,
  /** It has ended; its memory can still be read. */
  STOPPED,
  /** Everything it held is given back. */
  CLOSED
}
