package dev.torpor.vmm.vm;

import java.util.ArrayDeque;
import java.util.Deque;

/** Closes what was opened, in the reverse order, whatever fails on the way. */
final class CloseStack implements AutoCloseable {
  private final Deque<Runnable> actions = new ArrayDeque<>();

  /** Adds something that will be closed before everything added so far. */
  <T extends AutoCloseable> T own(T resource) {
    actions.push(() -> closeUnchecked(resource));
    return resource;
  }

  private static void closeUnchecked(AutoCloseable resource) {
    try {
      resource.close();
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException("closing " + resource, e);
    }
  }

  @Override
  public void close() {
    RuntimeException first = null;
    while (!actions.isEmpty()) {
      try {
        actions.pop().run();
      } catch (RuntimeException e) {
        if (first == null) {
          first = e;
        } else {
          first.addSuppressed(e);
        }
      }
    }
    if (first != null) {
      throw first;
    }
  }
}
