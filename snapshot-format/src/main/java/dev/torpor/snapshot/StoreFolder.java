package dev.torpor.snapshot;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.UUID;

/** The folder of a store: what is where, and the file that says that it is one. */
record StoreFolder(Path root) {
  /** The whole content of the format file; another version has another number. */
  static final String FORMAT = "torpor-store 1\n";

  private static final String NAME = "torpor-store ";
  private static final int MAX_FORMAT_BYTES = 64;
  private static final String FRESH = ".torpor-format-";

  /** Makes what is missing; refuses a folder of something else. */
  static StoreFolder open(Path directory) throws IOException {
    StoreFolder folder = new StoreFolder(directory.toAbsolutePath().normalize());
    if (Files.exists(folder.root) && !Files.isDirectory(folder.root)) {
      throw new NotDirectoryException(folder.root + " is not a folder, so no store can be there");
    }
    Files.createDirectories(folder.root);
    if (!Files.exists(folder.format())) {
      folder.requireEmpty();
      folder.create();
    }
    folder.requireVersion();
    for (String part :
        new String[] {"layers", "manifests", "leases", "verified", "working-sets", "pins"}) {
      Files.createDirectories(folder.root.resolve(part));
    }
    folder.createLock();
    return folder;
  }

  Path format() {
    return root.resolve("format");
  }

  Path lock() {
    return root.resolve("lock");
  }

  Path layers() {
    return root.resolve("layers");
  }

  Path manifests() {
    return root.resolve("manifests");
  }

  Path leases() {
    return root.resolve("leases");
  }

  Path verified() {
    return root.resolve("verified");
  }

  Path pins() {
    return root.resolve("pins");
  }

  Path workingSets() {
    return root.resolve("working-sets");
  }

  // Several processes may do this at once: each puts the same file in the same place.
  private void create() throws IOException {
    WholeFile.write(
        root.resolve(FRESH + UUID.randomUUID()),
        format(),
        FORMAT.getBytes(StandardCharsets.US_ASCII));
  }

  private void requireEmpty() throws IOException {
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(root)) {
      for (Path entry : entries) {
        // Another process may be making a store here right now.
        if (!entry.getFileName().toString().startsWith(FRESH) && !Files.exists(format())) {
          throw new IOException(
              "%s holds \"%s\" and is no store; name an empty or a new folder"
                  .formatted(root, entry.getFileName()));
        }
      }
    }
  }

  private void requireVersion() throws IOException {
    String found;
    try {
      found =
          Files.size(format()) > MAX_FORMAT_BYTES
              ? "a longer file"
              : Files.readString(format(), StandardCharsets.ISO_8859_1);
    } catch (NoSuchFileException e) {
      throw new SnapshotFormatException(format(), 0, FORMAT.strip(), "no file");
    }
    if (!found.equals(FORMAT)) {
      boolean isVersion = found.startsWith(NAME);
      throw new SnapshotFormatException(
          format(),
          isVersion ? NAME.length() : 0,
          isVersion ? "version 1" : '"' + FORMAT.strip() + '"',
          '"' + found.strip() + '"');
    }
  }

  private void createLock() throws IOException {
    try {
      Files.createFile(lock());
    } catch (FileAlreadyExistsException e) {
      // As ever but the first time.
    }
  }
}
