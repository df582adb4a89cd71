package dev.torpor.vmm.boot;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.function.Function;

/** The flat guests that come with Torpor. What each does is in native/guests/README.md. */
public final class FlatGuests {
  /** Their names. */
  public static final List<String> NAMES =
      List.of("doorbell-echo", "memory-check", "page-writer", "scatter-writer", "spin");

  private FlatGuests() {}

  /**
   * Reads a guest's image.
   *
   * @param name one of {@link #NAMES}
   * @return the image, for {@link FlatBoot}
   * @throws BootException if there is none of this name
   */
  public static byte[] named(String name) {
    return named(name, FlatGuests.class::getResourceAsStream);
  }

  /** Reads from any place, so that a test needs no C compiler. */
  static byte[] named(String name, Function<String, InputStream> resources) {
    if (!NAMES.contains(name)) {
      throw new BootException(
          "there is no flat guest \"%s\": the built-in ones are %s"
              .formatted(name, String.join(", ", NAMES)));
    }
    try (InputStream image = resources.apply("guests/" + name + ".bin")) {
      if (image == null) {
        throw new BootException(
            "flat guest \"%s\" is not in this build: build the module native first"
                .formatted(name));
      }
      return image.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException("reading flat guest " + name, e);
    }
  }
}
