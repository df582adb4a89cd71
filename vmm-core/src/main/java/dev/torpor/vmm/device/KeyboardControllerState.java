package dev.torpor.vmm.device;

/**
 * What a {@link KeyboardController} holds.
 *
 * @param configuration the configuration byte
 * @param awaitingDataOf the command that takes the next data byte; 0 for none
 * @param output the byte that the guest has not read; -1 for none
 * @param lastWriteWasCommand whether the guest last wrote to the command port
 */
public record KeyboardControllerState(
    int configuration, int awaitingDataOf, int output, boolean lastWriteWasCommand) {}
