package dev.torpor.vmm.checkpoint;

import dev.torpor.snapshot.Image;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * A point of a VM's history that its next checkpoint can follow.
 *
 * @param checkpoint which checkpoint that is; empty for the machine as it was built
 * @param memory its memory
 * @param disks the disks that are written to, in order
 */
public record Position(Optional<UUID> checkpoint, Image memory, List<Image> disks) {}
