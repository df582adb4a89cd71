package dev.torpor.vmm.device;

/**
 * What a {@link Doorbell} holds.
 *
 * @param progress the counter that the guest wrote last
 * @param echoQuestion what the guest reads from ECHO
 * @param echoAnswer what the guest wrote last to ECHO
 * @param detail what the guest wrote last to DETAIL
 */
public record DoorbellState(long progress, long echoQuestion, long echoAnswer, long detail) {}
