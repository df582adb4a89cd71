package dev.torpor.snapshot;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Tells other processes which layers this one uses: a file that is locked as long as the process
 * lives, to which a layer's number is appended before the layer is used, and its negative when it
 * is no longer. {@link Leases} says why nothing in use is removed. For any number of threads.
 *
 * <p>The kernel drops a process's lock on a file as soon as the process closes any descriptor of
 * it. So nothing in this process opens a lease of its own: those are in {@link #OWN}. For the same
 * reason the file is not used through a channel, which an interrupt would close.
 */
final class Lease implements AutoCloseable {
  static final String SUFFIX = ".lease";
  static final String TEMPORARY_SUFFIX = ".tmp";

  private static final Map<UUID, Lease> OWN = new ConcurrentHashMap<>();

  private final UUID uuid;
  private final Path path;
  private final RandomAccessFile file;
  // How often each layer is in use here.
  private final Map<Integer, Integer> uses = new HashMap<>();
  private final AtomicLong temporaries = new AtomicLong();
  private boolean closed;

  private Lease(UUID uuid, Path path) throws IOException {
    this.uuid = uuid;
    this.path = path;
    this.file = new RandomAccessFile(path.toFile(), "rw");
  }

  static Lease create(Path directory) throws IOException {
    while (true) {
      Lease lease = tryCreate(directory);
      if (lease != null) {
        return lease;
      }
    }
  }

  /** This process's own lease of that name, or null: then it is safe to open its file. */
  static Lease own(UUID uuid) {
    return OWN.get(uuid);
  }

  /** Null if garbage collection took the file for a dead one's, before it was locked. */
  private static Lease tryCreate(Path directory) throws IOException {
    UUID uuid = UUID.randomUUID();
    Lease lease = new Lease(uuid, directory.resolve(uuid + SUFFIX));
    OWN.put(uuid, lease);
    try {
      FileLock lock = lease.file.getChannel().tryLock();
      // Who deletes a lease has locked it. So with the lock in hand, what is there now stays.
      if (lock != null && Files.exists(lease.path)) {
        return lease;
      }
    } catch (Throwable e) {
      lease.abandon();
      throw e;
    }
    lease.abandon();
    return null;
  }

  /** Writes down that layers are in use from now on. */
  synchronized void retain(Collection<Integer> layers) throws IOException {
    requireOpen();
    append(layers.stream().filter(layer -> !uses.containsKey(layer)).toList());
    layers.forEach(layer -> uses.merge(layer, 1, Integer::sum));
  }

  /** Writes down that layers are in use once less. After closing, nothing is in use any more. */
  synchronized void release(Collection<Integer> layers) throws IOException {
    if (closed) {
      return;
    }
    List<Integer> ended = new ArrayList<>();
    for (int layer : layers) {
      if (uses.computeIfPresent(layer, (number, count) -> count == 1 ? null : count - 1) == null) {
        ended.add(-layer);
      }
    }
    append(ended);
  }

  synchronized Set<Integer> inUse() {
    return Set.copyOf(uses.keySet());
  }

  /** A name for a file that is removed if this process dies before it has moved it. */
  Path temporary() {
    return path.resolveSibling(uuid + "-" + temporaries.incrementAndGet() + TEMPORARY_SUFFIX);
  }

  /** Ends all uses. */
  @Override
  public synchronized void close() throws IOException {
    if (!closed) {
      closed = true;
      uses.clear();
      Files.deleteIfExists(path);
      abandon();
    }
  }

  private void abandon() throws IOException {
    try {
      file.close();
    } finally {
      OWN.remove(uuid);
    }
  }

  private void append(List<Integer> entries) throws IOException {
    ByteBuffer bytes =
        ByteBuffer.allocate(entries.size() * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    entries.forEach(bytes::putInt);
    if (bytes.position() > 0) {
      // One write: who reads a part of it reads it before the use begins.
      file.write(bytes.array());
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the store is closed: " + path.getParent().getParent());
    }
  }
}
