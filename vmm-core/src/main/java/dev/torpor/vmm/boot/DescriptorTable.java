package dev.torpor.vmm.boot;

/**
 * A descriptor table register: GDTR or IDTR.
 *
 * @param base the table's address
 * @param limit its size in bytes, less one
 */
public record DescriptorTable(long base, int limit) {
  /** A table without entries: every interrupt is fatal. */
  public static final DescriptorTable EMPTY = new DescriptorTable(0, 0);
}
