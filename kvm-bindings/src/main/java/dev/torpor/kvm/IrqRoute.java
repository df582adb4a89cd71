package dev.torpor.kvm;

/**
 * Where one global system interrupt goes (section 4.52). A GSI may have a route to each of the PICs
 * and the I/O APIC at once.
 */
public sealed interface IrqRoute {
  /**
   * The interrupt.
   *
   * @return the GSI
   */
  int gsi();

  /**
   * To a pin of a chip.
   *
   * @param gsi the GSI
   * @param chip the chip
   * @param pin its pin: 0 to 7 of a PIC, 0 to 23 of the I/O APIC
   */
  record Pin(int gsi, IrqChip.Id chip, int pin) implements IrqRoute {}

  /**
   * To a message.
   *
   * @param gsi the GSI
   * @param address the message's address
   * @param data the message's data
   */
  record Message(int gsi, long address, int data) implements IrqRoute {}
}
