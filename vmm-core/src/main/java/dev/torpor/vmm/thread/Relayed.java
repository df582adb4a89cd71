package dev.torpor.vmm.thread;

/** Failures that one thread has met, on their way to the thread that waits for its work. */
public final class Relayed {
  private Relayed() {}

  /**
   * Makes what work failed with fit to be thrown again.
   *
   * @param failure what it threw, unchecked
   * @return the same, if it is no error
   * @throws Error if it is one
   */
  public static RuntimeException unchecked(Throwable failure) {
    return switch (failure) {
      case RuntimeException e -> e;
      case Error e -> throw e;
      default -> throw new AssertionError("work that declares no checked exception", failure);
    };
  }
}
