package dev.torpor.vmm.device;

/**
 * What a {@link RealTimeClock} holds.
 *
 * @param selectedRegister the register that the data port reaches, 0 to 127
 * @param cmos all 128 bytes; the bytes of the time count only while the guest is setting it
 * @param offsetMillis how far the guest's clock is ahead of the host's, in milliseconds
 */
public record RealTimeClockState(int selectedRegister, StateBytes cmos, long offsetMillis) {}
