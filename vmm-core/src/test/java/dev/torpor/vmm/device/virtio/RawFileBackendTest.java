package dev.torpor.vmm.device.virtio;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.linux.LinuxException;
import dev.torpor.testing.ProcessResources;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RawFileBackendTest {
  private static final int DISK_BYTES = 1 << 20;

  @TempDir private Path folder;

  private Path disk(int byteSize) throws IOException {
    byte[] content = new byte[byteSize];
    new Random(1).nextBytes(content);
    return Files.write(folder.resolve("disk"), content);
  }

  @Test
  void bytesAreReadAndWrittenAtAnyOffset() throws IOException {
    Path path = disk(DISK_BYTES);
    byte[] content = Files.readAllBytes(path);
    try (RawFileBackend backend = RawFileBackend.open(path, false);
        Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(1000);
      backend.read(777, buffer.address(), 1000);
      backend.write(5000, buffer.address(), 1000);
      backend.flush();
      assertThat(backend.byteSize()).isEqualTo(DISK_BYTES);
    }
    System.arraycopy(content, 777, content, 5000, 1000);
    assertThat(Files.readAllBytes(path)).isEqualTo(content);
  }

  @Test
  void aWritableDiskIsNobodyElses() throws IOException {
    Path path = disk(512);
    try (RawFileBackend first = RawFileBackend.open(path, false)) {
      assertThat(first.readOnly()).isFalse();
      for (boolean readOnly : new boolean[] {false, true}) {
        assertThatThrownBy(() -> RawFileBackend.open(path, readOnly))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("disk " + path + " is in use by another VM");
      }
    }
    RawFileBackend.open(path, false).close();
  }

  @Test
  void aReadOnlyDiskIsSharedWithReaders() throws IOException {
    Path path = disk(512);
    try (RawFileBackend first = RawFileBackend.open(path, true);
        RawFileBackend second = RawFileBackend.open(path, true)) {
      assertThat(first.readOnly() && second.readOnly()).isTrue();
      assertThatThrownBy(() -> RawFileBackend.open(path, false))
          .hasMessageContaining("in use by another VM; to share it, open it read-only");
    }
  }

  @Test
  void aDiskHasWholeSectors() throws IOException {
    for (int byteSize : new int[] {0, 511, 1000}) {
      Path path = disk(byteSize);
      ProcessResources before = ProcessResources.count("");
      assertThatThrownBy(() -> RawFileBackend.open(path, true))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("disk " + path + " has " + byteSize + " bytes")
          .hasMessageContaining("multiple of 512");
      assertThat(ProcessResources.count("").fileDescriptors()).isEqualTo(before.fileDescriptors());
    }
  }

  @Test
  void aDiskIsAFileOrABlockDevice() throws Exception {
    Path fifo = folder.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();
    for (Path path : new Path[] {folder, fifo, Path.of("/dev/null")}) {
      assertThatThrownBy(() -> RawFileBackend.open(path, true))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("disk " + path + " is not a file or a block device");
    }
  }

  @Test
  void aMissingDiskIsNamed() {
    assertThatThrownBy(() -> RawFileBackend.open(folder.resolve("missing"), true))
        .isInstanceOf(LinuxException.class)
        .hasMessageContaining("ENOENT")
        .hasMessageContaining("missing");
  }

  @Test
  void aDiscardGivesTheBlocksBack() throws IOException {
    Path path = disk(DISK_BYTES);
    long before = allocatedBytes(path);
    try (RawFileBackend backend = RawFileBackend.open(path, false)) {
      backend.discard(4096, DISK_BYTES / 2);
      backend.flush();
    }
    assertThat(allocatedBytes(path)).isLessThanOrEqualTo(before - DISK_BYTES / 2);
    assertThat(Files.size(path)).isEqualTo(DISK_BYTES);
  }

  private static long allocatedBytes(Path path) throws IOException {
    try {
      Process stat = new ProcessBuilder("stat", "-c", "%b", path.toString()).start();
      String blocks = new String(stat.getInputStream().readAllBytes(), US_ASCII).strip();
      assertThat(stat.waitFor()).isZero();
      return Long.parseLong(blocks) * 512;
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void zeroesAreWrittenInEveryWay() throws IOException {
    Path path = disk(DISK_BYTES);
    assertZeroes(path, true);
    assertZeroes(path, false);
  }

  /** tmpfs can punch holes, but cannot zero a range: the zeroes have to be written. */
  @Test
  void zeroesAreWrittenOneByOneWhereTheFileSystemCannot() throws IOException {
    Path tmpfs = Path.of("/dev/shm");
    assertThat(tmpfs).as("a tmpfs").isDirectory();
    Path path = Files.createTempFile(tmpfs, "torpor-disk", ".raw");
    try {
      assertZeroes(path, false);
      assertZeroes(path, true);
    } finally {
      Files.delete(path);
    }
  }

  private static void assertZeroes(Path path, boolean mayUnmap) throws IOException {
    byte[] content = new byte[DISK_BYTES];
    new Random(1).nextBytes(content);
    Files.write(path, content);
    int from = 512 * 3;
    int to = from + 512 * 1111; // more than is written at once, and no multiple of it
    try (RawFileBackend backend = RawFileBackend.open(path, false)) {
      backend.writeZeroes(from, to - from, mayUnmap);
    }
    Arrays.fill(content, from, to, (byte) 0);
    assertThat(Files.readAllBytes(path)).isEqualTo(content);
  }
}
