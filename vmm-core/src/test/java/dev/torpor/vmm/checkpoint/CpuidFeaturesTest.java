package dev.torpor.vmm.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.kvm.CpuidEntry;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a host lacks is named as manuals name it. */
class CpuidFeaturesTest {
  private static List<String> missing(List<CpuidEntry> guest, List<CpuidEntry> host) {
    return CpuidFeatures.missing(guest, host, 0);
  }

  private static CpuidEntry leaf(int function, int index, int eax, int ebx, int ecx, int edx) {
    return new CpuidEntry(function, index, 0, eax, ebx, ecx, edx);
  }

  @ParameterizedTest
  @CsvSource({
    "1, 0, ECX, 25, AES",
    "1, 0, ECX, 28, AVX",
    "1, 0, EDX, 26, SSE2",
    "7, 0, EBX, 5, AVX2",
    "7, 0, EBX, 31, AVX512VL",
    "7, 0, ECX, 22, RDPID",
    "7, 0, EDX, 24, AMX-TILE",
    "7, 0, EDX, 31, SSBD",
    "7, 1, EAX, 4, AVX-VNNI",
    "13, 0, EAX, 9, XSAVE-PKRU",
    "13, 1, EAX, 3, XSAVES",
    "1073741825, 0, EAX, 24, KVM-CLOCKSOURCE-STABLE",
    "-2147483647, 0, ECX, 5, LZCNT",
    "-2147483647, 0, EDX, 29, LM",
    "-2147483641, 0, EDX, 8, INVARIANT-TSC",
    "-2147483640, 0, EBX, 9, WBNOINVD",
    "7, 1, EAX, 31, CPUID 0x7.1 EAX bit 31"
  })
  void aMissingFeatureIsNamed(int function, int index, String register, int bit, String name) {
    int word = 1 << bit;
    CpuidEntry guest =
        leaf(
            function,
            index,
            register.equals("EAX") ? word : 0,
            register.equals("EBX") ? word : 0,
            register.equals("ECX") ? word : 0,
            register.equals("EDX") ? word : 0);
    assertThat(missing(List.of(guest), List.of())).containsExactly(name);
    assertThat(missing(List.of(guest), List.of(guest))).isEmpty();
  }

  @Test
  void anotherMakeOfProcessorIsNamed() {
    CpuidEntry intel = leaf(0, 0, 0xd, 0x756e6547, 0x6c65746e, 0x49656e69);
    CpuidEntry amd = leaf(0, 0, 0xd, 0x68747541, 0x444d4163, 0x69746e65);
    assertThat(missing(List.of(intel), List.of(amd)))
        .containsExactly("a processor of GenuineIntel");
  }

  @Property
  void whateverAHostHasBesidesDoesNotMatter(@ForAll int guest, @ForAll int more) {
    assertThat(
            missing(
                List.of(leaf(7, 0, 0, guest, 0, 0)), List.of(leaf(7, 0, 0, guest | more, 0, 0))))
        .isEmpty();
    assertThat(missing(List.of(leaf(7, 0, 0, guest, 0, 0)), List.of(leaf(7, 0, 0, more, 0, 0))))
        .hasSize(Integer.bitCount(guest & ~more));
  }
}
