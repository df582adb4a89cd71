package dev.torpor.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.testing.ProcessResources;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files are read and written at given offsets, have holes and locks, and copy one another. */
class LinuxFileTest {
  private static final int BLOCK = 4096;
  private static final int NEW_FILE = LinuxFile.O_RDWR | LinuxFile.O_CREAT;

  @TempDir private Path folder;
  @AutoClose private LinuxFile file;
  private final MemorySegment buffer = Arena.ofAuto().allocate(4 * BLOCK);

  @BeforeEach
  void openFile() {
    file = LinuxFile.open(folder.resolve("file"), NEW_FILE);
  }

  private void write(int value, long byteCount, long offset) {
    buffer.fill((byte) value);
    file.write(buffer.address(), byteCount, offset);
  }

  private int byteAt(long offset) {
    assertThat(file.read(buffer.address(), 1, offset)).isEqualTo(1);
    return buffer.get(JAVA_BYTE, 0);
  }

  @Test
  void whatIsWrittenIsReadBackAndAReadStopsAtTheEnd() {
    write(6, 3 * BLOCK, BLOCK);
    file.sync();
    assertThat(file.byteSize()).isEqualTo(4 * BLOCK);
    buffer.fill((byte) 0);
    assertThat(file.read(buffer.address(), 4 * BLOCK, 2 * BLOCK)).isEqualTo(2 * BLOCK);
    assertThat(buffer.asSlice(0, 2 * BLOCK).toArray(JAVA_BYTE)).containsOnly(6);
    assertThat(buffer.asSlice(2 * BLOCK).toArray(JAVA_BYTE)).containsOnly(0);
    assertThat(file.read(buffer.address(), BLOCK, 9 * BLOCK)).isZero();
  }

  @Test
  void exclusiveCreationRefusesAFileThatExists() {
    assertThatThrownBy(
            () -> LinuxFile.open(folder.resolve("file"), NEW_FILE | LinuxFile.O_EXCL).close())
        .isInstanceOf(LinuxException.class)
        .hasMessageContaining("EEXIST")
        .hasMessageContaining("file");
  }

  @Test
  void writingAFileThatWasOpenedForReadingIsRefused() {
    try (LinuxFile reader = LinuxFile.open(folder.resolve("file"), LinuxFile.O_RDONLY)) {
      assertThatThrownBy(() -> reader.write(buffer.address(), BLOCK, 0))
          .isInstanceOf(LinuxException.class)
          .hasMessageStartingWith("pwrite failed: EBADF");
    }
  }

  @Test
  void truncatingCutsAndExtendsWithZeroes() {
    write(6, BLOCK, 0);
    file.truncate(10);
    file.truncate(BLOCK);
    assertThat(file.byteSize()).isEqualTo(BLOCK);
    assertThat(byteAt(9)).isEqualTo(6);
    assertThat(byteAt(10)).isZero();
  }

  @Test
  void punchedHoleReadsAsZeroAndIsFoundAsAHole() {
    write(6, 4 * BLOCK, 0);
    file.sync();
    file.punchHole(BLOCK, 2 * BLOCK);
    assertThat(byteAt(BLOCK - 1)).isEqualTo(6);
    assertThat(byteAt(BLOCK)).isZero();
    assertThat(byteAt(3 * BLOCK)).isEqualTo(6);
    assertThat(file.byteSize()).isEqualTo(4 * BLOCK);
    assertThat(file.nextHole(0)).isEqualTo(BLOCK);
    assertThat(file.nextData(BLOCK)).isEqualTo(3 * BLOCK);
    assertThat(file.nextHole(3 * BLOCK)).as("the end counts as a hole").isEqualTo(4 * BLOCK);
  }

  @Test
  void noDataFollowInAFileOfHoles() {
    file.truncate(4 * BLOCK);
    assertThat(file.nextData(0)).isEqualTo(-1);
    assertThatThrownBy(() -> file.nextHole(5 * BLOCK))
        .isInstanceOf(LinuxException.class)
        .hasMessageContaining("ENXIO");
  }

  @Test
  void blocksThatAreAllocatedBeforeChangeNeitherBytesNorLength() {
    write(6, BLOCK, 0);
    file.preallocate(0, 4 * BLOCK);
    assertThat(file.byteSize()).isEqualTo(BLOCK);
    assertThat(byteAt(BLOCK - 1)).isEqualTo(6);
    file.truncate(2 * BLOCK);
    assertThat(byteAt(BLOCK)).isZero();
    try (LinuxFile reader = LinuxFile.open(folder.resolve("file"), LinuxFile.O_RDONLY)) {
      assertThatThrownBy(() -> reader.preallocate(0, BLOCK))
          .isInstanceOf(LinuxException.class)
          .hasMessageStartingWith("fallocate failed: EBADF");
    }
  }

  @Test
  void writeBackOfWhatIsThereOrNotBeginsAndThatOfNoRangeIsRefused() {
    write(6, 4 * BLOCK, 0);
    file.startWriteBack(0, 4 * BLOCK);
    file.startWriteBack(0, 64 * BLOCK);
    assertThat(byteAt(BLOCK)).isEqualTo(6);
    assertThatThrownBy(() -> file.startWriteBack(-BLOCK, BLOCK))
        .isInstanceOf(LinuxException.class)
        .hasMessageStartingWith("sync_file_range failed: EINVAL");
  }

  @Test
  void zeroedRangeReadsAsZeroWhereTheFileSystemKnowsHow() {
    write(6, 4 * BLOCK, 0);
    try {
      file.zeroRange(BLOCK, BLOCK);
      assertThat(byteAt(BLOCK)).isZero();
    } catch (LinuxException e) {
      assertThat(e.errno()).isEqualTo(Errno.EOPNOTSUPP); // tmpfs
      assertThat(byteAt(BLOCK)).isEqualTo(6);
    }
    assertThat(byteAt(2 * BLOCK)).isEqualTo(6);
  }

  @Test
  void anExclusiveLockKeepsOthersOutUntilItsFileIsClosed() {
    try (LinuxFile other = openAgain()) {
      assertThat(file.tryLock(false)).isTrue();
      assertThat(other.tryLock(false)).as("locks are shared").isTrue();
      assertThat(file.tryLock(true)).as("the other still shares it").isFalse();
    }
    assertThat(file.tryLock(true)).as("the other is closed").isTrue();
    try (LinuxFile other = openAgain()) {
      assertThat(other.tryLock(false)).isFalse();
      file.close();
      assertThat(other.tryLock(true)).isTrue();
    }
  }

  private LinuxFile openAgain() {
    return LinuxFile.open(folder.resolve("file"), LinuxFile.O_RDWR);
  }

  @Test
  void copiedRangeArrivesAndStopsAtTheEnd() {
    write(6, 3 * BLOCK, 0);
    try (LinuxFile copy = LinuxFile.open(folder.resolve("copy"), NEW_FILE)) {
      assertThat(file.copyRange(BLOCK, copy, 5 * BLOCK, 8 * BLOCK)).isEqualTo(2 * BLOCK);
      assertThat(copy.byteSize()).isEqualTo(7 * BLOCK);
      buffer.fill((byte) 0);
      assertThat(copy.read(buffer.address(), 2 * BLOCK, 5 * BLOCK)).isEqualTo(2 * BLOCK);
      assertThat(buffer.asSlice(0, 2 * BLOCK).toArray(JAVA_BYTE)).containsOnly(6);
    }
  }

  @Test
  void aFileInMemoryHasItsSizeAndZeroes() {
    try (LinuxFile memory = LinuxFile.inMemory("torpor-file-test", 3 * BLOCK, false);
        LinuxFile huge = LinuxFile.inMemory("torpor-file-test", 4 << 20, true)) {
      assertThat(memory.byteSize()).isEqualTo(3 * BLOCK);
      buffer.fill((byte) 1);
      assertThat(memory.read(buffer.address(), 4 * BLOCK, 0)).isEqualTo(3 * BLOCK);
      assertThat(buffer.asSlice(0, 3 * BLOCK).toArray(JAVA_BYTE)).containsOnly(0);
      assertThat(huge.byteSize()).isEqualTo(4 << 20);
    }
  }

  @Test
  void aThousandFailuresLeaveNoDescriptorOpen() {
    long before = ProcessResources.count("").fileDescriptors();
    for (int i = 0; i < 1000; i++) {
      assertThatThrownBy(() -> LinuxFile.inMemory("torpor-file-test", -1, false).close())
          .isInstanceOf(LinuxException.class);
    }
    assertThat(ProcessResources.count("").fileDescriptors()).isLessThan(before + 20);
  }
}
