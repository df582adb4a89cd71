package dev.torpor.vmm.device.virtio;

/** Feature bits that do not depend on the kind of device (6). */
public final class VirtioFeatures {
  /** A descriptor may name a table of further descriptors (VIRTIO_F_INDIRECT_DESC). */
  public static final long INDIRECT_DESCRIPTORS = 1L << 28;

  /** Both sides say after which index they want to be notified (VIRTIO_F_EVENT_IDX). */
  public static final long EVENT_INDEX = 1L << 29;

  /** The device complies with version 1 of the specification or later (VIRTIO_F_VERSION_1). */
  public static final long VERSION_1 = 1L << 32;

  private VirtioFeatures() {}
}
