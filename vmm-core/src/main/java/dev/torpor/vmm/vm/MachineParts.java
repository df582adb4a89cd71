package dev.torpor.vmm.vm;

import dev.torpor.vmm.checkpoint.RestoredMemory;
import dev.torpor.vmm.device.SerialOutput;
import dev.torpor.vmm.memory.TrackerKind;

/**
 * What a machine's state does not hold and is given to it when it is built again.
 *
 * @param name for threads and messages
 * @param console where its serial port prints
 * @param dirtyTracker how it learns which pages of memory are written
 * @param disks what its disks are kept in, as many as it had; the machine closes them
 * @param memory its memory, of the state's size; the machine closes it
 */
record MachineParts(
    String name,
    SerialOutput console,
    TrackerKind dirtyTracker,
    MachineDisks disks,
    RestoredMemory memory) {}
