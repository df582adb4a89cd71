package dev.torpor.benchmarks.peer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A guest's memory is told from the monitor's other mappings, or not at all. */
class GuestRamTest {
  private static final long GIBIBYTE = 1L << 30;
  private static final String GUEST = "7f1543e00000-7f1583e00000 rw-p 00000000 00:00 0 ";
  private static final List<String> OTHERS =
      List.of(
          "55d0c0000000-55d0c0800000 r-xp 00000000 fe:00 1234   /usr/bin/qemu-system-x86_64",
          "55d0c1000000-55d0c1200000 rw-p 00000000 00:00 0      [heap]",
          "7f1500000000-7f1540000000 ---p 00000000 00:00 0 ",
          "7f1600000000-7f1640000000 rw-s 00000000 00:05 99     /dev/shm/other",
          "7f1700000000-7f1700021000 rw-p 00000000 00:00 0 ");

  @Test
  void isTheWritableAnonymousMappingOfItsSize() throws IOException {
    List<String> maps = Stream.concat(OTHERS.stream(), Stream.of(GUEST)).toList();
    assertThat(GuestRam.onlyMapping(maps, GIBIBYTE)).isEqualTo(0x7f1543e00000L);
  }

  @Test
  void isNotGuessedWhereThereIsNoneOrMoreThanOne() {
    assertThatThrownBy(() -> GuestRam.onlyMapping(OTHERS, GIBIBYTE))
        .hasMessageContaining("0 mappings of 1073741824 bytes");
    List<String> two = List.of(GUEST, GUEST.replace("7f15", "7f25"));
    assertThatThrownBy(() -> GuestRam.onlyMapping(two, GIBIBYTE))
        .hasMessageContaining("2 mappings");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "-", "zz-zz rw-p 00000000 00:00 0", "1234567890abcdef0-2 rw-p 0 0 0"})
  void linesThatAreNoneAreNobodysMemory(String line) {
    assertThatThrownBy(() -> GuestRam.onlyMapping(List.of(line), GIBIBYTE))
        .isInstanceOf(IOException.class);
  }
}
