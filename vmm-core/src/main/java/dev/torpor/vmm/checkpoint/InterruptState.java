package dev.torpor.vmm.checkpoint;

import dev.torpor.vmm.device.StateBytes;

/**
 * A machine's interrupt controllers and timer in the kernel, as it lays them out.
 *
 * @param picMaster the first 8259A
 * @param picSlave the second 8259A
 * @param ioApic the I/O APIC
 * @param pit the 8254
 */
public record InterruptState(
    StateBytes picMaster, StateBytes picSlave, StateBytes ioApic, StateBytes pit) {}
