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
 * @param disks its disks, in order; those that are never written have no image
 */
record Position(Optional<UUID> checkpoint, Image memory, List<Optional<Image>> disks) {}
