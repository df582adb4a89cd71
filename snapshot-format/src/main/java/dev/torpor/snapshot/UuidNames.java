package dev.torpor.snapshot;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Files that are named by a UUID. */
final class UuidNames {
  /** How long a UUID is as text. */
  static final int LENGTH = 36;

  private UuidNames() {}

  /** The UUID with which a name begins, if it does so exactly as UUIDs are printed. */
  static Optional<UUID> leading(Path path) {
    String name = path.getFileName().toString();
    if (name.length() < LENGTH) {
      return Optional.empty();
    }
    String text = name.substring(0, LENGTH);
    try {
      return Optional.of(UUID.fromString(text)).filter(uuid -> uuid.toString().equals(text));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** The UUIDs of all files of a folder that are named UUID and suffix. */
  static List<UUID> list(Path directory, String suffix) throws IOException {
    List<UUID> uuids = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*" + suffix)) {
      for (Path file : files) {
        leading(file)
            .filter(uuid -> file.getFileName().toString().equals(uuid + suffix))
            .ifPresent(uuids::add);
      }
    }
    return uuids;
  }
}
