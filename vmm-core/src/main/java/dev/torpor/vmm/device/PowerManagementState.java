package dev.torpor.vmm.device;

/**
 * What a {@link PowerManagement} holds.
 *
 * @param status the PM1 status register, 16 bits
 * @param enable the PM1 enable register, 16 bits
 * @param control the PM1 control register, 16 bits
 * @param resetControl the reset control register, 8 bits
 */
public record PowerManagementState(int status, int enable, int control, int resetControl) {}
