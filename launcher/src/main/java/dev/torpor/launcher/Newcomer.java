package dev.torpor.launcher;

import dev.torpor.snapshot.Store;
import dev.torpor.vmm.device.SerialOutput;
import dev.torpor.vmm.vm.Vm;
import java.io.IOException;
import java.util.Optional;

/**
 * A VM that is about to run in the foreground.
 *
 * @param name what it is called
 * @param store where its checkpoints go; empty if it takes none and is not controlled by others
 * @param maker makes it, once its name is claimed and its console is there
 */
record Newcomer(String name, Optional<Store> store, Maker maker) {
  /** Makes a VM. */
  @FunctionalInterface
  interface Maker {
    /**
     * Makes it, not running yet.
     *
     * @param console where its serial port prints
     */
    Vm make(SerialOutput console) throws IOException, InterruptedException;
  }

  /** One that can be checkpointed and controlled. */
  static Newcomer inStore(String name, Store store, Maker maker) {
    return new Newcomer(name, Optional.of(store), maker);
  }
}
