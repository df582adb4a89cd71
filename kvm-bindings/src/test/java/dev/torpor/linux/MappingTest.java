package dev.torpor.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.testing.ProcessResources;
import org.junit.jupiter.api.Test;

/** Mappings show what they should, and go when they are closed. */
class MappingTest {
  private static final long PAGE = 4096;
  private static final long HUGE = 2 << 20;
  private static final String LABEL = "torpor-mapping-test";

  private static LinuxFile fileOf(int value, long byteSize) {
    LinuxFile file = LinuxFile.inMemory(LABEL, byteSize, false);
    try (Mapping shared =
        Mapping.file(file.descriptor(), 0, byteSize, Mapping.PROT_WRITE, Mapping.MAP_SHARED)) {
      shared.segment().fill((byte) value);
    }
    return file;
  }

  private static int byteAt(Mapping mapping, long offset) {
    return mapping.segment().get(JAVA_BYTE, offset);
  }

  @Test
  void anonymousMemoryIsZeroAndWritable() {
    try (Mapping mapping = Mapping.anonymous(3 * PAGE, Mapping.MAP_NORESERVE)) {
      assertThat(mapping.byteSize()).isEqualTo(3 * PAGE);
      assertThat(mapping.segment().address()).isEqualTo(mapping.address());
      assertThat(byteAt(mapping, 3 * PAGE - 1)).isZero();
      mapping.segment().set(JAVA_BYTE, 3 * PAGE - 1, (byte) 7);
      assertThat(byteAt(mapping, 3 * PAGE - 1)).isEqualTo(7);
    }
  }

  @Test
  void alignedMappingsBeginAtMultiplesOfTheAlignment() {
    try (LinuxFile file = fileOf(5, 3 * HUGE);
        Mapping anonymous = Mapping.anonymousAligned(3 * HUGE, HUGE, 0);
        Mapping mapped =
            Mapping.fileAligned(file.descriptor(), HUGE, 2 * HUGE, HUGE, Mapping.MAP_PRIVATE)) {
      assertThat(anonymous.address() % HUGE).isZero();
      assertThat(anonymous.segment().byteSize()).isEqualTo(3 * HUGE);
      assertThat(mapped.address() % HUGE).isZero();
      assertThat(byteAt(mapped, 2 * HUGE - 1)).isEqualTo(5);
    }
  }

  @Test
  void sharedWritesReachTheFileAndPrivateOnesDoNot() {
    try (LinuxFile file = fileOf(1, PAGE);
        Mapping shared =
            Mapping.file(file.descriptor(), 0, PAGE, Mapping.PROT_READ, Mapping.MAP_SHARED);
        Mapping own =
            Mapping.file(
                file.descriptor(),
                0,
                PAGE,
                Mapping.PROT_READ | Mapping.PROT_WRITE,
                Mapping.MAP_PRIVATE)) {
      own.segment().fill((byte) 2);
      assertThat(byteAt(shared, 0)).isEqualTo(1);
      own.advise(0, PAGE, Mapping.Advice.DONT_NEED);
      assertThat(byteAt(own, 0)).as("the private page was dropped").isEqualTo(1);
    }
  }

  @Test
  void replacedRangeShowsTheFileAndItsNeighboursStay() {
    try (LinuxFile file = fileOf(9, 2 * PAGE);
        Mapping mapping = Mapping.anonymous(3 * PAGE, 0)) {
      mapping.segment().fill((byte) 4);
      mapping.replace(PAGE, PAGE, file.descriptor(), PAGE, Mapping.MAP_PRIVATE);
      assertThat(byteAt(mapping, PAGE - 1)).isEqualTo(4);
      assertThat(byteAt(mapping, PAGE)).isEqualTo(9);
      assertThat(byteAt(mapping, 2 * PAGE)).isEqualTo(4);
    }
  }

  @Test
  void everyAdviceIsKnownToTheKernelOrRefusedByName() {
    try (Mapping mapping = Mapping.anonymousAligned(2 * HUGE, HUGE, 0)) {
      mapping.segment().fill((byte) 1);
      for (Mapping.Advice advice : Mapping.Advice.values()) {
        try {
          mapping.advise(0, 2 * HUGE, advice);
        } catch (LinuxException e) {
          // REMOVE needs a file, COLLAPSE free huge pages; the others an old enough kernel only.
          assertThat(e).hasMessageContaining("advice=" + advice);
          assertThat(advice).isIn(Mapping.Advice.REMOVE, Mapping.Advice.COLLAPSE);
        }
      }
    }
  }

  @Test
  void adviceAndProtectionOutsideTheMappingAreRefused() {
    try (Mapping mapping = Mapping.anonymous(2 * PAGE, 0)) {
      assertThatThrownBy(() -> mapping.advise(PAGE, 2 * PAGE, Mapping.Advice.DONT_NEED))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> mapping.protect(-PAGE, PAGE, 0))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> mapping.replace(PAGE, 2 * PAGE, FileDescriptor.owning(-1), 0, 1))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void protectedRangeIsRefusedToSystemCallsToo() {
    try (LinuxFile file = fileOf(3, PAGE);
        Mapping mapping = Mapping.anonymous(2 * PAGE, 0)) {
      mapping.protect(PAGE, PAGE, Mapping.PROT_READ);
      assertThat(file.read(mapping.address(), PAGE, 0)).isEqualTo(PAGE);
      assertThatThrownBy(() -> file.read(mapping.address() + PAGE, PAGE, 0))
          .isInstanceOf(LinuxException.class)
          .hasMessageContaining("EFAULT");
    }
  }

  @Test
  void closingUnmapsOnceAndEndsAccess() {
    try (LinuxFile file = fileOf(1, PAGE)) {
      Mapping mapping =
          Mapping.file(file.descriptor(), 0, PAGE, Mapping.PROT_READ, Mapping.MAP_SHARED);
      assertThat(ProcessResources.count(LABEL).mappings()).isEqualTo(1);
      mapping.close();
      mapping.close();
      assertThat(ProcessResources.count(LABEL).mappings()).isZero();
      assertThatThrownBy(() -> byteAt(mapping, 0)).isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void aThousandMappingsAndFailuresLeaveNothingBehind() {
    try (LinuxFile file = fileOf(1, HUGE)) {
      ProcessResources before = ProcessResources.count("");
      for (int i = 0; i < 1000; i++) {
        Mapping.anonymousAligned(PAGE, HUGE, 0).close();
        Mapping.fileAligned(file.descriptor(), 0, PAGE, HUGE, Mapping.MAP_SHARED).close();
        assertThatThrownBy(
                () -> Mapping.fileAligned(FileDescriptor.owning(-1), 0, PAGE, HUGE, 1).close())
            .isInstanceOf(LinuxException.class);
      }
      ProcessResources after = ProcessResources.count("");
      // The JVM maps a little of its own meanwhile.
      assertThat(after.mappings()).isLessThan(before.mappings() + 100);
      assertThat(after.fileDescriptors()).isLessThan(before.fileDescriptors() + 20);
    }
  }
}
