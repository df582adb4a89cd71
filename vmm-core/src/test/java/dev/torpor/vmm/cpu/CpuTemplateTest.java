package dev.torpor.vmm.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.kvm.CpuidEntry;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CpuTemplateTest {
  private static final int ALL = -1;
  private static final int AVX512F = 1 << 16;
  private static final int AVX2 = 1 << 5;
  private static final int INDEXED = CpuidEntry.SIGNIFICANT_INDEX;

  /** A host that has everything that CPUID can tell, and more. */
  private static final List<CpuidEntry> RICH_HOST =
      List.of(
          new CpuidEntry(0, 0, 0, 0x20, 1, 2, 3),
          new CpuidEntry(1, 0, 0, 0x306c3, 0x0510_0800, ALL, ALL),
          new CpuidEntry(4, 0, INDEXED, 0x1c00_4121, 0, 0, 0),
          new CpuidEntry(4, 3, INDEXED, 0x1c03_c163, 0, 0, 0),
          new CpuidEntry(6, 0, 0, ALL, ALL, ALL, ALL),
          new CpuidEntry(7, 0, INDEXED, 2, ALL, ALL, ALL),
          new CpuidEntry(7, 1, INDEXED, ALL, ALL, ALL, ALL),
          new CpuidEntry(0xa, 0, 0, ALL, ALL, ALL, ALL),
          new CpuidEntry(0xb, 0, INDEXED, 1, 2, 0x100, 77),
          new CpuidEntry(0xd, 0, INDEXED, 0x2e7, 2696, 2696, 0),
          new CpuidEntry(0xd, 1, INDEXED, 0xf, 2696, 0x1800, 0),
          new CpuidEntry(0xd, 2, INDEXED, 256, 576, 0, 0),
          new CpuidEntry(0xd, 9, INDEXED, 8, 2688, 0, 0),
          new CpuidEntry(0x1f, 0, INDEXED, 1, 2, 0x100, 77),
          new CpuidEntry(0x40000000, 0, 0, 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d),
          new CpuidEntry(0x80000000, 0, 0, 0x80000022, 0, 0, 0),
          new CpuidEntry(0x80000001, 0, 0, 0, 0, ALL, ALL),
          new CpuidEntry(0x80000008, 0, 0, 0x3030, ALL, 0x5fff, ALL),
          new CpuidEntry(0x8000001e, 0, 0, 9, 9, 9, 9));

  private static CpuidEntry leaf(List<CpuidEntry> shaped, int function, int index) {
    return shaped.stream()
        .filter(entry -> entry.function() == function && entry.index() == index)
        .findFirst()
        .orElseThrow(() -> new AssertionError("no leaf 0x%x.%d".formatted(function, index)));
  }

  @Property
  void everyVcpuFindsItsOwnNumberAndTheSameTopology(
      @ForAll @IntRange(min = 1, max = 254) int vcpuCount, @ForAll @IntRange(max = 253) int any) {
    int vcpuId = any % vcpuCount;
    List<CpuidEntry> shaped = CpuTemplate.HOST.shape(RICH_HOST, vcpuId, vcpuCount, true);
    CpuidEntry basic = leaf(shaped, 1, 0);
    assertThat(basic.ebx() >>> 24).isEqualTo(vcpuId);
    assertThat((basic.ebx() >>> 16) & 0xff).isEqualTo(vcpuCount);
    CpuidEntry threads = leaf(shaped, 0xb, 0);
    CpuidEntry cores = leaf(shaped, 0xb, 1);
    assertThat(threads.edx()).isEqualTo(vcpuId);
    assertThat(cores.edx()).isEqualTo(vcpuId);
    assertThat(threads.ebx()).isEqualTo(1);
    assertThat(cores.ebx()).isEqualTo(vcpuCount);
    // The shift must leave no two vCPUs the same package-relative number, nor split the package.
    assertThat((vcpuCount - 1) >>> cores.eax()).isZero();
    assertThat(shaped.stream().filter(entry -> entry.function() == 0x1f)).isEmpty();
  }

  @Test
  void cachesOfACoreAreItsOwnAndTheLastLevelIsShared() {
    List<CpuidEntry> shaped = CpuTemplate.HOST.shape(RICH_HOST, 0, 4, true);
    assertThat((leaf(shaped, 4, 0).eax() >>> 14) & 0xfff).isZero();
    assertThat((leaf(shaped, 4, 3).eax() >>> 14) & 0xfff).isEqualTo(3);
    assertThat(leaf(shaped, 4, 0).eax() >>> 26).isEqualTo(3);
  }

  @Test
  void theHostTemplateKeepsFeaturesButHidesPerformanceCounters() {
    List<CpuidEntry> shaped = CpuTemplate.HOST.shape(RICH_HOST, 0, 1, true);
    assertThat(leaf(shaped, 7, 0).ebx()).isEqualTo(ALL);
    assertThat(leaf(shaped, 0xa, 0)).isEqualTo(new CpuidEntry(0xa, 0, 0, 0, 0, 0, 0));
  }

  @Test
  void theDeadlineTimerIsShownExactlyWhenKvmEmulatesIt() {
    int deadline = 1 << 24;
    List<CpuidEntry> poor = List.of(new CpuidEntry(1, 0, 0, 0, 0, 0, 0));
    assertThat(leaf(CpuTemplate.HOST.shape(poor, 0, 1, true), 1, 0).ecx() & deadline).isNotZero();
    assertThat(leaf(CpuTemplate.HOST.shape(poor, 0, 1, false), 1, 0).ecx() & deadline).isZero();
  }

  @Test
  void aBaselineShowsItsOwnFeaturesAndNothingElse() {
    List<CpuidEntry> v3 = CpuTemplate.X86_64_V3.shape(RICH_HOST, 0, 1, true);
    assertThat(leaf(v3, 7, 0).ebx() & AVX2).isNotZero();
    assertThat(leaf(v3, 7, 0).ebx() & AVX512F).isZero();
    assertThat(leaf(v3, 7, 0).ecx()).isZero();
    assertThat(leaf(v3, 0xd, 0)).isEqualTo(new CpuidEntry(0xd, 0, INDEXED, 7, 832, 832, 0));
    assertThat(leaf(v3, 0xd, 1)).isEqualTo(new CpuidEntry(0xd, 1, INDEXED, 0, 0, 0, 0));
    assertThat(v3).noneMatch(entry -> entry.function() == 0xd && entry.index() == 9);
    assertThat(v3).noneMatch(entry -> entry.function() == 6);
    assertThat(leaf(v3, 0, 0).eax()).isEqualTo(0xd);

    List<CpuidEntry> v2 = CpuTemplate.X86_64_V2.shape(RICH_HOST, 0, 1, true);
    assertThat(leaf(v2, 7, 0).ebx()).isZero();
    assertThat(v2).noneMatch(entry -> entry.function() == 0xd);
  }

  @Test
  void twoHostsOfOneLevelLookTheSameToAGuest() {
    List<CpuidEntry> other =
        RICH_HOST.stream()
            .map(
                entry ->
                    entry.function() == 7 && entry.index() == 0
                        ? entry.withAnswers(0, (1 << 3) | (1 << 5) | (1 << 8), 0, 0)
                        : entry)
            .toList();
    assertThat(CpuTemplate.X86_64_V3.shape(other, 0, 2, true))
        .isEqualTo(CpuTemplate.X86_64_V3.shape(RICH_HOST, 0, 2, true));
  }

  @Test
  void aHostBelowTheBaselineIsRefusedByTheNamesOfWhatItLacks() {
    List<CpuidEntry> withoutAvx2 =
        RICH_HOST.stream()
            .map(
                entry ->
                    entry.function() == 7 && entry.index() == 0
                        ? entry.withAnswers(0, ~(AVX2 | (1 << 8)), 0, 0)
                        : entry)
            .toList();
    assertThatThrownBy(() -> CpuTemplate.X86_64_V3.shape(withoutAvx2, 0, 1, true))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("this host cannot give CPU template x86-64-v3: it lacks AVX2, BMI2");
    assertThat(CpuTemplate.X86_64_V2.shape(withoutAvx2, 0, 1, true)).isNotEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"host", "x86-64-v2", "x86-64-v3"})
  void templatesAreFoundByName(String name) {
    assertThat(CpuTemplate.named(name).name()).isEqualTo(name);
  }

  @Test
  void anUnknownNameIsAnsweredWithThoseThereAre() {
    assertThatThrownBy(() -> CpuTemplate.named("486"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("no CPU template is called '486'; there are host, x86-64-v2, x86-64-v3");
  }
}
