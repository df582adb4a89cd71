package dev.torpor.vmm.cpu;

import dev.torpor.kvm.CpuidEntry;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A level of the x86-64 psABI as CPUID bits: exactly these features are shown, whatever else the
 * host has (x86-64 psABI, section 3.1.1; Intel SDM volume 2, CPUID).
 */
enum Baseline {
  /** SSE3, SSSE3, SSE4.1, SSE4.2, POPCNT, CMPXCHG16B, LAHF. */
  X86_64_V2(0),
  /** AVX, AVX2, BMI1, BMI2, F16C, FMA, LZCNT, MOVBE, XSAVE as well. */
  X86_64_V3(0x7);

  private static final int LEAF_FEATURES = 1;
  private static final int LEAF_STRUCTURED = 7;
  private static final int LEAF_XSAVE = 0xd;
  private static final int LAST_BASIC = 0xd;
  private static final int LEAF_HYPERVISOR = 0x40000000;
  private static final int LEAF_EXTENDED = 0x80000000;
  private static final int LEAF_EXTENDED_FEATURES = 0x80000001;
  private static final int LAST_EXTENDED = 0x80000008;

  private static final int XSAVE_LEGACY_BYTES = 512 + 64;
  private static final int AVX_BYTES = 256;
  private static final int AVX_COMPONENT = 2;

  /** The registers that hold feature bits. */
  private enum Word {
    FEATURES_ECX(LEAF_FEATURES),
    FEATURES_EDX(LEAF_FEATURES),
    STRUCTURED_EBX(LEAF_STRUCTURED),
    EXTENDED_ECX(LEAF_EXTENDED_FEATURES),
    EXTENDED_EDX(LEAF_EXTENDED_FEATURES);

    private final int leaf;

    Word(int leaf) {
      this.leaf = leaf;
    }

    private int of(CpuidEntry entry) {
      return switch (this) {
        case FEATURES_ECX, EXTENDED_ECX -> entry.ecx();
        case FEATURES_EDX, EXTENDED_EDX -> entry.edx();
        case STRUCTURED_EBX -> entry.ebx();
      };
    }
  }

  private record Feature(String name, Word word, int bit) {}

  private static final List<Feature> SINCE_V2 =
      List.of(
          new Feature("SSE3", Word.FEATURES_ECX, 0),
          new Feature("SSSE3", Word.FEATURES_ECX, 9),
          new Feature("CMPXCHG16B", Word.FEATURES_ECX, 13),
          new Feature("SSE4.1", Word.FEATURES_ECX, 19),
          new Feature("SSE4.2", Word.FEATURES_ECX, 20),
          new Feature("POPCNT", Word.FEATURES_ECX, 23),
          new Feature("FPU", Word.FEATURES_EDX, 0),
          new Feature("PSE", Word.FEATURES_EDX, 3),
          new Feature("TSC", Word.FEATURES_EDX, 4),
          new Feature("MSR", Word.FEATURES_EDX, 5),
          new Feature("PAE", Word.FEATURES_EDX, 6),
          new Feature("CMPXCHG8B", Word.FEATURES_EDX, 8),
          new Feature("APIC", Word.FEATURES_EDX, 9),
          new Feature("SYSENTER", Word.FEATURES_EDX, 11),
          new Feature("MTRR", Word.FEATURES_EDX, 12),
          new Feature("PGE", Word.FEATURES_EDX, 13),
          new Feature("CMOV", Word.FEATURES_EDX, 15),
          new Feature("PAT", Word.FEATURES_EDX, 16),
          new Feature("CLFLUSH", Word.FEATURES_EDX, 19),
          new Feature("MMX", Word.FEATURES_EDX, 23),
          new Feature("FXSR", Word.FEATURES_EDX, 24),
          new Feature("SSE", Word.FEATURES_EDX, 25),
          new Feature("SSE2", Word.FEATURES_EDX, 26),
          new Feature("LAHF", Word.EXTENDED_ECX, 0),
          new Feature("SYSCALL", Word.EXTENDED_EDX, 11),
          new Feature("NX", Word.EXTENDED_EDX, 20),
          new Feature("LM", Word.EXTENDED_EDX, 29));

  private static final List<Feature> SINCE_V3 =
      List.of(
          new Feature("FMA", Word.FEATURES_ECX, 12),
          new Feature("MOVBE", Word.FEATURES_ECX, 22),
          new Feature("XSAVE", Word.FEATURES_ECX, 26),
          new Feature("AVX", Word.FEATURES_ECX, 28),
          new Feature("F16C", Word.FEATURES_ECX, 29),
          new Feature("BMI1", Word.STRUCTURED_EBX, 3),
          new Feature("AVX2", Word.STRUCTURED_EBX, 5),
          new Feature("BMI2", Word.STRUCTURED_EBX, 8),
          new Feature("LZCNT", Word.EXTENDED_ECX, 5));

  /** What XSAVE saves: bit 0 x87, 1 SSE, 2 AVX; 0 without XSAVE. */
  private final int xsaveComponents;

  Baseline(int xsaveComponents) {
    this.xsaveComponents = xsaveComponents;
  }

  private List<Feature> features() {
    return this == X86_64_V2
        ? SINCE_V2
        : Stream.of(SINCE_V2, SINCE_V3).flatMap(Collection::stream).toList();
  }

  /** The names of the features that the host lacks. */
  List<String> missingFrom(List<CpuidEntry> supported) {
    Map<Word, Integer> host = new EnumMap<>(Word.class);
    for (Word word : Word.values()) {
      for (CpuidEntry entry : supported) {
        if (entry.function() == word.leaf && entry.index() == 0) {
          host.put(word, word.of(entry));
        }
      }
    }
    List<String> missing = new ArrayList<>();
    for (Feature feature : features()) {
      if (((host.getOrDefault(feature.word, 0) >>> feature.bit) & 1) == 0) {
        missing.add(feature.name);
      }
    }
    return List.copyOf(missing);
  }

  /** The leaf with only the baseline's features; null where the baseline has no such leaf. */
  CpuidEntry limit(CpuidEntry entry) {
    int function = entry.function();
    if (function >= 0 && function < LEAF_HYPERVISOR) {
      return function > LAST_BASIC ? null : limitBasic(entry);
    }
    if (function < 0) {
      return Integer.compareUnsigned(function, LAST_EXTENDED) > 0 ? null : limitExtended(entry);
    }
    return entry;
  }

  private CpuidEntry limitBasic(CpuidEntry entry) {
    return switch (entry.function()) {
      case 0 ->
          entry.withAnswers(
              Math.min(entry.eax(), LAST_BASIC), entry.ebx(), entry.ecx(), entry.edx());
      case LEAF_FEATURES ->
          entry.withAnswers(
              entry.eax(), entry.ebx(), mask(Word.FEATURES_ECX), mask(Word.FEATURES_EDX));
      // Power management and its like differ between hosts, and a guest has no use for them.
      case 5, 6, 9 -> null;
      case LEAF_STRUCTURED ->
          entry.index() == 0 ? entry.withAnswers(0, mask(Word.STRUCTURED_EBX), 0, 0) : null;
      case LEAF_XSAVE -> limitXsave(entry);
      default -> entry;
    };
  }

  private CpuidEntry limitExtended(CpuidEntry entry) {
    return switch (entry.function()) {
      case LEAF_EXTENDED -> entry.withAnswers(LAST_EXTENDED, entry.ebx(), entry.ecx(), entry.edx());
      case LEAF_EXTENDED_FEATURES ->
          entry.withAnswers(
              entry.eax(),
              entry.ebx(),
              mask(Word.EXTENDED_ECX),
              // AMD repeats the basic features here; the guest may look in either place.
              mask(Word.EXTENDED_EDX) | (entry.edx() & mask(Word.FEATURES_EDX)));
      case LAST_EXTENDED -> entry.withAnswers(entry.eax(), 0, entry.ecx(), 0);
      default -> entry;
    };
  }

  private CpuidEntry limitXsave(CpuidEntry entry) {
    if (xsaveComponents == 0) {
      return null;
    }
    int byteSize = XSAVE_LEGACY_BYTES + AVX_BYTES;
    return switch (entry.index()) {
      case 0 -> entry.withAnswers(xsaveComponents, byteSize, byteSize, 0);
      case 1 -> entry.withAnswers(0, 0, 0, 0);
      case AVX_COMPONENT -> entry.withAnswers(AVX_BYTES, XSAVE_LEGACY_BYTES, 0, 0);
      default -> null;
    };
  }

  private int mask(Word word) {
    int mask = 0;
    for (Feature feature : features()) {
      if (feature.word == word) {
        mask |= 1 << feature.bit;
      }
    }
    return mask;
  }
}
