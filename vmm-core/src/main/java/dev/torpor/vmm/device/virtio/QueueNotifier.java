package dev.torpor.vmm.device.virtio;

import dev.torpor.linux.EventFd;

/**
 * How the driver tells the device that a queue has requests. A VM that lets KVM signal the eventfd
 * (KVM_IOEVENTFD) when the guest writes {@code queueIndex}, in 4 bytes, to {@link
 * VirtioMmioTransport#QUEUE_NOTIFY_OFFSET} spares the vCPU an exit to user space.
 *
 * @param queueIndex the queue, and the value that the driver writes
 * @param eventFd owned by the transport
 */
public record QueueNotifier(int queueIndex, EventFd eventFd) {}
