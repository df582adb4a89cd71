package dev.torpor.vmm.device.virtio;

/**
 * A queue at one instant, while nothing processes it: what the driver set up, and how far the
 * device has come. The rings themselves are in guest memory.
 *
 * @param size the number of descriptors that the driver chose; unchecked until activation
 * @param ready whether the driver has enabled the queue
 * @param descriptorTable the guest physical address of the descriptor table (2.7.5)
 * @param availableRing the guest physical address of the available ring (2.7.6)
 * @param usedRing the guest physical address of the used ring (2.7.8)
 * @param nextAvailable the free-running index of the next request to take, from 0 to 65535
 * @param nextUsed the free-running index of the next request to complete, from 0 to 65535
 */
public record VirtQueueState(
    int size,
    boolean ready,
    long descriptorTable,
    long availableRing,
    long usedRing,
    int nextAvailable,
    int nextUsed) {

  /** Checks the indices; the rest is the driver's, and checked when the queue is activated. */
  public VirtQueueState {
    if (nextAvailable >>> Short.SIZE != 0 || nextUsed >>> Short.SIZE != 0) {
      throw new IllegalArgumentException(
          "queue indices available=%d, used=%d: must be from 0 to 65535"
              .formatted(nextAvailable, nextUsed));
    }
  }
}
