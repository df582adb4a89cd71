package dev.torpor.vmm.vm;

import dev.torpor.vmm.device.SerialOutput;
import dev.torpor.vmm.device.virtio.BlockBackend;
import java.util.List;

/**
 * What a machine's state does not hold and is given to it when it is built again.
 *
 * @param name for threads and messages
 * @param console where its serial port prints
 * @param disks what its disks are kept in, as many as it had, in order; the machine closes them
 */
record MachineParts(String name, SerialOutput console, List<BlockBackend> disks) {
  MachineParts {
    disks = List.copyOf(disks);
  }
}
