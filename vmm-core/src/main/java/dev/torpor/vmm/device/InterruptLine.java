package dev.torpor.vmm.device;

/** A device's wire to the guest's interrupt controllers. Safe from every thread. */
@FunctionalInterface
public interface InterruptLine {
  /** Raises one edge. */
  void raise();
}
