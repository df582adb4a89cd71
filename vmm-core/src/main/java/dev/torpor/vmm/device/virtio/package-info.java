/**
 * Virtio 1.2 devices: split virtqueues, the MMIO transport, and the devices behind it.
 *
 * <p>Section numbers are those of the OASIS Virtual I/O Device specification, version 1.2. The
 * driver is hostile: whatever it writes is read once and checked, and the worst that it achieves is
 * a device that needs a reset.
 */
package dev.torpor.vmm.device.virtio;
