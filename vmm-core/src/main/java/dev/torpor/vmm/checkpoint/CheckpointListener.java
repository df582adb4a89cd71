package dev.torpor.vmm.checkpoint;

/** Is told of a VM's checkpoints as they come along. */
@FunctionalInterface
public interface CheckpointListener {
  /** Hears nothing. */
  CheckpointListener NONE = _ -> {};

  /**
   * A checkpoint has come to a stage. Called in the order of the stages and, for one stage, in the
   * order of the checkpoints; on the thread that got it there, which should not be held up and must
   * not call the VM.
   *
   * @param checkpoint the checkpoint; {@link Checkpoint#stage()} says which stage
   */
  void reached(Checkpoint checkpoint);
}
