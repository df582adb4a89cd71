package dev.torpor.launcher.control;

import com.google.gson.JsonObject;
import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The name of a running VM, held by one process, and the socket that it serves.
 *
 * <pre>
 * STORE/run/NAME.lock   locked while the VM lives; the kernel unlocks it when the process dies
 * STORE/run/NAME.json   {"pid": ..., "socket": ...}
 * STORE/run/NAME.sock   the socket, mode 0600, in a folder of mode 0700
 * </pre>
 *
 * <p>Where that path is too long for a socket, it lies in a new folder of mode 0700 under
 * XDG_RUNTIME_DIR or /tmp. Whoever holds the lock may replace what a dead process left.
 */
final class Residence implements Closeable {
  /** The kernel has 108 bytes for the path of a socket, with the zero at its end. */
  static final int MAX_SOCKET_PATH_BYTES = 107;

  private static final Set<PosixFilePermission> FOLDER_MODE =
      PosixFilePermissions.fromString("rwx------");
  private static final Set<PosixFilePermission> FILE_MODE =
      PosixFilePermissions.fromString("rw-------");
  private static final int MAX_CARD_BYTES = 64 << 10;

  /**
   * The lock files of this process. Closing any descriptor of a locked file unlocks it for the
   * whole process, so a lock file is never opened twice.
   */
  private static final Set<Path> HELD_HERE = ConcurrentHashMap.newKeySet();

  private final Path lock;
  private final FileChannel lockFile;
  private final Path card;
  private final Path socket;
  private final ServerSocketChannel server;

  private Residence(
      Path lock, FileChannel lockFile, Path card, Path socket, ServerSocketChannel server) {
    this.lock = lock;
    this.lockFile = lockFile;
    this.card = card;
    this.socket = socket;
    this.server = server;
  }

  /**
   * Takes a name.
   *
   * @throws ControlException if a living VM has it
   */
  static Residence claim(Path store, String name) throws IOException {
    Path folder = makeFolder(store);
    Path lock = folder.resolve(name + ".lock");
    if (!HELD_HERE.add(lock)) {
      throw occupied(store, name);
    }
    try {
      return claim(lock, store, name);
    } catch (IOException | RuntimeException e) {
      HELD_HERE.remove(lock);
      throw e;
    }
  }

  private static Path makeFolder(Path store) throws IOException {
    Path folder = folder(store);
    Files.createDirectories(folder.getParent());
    if (!Files.isDirectory(folder)) {
      Files.createDirectories(folder, PosixFilePermissions.asFileAttribute(FOLDER_MODE));
    }
    return folder.toRealPath();
  }

  private static Residence claim(Path lock, Path store, String name) throws IOException {
    FileChannel lockFile =
        FileChannel.open(
            lock,
            Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(FILE_MODE));
    try {
      if (lockFile.tryLock() == null) {
        throw occupied(store, name);
      }
      return bind(lock, lockFile, lock.resolveSibling(name + ".json"), name);
    } catch (IOException | RuntimeException e) {
      lockFile.close();
      throw e;
    }
  }

  private static ControlException occupied(Path store, String name) throws IOException {
    String process =
        card(store, name).map(found -> " (process " + found.get("pid") + ")").orElse("");
    return new ControlException(
        "VM '%s' already runs%s: choose another --name, or end that one".formatted(name, process));
  }

  private static Residence bind(Path lock, FileChannel lockFile, Path card, String name)
      throws IOException {
    Path socket = socketPath(lock.resolveSibling(name + ".sock"));
    Files.deleteIfExists(socket); // of a dead process: the lock is ours
    ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      server.bind(UnixDomainSocketAddress.of(socket));
      Files.setPosixFilePermissions(socket, FILE_MODE);
      writeCard(card, socket);
      return new Residence(lock, lockFile, card, socket, server);
    } catch (IOException | RuntimeException e) {
      server.close();
      throw e;
    }
  }

  private static Path socketPath(Path wanted) throws IOException {
    return tooLong(wanted)
        ? Files.createTempDirectory(shortFolder(), "torpor-").resolve("sock")
        : wanted;
  }

  private static boolean tooLong(Path socket) {
    return socket.toString().getBytes(StandardCharsets.UTF_8).length > MAX_SOCKET_PATH_BYTES;
  }

  private static Path shortFolder() {
    String runtime = System.getenv("XDG_RUNTIME_DIR");
    Path folder = Path.of(runtime == null ? "" : runtime);
    boolean usable =
        folder.isAbsolute()
            && Files.isWritable(folder)
            && !tooLong(folder.resolve("torpor-1234567890123456789/sock"));
    return usable ? folder : Path.of("/tmp");
  }

  /** Replaced as a whole: a client reads the old one or the new one. */
  private static void writeCard(Path card, Path socket) throws IOException {
    JsonObject content = new JsonObject();
    content.addProperty("pid", ProcessHandle.current().pid());
    content.addProperty("socket", socket.toString());
    Path fresh = card.resolveSibling(card.getFileName() + ".new");
    Files.writeString(fresh, Json.line(content) + "\n");
    Files.move(fresh, card, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Where the socket of a VM is; empty if none of that name runs. A dead one may have left it. */
  static Optional<Path> socket(Path store, String name) throws IOException {
    return card(store, name).flatMap(found -> Json.text(found, "socket")).map(Path::of);
  }

  private static Optional<JsonObject> card(Path store, String name) throws IOException {
    Path file = folder(store).resolve(name + ".json");
    try {
      if (Files.size(file) > MAX_CARD_BYTES) {
        throw new IOException(file + " is too large to say where a VM's socket is");
      }
      return Optional.of(Json.parse(Files.readString(file)));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IllegalArgumentException e) {
      throw new IOException(file + " does not say where a VM's socket is: " + e.getMessage(), e);
    }
  }

  private static Path folder(Path store) {
    return store.toAbsolutePath().resolve("run");
  }

  ServerSocketChannel server() {
    return server;
  }

  /** Gives the name back. The lock file stays: whoever waits for it must not lock a deleted one. */
  @Override
  public void close() throws IOException {
    try (lockFile;
        server) {
      Files.deleteIfExists(card);
      Files.deleteIfExists(socket);
      if (!socket.getParent().equals(lock.getParent())) {
        Files.deleteIfExists(socket.getParent());
      }
    } finally {
      HELD_HERE.remove(lock);
    }
  }
}
