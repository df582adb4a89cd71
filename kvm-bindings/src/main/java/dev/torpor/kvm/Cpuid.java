package dev.torpor.kvm;

import static dev.torpor.kvm.abi.FeatureStructs.KVM_CPUID2;
import static dev.torpor.kvm.abi.FeatureStructs.KVM_CPUID_ENTRY2;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.util.ArrayList;
import java.util.List;

/** A list of CPUID answers, as KVM takes and gives it (section 4.20). */
public final class Cpuid extends KvmStruct {
  /** Room enough for every host that was seen. */
  static final int USUAL_CAPACITY = 128;

  private static final long ENTRIES = KVM_CPUID2.byteSize();
  private static final long ENTRY_BYTES = KVM_CPUID_ENTRY2.byteSize();

  /** Room for {@code capacity} answers, to be filled by the kernel. */
  Cpuid(int capacity) {
    super(ENTRIES + capacity * ENTRY_BYTES);
    segment().set(JAVA_INT, 0, capacity);
  }

  /**
   * A list of the given answers.
   *
   * @param entries the answers
   * @return the list
   */
  public static Cpuid of(List<CpuidEntry> entries) {
    Cpuid list = new Cpuid(entries.size());
    long at = ENTRIES;
    for (CpuidEntry entry : entries) {
      int[] words = {
        entry.function(),
        entry.index(),
        entry.flags(),
        entry.eax(),
        entry.ebx(),
        entry.ecx(),
        entry.edx()
      };
      for (int i = 0; i < words.length; i++) {
        list.segment().set(JAVA_INT, at + (long) i * Integer.BYTES, words[i]);
      }
      at += ENTRY_BYTES;
    }
    return list;
  }

  /**
   * The answers.
   *
   * @return the answers, in the kernel's order
   */
  public List<CpuidEntry> entries() {
    int count = segment().get(JAVA_INT, 0);
    List<CpuidEntry> entries = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      long at = ENTRIES + i * ENTRY_BYTES;
      entries.add(
          new CpuidEntry(
              word(at, 0),
              word(at, 1),
              word(at, 2),
              word(at, 3),
              word(at, 4),
              word(at, 5),
              word(at, 6)));
    }
    return List.copyOf(entries);
  }

  private int word(long at, int index) {
    return segment().get(JAVA_INT, at + (long) index * Integer.BYTES);
  }
}
