package dev.torpor.vmm.checkpoint;

/**
 * A model-specific register.
 *
 * @param index its number
 * @param value what it holds
 */
public record MsrValue(int index, long value) {
  @Override
  public String toString() {
    return "MSR 0x%x=0x%x".formatted(index, value);
  }
}
