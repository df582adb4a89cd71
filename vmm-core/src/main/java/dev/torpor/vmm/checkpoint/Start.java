package dev.torpor.vmm.checkpoint;

import dev.torpor.snapshot.CheckpointHold;
import java.util.Optional;

/**
 * Where a machine stands that has just been built.
 *
 * @param position the point of history
 * @param hold keeps its layers, and belongs to who takes this; empty if it has none
 * @param pending its checkpoint, if that is not published yet: its layers are kept until it is
 */
public record Start(
    Position position, Optional<CheckpointHold> hold, Optional<Checkpoint> pending) {}
