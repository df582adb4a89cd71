package dev.torpor.vmm.checkpoint;

/**
 * A machine's clock at the capture.
 *
 * @param kvmclockNanos what kvmclock showed, in nanoseconds
 * @param realtimeNanos what the host's wall clock showed, in nanoseconds since 1970
 */
public record ClockState(long kvmclockNanos, long realtimeNanos) {}
