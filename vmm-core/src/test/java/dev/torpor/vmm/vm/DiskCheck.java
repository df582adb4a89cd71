package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.snapshot.DiskImage;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.Store;
import dev.torpor.vmm.disk.DiskBase;
import dev.torpor.vmm.disk.LayeredDisk;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/** Copies a checkpoint's first disk to a raw image, and has e2fsck look at it. */
final class DiskCheck {
  private static final long CHUNK_BYTES = 1 << 20;

  /** Nothing to do, or only what a journal is for. */
  private static final int REPAIRED = 1;

  private final Path copy;

  DiskCheck(Path folder) {
    this.copy = folder.resolve("checked.img");
  }

  /** Asserts that nothing at all is to be done. */
  void assertClean(Store store, UUID checkpoint) throws IOException, InterruptedException {
    copyDisk(store, checkpoint);
    assertClean();
  }

  /** Asserts that it is what a power failure may leave: its journal makes it clean. */
  void assertCleanAfterJournal(Store store, UUID checkpoint)
      throws IOException, InterruptedException {
    copyDisk(store, checkpoint);
    e2fsck("-fp", REPAIRED);
    assertClean();
  }

  private void assertClean() throws IOException, InterruptedException {
    e2fsck("-fn", 0);
  }

  private void e2fsck(String options, int worst) throws IOException, InterruptedException {
    Process check =
        new ProcessBuilder("/sbin/e2fsck", options, copy.toString())
            .redirectErrorStream(true)
            .start();
    String report = new String(check.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(check.waitFor()).as("e2fsck %s: %s", options, report).isBetween(0, worst);
  }

  private void copyDisk(Store store, UUID checkpoint) throws IOException {
    DiskImage disk = store.read(checkpoint).disks().getFirst();
    DiskBase base = new DiskBase(disk.basePath(), disk.baseByteSize(), disk.baseModifiedNanos());
    Image image = Image.open(store.layers(), disk.image());
    try (Arena arena = Arena.ofConfined();
        LayeredDisk source = LayeredDisk.open(store.layers(), base, image);
        FileChannel target =
            FileChannel.open(
                copy,
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE,
                StandardOpenOption.TRUNCATE_EXISTING)) {
      MemorySegment chunk = arena.allocate(CHUNK_BYTES);
      MemorySegment zeroes = arena.allocate(CHUNK_BYTES);
      for (long at = 0; at < source.byteSize(); at += CHUNK_BYTES) {
        long byteCount = Math.min(CHUNK_BYTES, source.byteSize() - at);
        source.read(at, chunk.address(), byteCount);
        if (chunk.mismatch(zeroes) >= 0 || at + byteCount == source.byteSize()) {
          target.write(chunk.asSlice(0, byteCount).asByteBuffer(), at);
        }
      }
    }
  }
}
