package dev.torpor.vmm.boot;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class AmlTest {

  @Test
  void identifiersArePackedAsTheSpecificationsExamples() {
    assertThat(Aml.eisaId("PNP0501")).containsExactly(0x0c, 0x41, 0xd0, 0x05, 0x01);
    assertThat(Aml.eisaId("PNP0B00")).containsExactly(0x0c, 0x41, 0xd0, 0x0b, 0x00);
  }

  @Property
  void integersComeBack(@ForAll long value) {
    assertThat(AmlReader.read(Aml.name("VAL_", Aml.integer(value)))).containsEntry("VAL_", value);
  }

  @Test
  void integersTakeTheShortestEncoding() {
    assertThat(Aml.integer(0)).hasSize(1);
    assertThat(Aml.integer(1)).hasSize(1);
    assertThat(Aml.integer(0xff)).hasSize(2);
    assertThat(Aml.integer(0x100)).hasSize(3);
    assertThat(Aml.integer(0xffff_ffffL)).hasSize(5);
    assertThat(Aml.integer(-1)).hasSize(9);
  }

  /** Around 63, 4095 and 1,048,575 bytes the package length changes its form. */
  @Property(tries = 40)
  void packagesOfEveryLengthEndWhereTheySay(
      @ForAll @IntRange(min = 40, max = 80) int small,
      @ForAll @IntRange(min = 4_060, max = 4_110) int middle,
      @ForAll @IntRange(min = 1_048_540, max = 1_048_590) int large) {
    for (int length : new int[] {small, middle, large}) {
      char[] text = new char[length];
      Arrays.fill(text, 'x');
      byte[] aml = Aml.device("DEV0", Aml.name("STR_", Aml.string(new String(text))));
      Map<String, Object> names = AmlReader.read(aml);
      assertThat(names).containsOnlyKeys("DEV0.STR_");
      assertThat(names.get("DEV0.STR_")).isEqualTo(new String(text));
    }
  }

  @Test
  void packagesHoldTheirElements() {
    byte[] aml = Aml.name("\\_S5_", Aml.packageOf(Aml.integer(5), Aml.integer(0), Aml.string("a")));
    assertThat(AmlReader.read(aml)).containsEntry("\\_S5_", List.of(5L, 0L, "a"));
  }
}
