package dev.torpor.vmm.checkpoint;

/**
 * How far a checkpoint has come.
 *
 * <pre>{@code
 * CAPTURED --> WRITTEN --> DURABLE
 *     |           |
 *     +-----------+------> FAILED    an error, or cancelled
 * }</pre>
 */
public enum CheckpointStage {
  /** The instant is fixed; the guest runs on. */
  CAPTURED,
  /** Its images are in files of the store, so that VMs can be made of it; a crash may lose it. */
  WRITTEN,
  /** Published: it survives a crash, and the store lists it. */
  DURABLE,
  /** There is no such checkpoint, and never will be. What it held is in the next one. */
  FAILED
}
