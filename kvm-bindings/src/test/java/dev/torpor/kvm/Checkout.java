package dev.torpor.kvm;

import java.nio.file.Files;
import java.nio.file.Path;

/** Where the sources lie, whatever folder the tests were started in. */
public final class Checkout {
  private Checkout() {}

  /** A file or folder of the checkout, by its path from the root. */
  public static Path path(String fromRoot) {
    Path folder = Path.of("").toAbsolutePath();
    while (!Files.exists(folder.resolve("native/abi/probe.c"))) {
      folder = folder.getParent();
      if (folder == null) {
        throw new AssertionError("run the tests inside a checkout: native/abi/probe.c is missing");
      }
    }
    return folder.resolve(fromRoot);
  }
}
