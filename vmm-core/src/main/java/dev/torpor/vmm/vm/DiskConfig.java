package dev.torpor.vmm.vm;

import java.nio.file.Path;

/**
 * A disk of the guest.
 *
 * @param path a raw image file or a block device
 * @param readOnly whether the guest may only read it
 */
public record DiskConfig(Path path, boolean readOnly) {}
