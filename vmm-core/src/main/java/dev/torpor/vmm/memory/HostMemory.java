package dev.torpor.vmm.memory;

import dev.torpor.linux.Errno;
import dev.torpor.linux.LinuxException;
import dev.torpor.linux.LinuxFile;
import dev.torpor.linux.Mapping;
import java.util.List;
import java.util.function.Function;

/**
 * The host's memory behind a guest's: one mapping, and the file that it is, if it is one of its
 * own.
 */
final class HostMemory implements AutoCloseable {
  private static final long HUGE_PAGE_BYTES = 2L << 20;

  private final MemoryBacking backing;
  private final LinuxFile file;
  private final Mapping mapping;

  private HostMemory(MemoryBacking backing, LinuxFile file, Mapping mapping) {
    this.backing = backing;
    this.file = file;
    this.mapping = mapping;
  }

  /** As {@link GuestMemory#allocate} says, without its limits of size. */
  static HostMemory allocate(long byteSize, MemoryBacking backing, boolean transparentHugePages) {
    return switch (backing) {
      case ANONYMOUS ->
          new HostMemory(
              backing,
              null,
              advised(
                  Mapping.anonymousAligned(byteSize, HUGE_PAGE_BYTES, Mapping.MAP_NORESERVE),
                  transparentHugePages));
      case MEMFD ->
          inFile(
              backing,
              LinuxFile.inMemory("torpor-guest", byteSize, false),
              file -> advised(shared(file, byteSize), transparentHugePages));
      case HUGETLBFS ->
          inFile(backing, hugePageFile(byteSize), file -> onHugePages(file, byteSize));
      case FILES ->
          throw new IllegalArgumentException("memory over files is mapped, not allocated");
    };
  }

  private static HostMemory inFile(
      MemoryBacking backing, LinuxFile file, Function<LinuxFile, Mapping> map) {
    try {
      return new HostMemory(backing, file, map.apply(file));
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  private static Mapping shared(LinuxFile file, long byteSize) {
    return Mapping.fileAligned(file.descriptor(), 0, byteSize, HUGE_PAGE_BYTES, Mapping.MAP_SHARED);
  }

  private static Mapping onHugePages(LinuxFile file, long byteSize) {
    try {
      return shared(file, byteSize);
    } catch (LinuxException e) {
      throw new IllegalStateException(
          "memory of %d MiB on huge pages: the host has too few free; sysctl vm.nr_hugepages=%d"
                  .formatted(byteSize >> 20, byteSize / HUGE_PAGE_BYTES)
              + " reserves that many",
          e);
    }
  }

  /** As {@link GuestMemory#mapped} says, without its limits of size. */
  static HostMemory mapped(long byteSize, List<FilePiece> pieces) {
    if (pieces.size() == 1 && pieces.getFirst().byteCount() == byteSize) {
      return new HostMemory(MemoryBacking.FILES, null, whole(pieces.getFirst()));
    }
    Mapping mapping = Mapping.anonymousAligned(byteSize, HUGE_PAGE_BYTES, Mapping.MAP_NORESERVE);
    try {
      for (FilePiece piece : pieces) {
        mapping.replace(
            piece.offset(),
            piece.byteCount(),
            piece.file(),
            piece.fileOffset(),
            Mapping.MAP_PRIVATE | Mapping.MAP_NORESERVE);
      }
      return new HostMemory(MemoryBacking.FILES, null, mapping);
    } catch (RuntimeException | Error e) {
      mapping.close();
      throw e;
    }
  }

  /**
   * Replacing a mapping has KVM look through every VM of this process; making one does not. So a
   * process with many VMs makes the next one sooner this way.
   */
  private static Mapping whole(FilePiece piece) {
    return Mapping.file(
        piece.file(),
        piece.fileOffset(),
        piece.byteCount(),
        Mapping.PROT_READ | Mapping.PROT_WRITE,
        Mapping.MAP_PRIVATE | Mapping.MAP_NORESERVE);
  }

  private static LinuxFile hugePageFile(long byteSize) {
    if (byteSize % HUGE_PAGE_BYTES != 0) {
      throw new IllegalArgumentException(
          "memory of " + byteSize + " bytes on hugetlbfs: must be a multiple of 2 MiB");
    }
    return LinuxFile.inMemory("torpor-guest-huge", byteSize, true);
  }

  /** The mapping, which is closed if this fails. */
  private static Mapping advised(Mapping mapping, boolean transparentHugePages) {
    try {
      mapping.advise(
          0,
          mapping.byteSize(),
          transparentHugePages ? Mapping.Advice.HUGE_PAGE : Mapping.Advice.NO_HUGE_PAGE);
    } catch (LinuxException e) {
      if (e.errno() != Errno.EINVAL) {
        mapping.close();
        throw e;
      }
      // EINVAL: a host kernel without transparent huge pages. Small pages serve as well.
    }
    return mapping;
  }

  MemoryBacking backing() {
    return backing;
  }

  Mapping mapping() {
    return mapping;
  }

  /** As {@link GuestMemory#addAllocated} says. */
  boolean addAllocated(PageSet target) {
    if (file == null) {
      return false;
    }
    long byteSize = mapping.byteSize();
    long start = file.nextData(0);
    while (start >= 0 && start < byteSize) {
      long end = Math.min(file.nextHole(start), byteSize);
      long firstPage = start / MemoryLayout.PAGE_BYTES;
      target.addRange(firstPage, Math.ceilDiv(end, MemoryLayout.PAGE_BYTES) - firstPage);
      start = end < byteSize ? file.nextData(end) : -1;
    }
    return true;
  }

  @Override
  public void close() {
    mapping.close();
    if (file != null) {
      file.close();
    }
  }
}
