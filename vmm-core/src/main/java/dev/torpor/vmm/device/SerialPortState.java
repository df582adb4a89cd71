package dev.torpor.vmm.device;

/**
 * What a {@link SerialPort} holds.
 *
 * @param interruptEnable IER, 4 bits
 * @param fifoControl FCR without its clear bits
 * @param lineControl LCR
 * @param modemControl MCR, 5 bits
 * @param lineErrors the error bits of LSR that the guest has not read
 * @param modemDeltas the change bits of MSR that the guest has not read
 * @param scratch SCR
 * @param divisor the divisor latch, 16 bits
 * @param transmitterEmptyPending whether the guest is still to learn, by interrupt, that the
 *     transmitter is empty. Lost, it leaves a guest that sends by interrupt silent for ever.
 * @param received the receive FIFO, oldest first, at most 16 bytes
 * @param waiting input that has not reached the FIFO, oldest first
 */
public record SerialPortState(
    int interruptEnable,
    int fifoControl,
    int lineControl,
    int modemControl,
    int lineErrors,
    int modemDeltas,
    int scratch,
    int divisor,
    boolean transmitterEmptyPending,
    StateBytes received,
    StateBytes waiting) {}
