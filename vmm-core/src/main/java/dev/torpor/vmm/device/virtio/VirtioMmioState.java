package dev.torpor.vmm.device.virtio;

import java.util.List;

/**
 * A transport at one instant, while its event loop is quiesced.
 *
 * @param status the device status field, with DEVICE_NEEDS_RESET (2.1)
 * @param driverFeatures the features that the driver has accepted so far
 * @param deviceFeaturesSelector the last value written to DeviceFeaturesSel
 * @param driverFeaturesSelector the last value written to DriverFeaturesSel
 * @param queueSelector the last value written to QueueSel
 * @param interruptStatus the interrupt reasons that the driver has not acknowledged
 * @param configGeneration how often the configuration space has changed
 * @param queues the state of each queue, in order
 */
public record VirtioMmioState(
    int status,
    long driverFeatures,
    int deviceFeaturesSelector,
    int driverFeaturesSelector,
    int queueSelector,
    int interruptStatus,
    int configGeneration,
    List<VirtQueueState> queues) {

  /** Copies the list. */
  public VirtioMmioState {
    queues = List.copyOf(queues);
  }
}
