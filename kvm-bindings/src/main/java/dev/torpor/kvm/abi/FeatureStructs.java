package dev.torpor.kvm.abi;

import static dev.torpor.linux.abi.Abi.array;
import static dev.torpor.linux.abi.Abi.bytes;
import static dev.torpor.linux.abi.Abi.struct;
import static dev.torpor.linux.abi.Abi.u32;
import static dev.torpor.linux.abi.Abi.u64;

import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** MSRs and CPUID (KVM API: sections 4.3, 4.18, 4.19, 4.20). */
public final class FeatureStructs {
  private FeatureStructs() {}

  /** An MSR and its value. */
  public static final StructLayout KVM_MSR_ENTRY =
      struct("kvm_msr_entry", u32("index"), u32("reserved"), u64("data"));

  /** A list of MSRs with their values. */
  public static final StructLayout KVM_MSRS =
      struct("kvm_msrs", u32("nmsrs"), u32("pad"), array("entries", 0, KVM_MSR_ENTRY));

  /** A list of MSR indices. */
  public static final StructLayout KVM_MSR_LIST =
      struct("kvm_msr_list", u32("nmsrs"), array("indices", 0, ValueLayout.JAVA_INT));

  /** The answer of CPUID for one leaf and subleaf. */
  public static final StructLayout KVM_CPUID_ENTRY2 =
      struct(
          "kvm_cpuid_entry2",
          u32("function"),
          u32("index"),
          u32("flags"),
          u32("eax"),
          u32("ebx"),
          u32("ecx"),
          u32("edx"),
          bytes("padding", 12));

  /** A list of CPUID answers. */
  public static final StructLayout KVM_CPUID2 =
      struct("kvm_cpuid2", u32("nent"), u32("padding"), array("entries", 0, KVM_CPUID_ENTRY2));

  /** Every structure here, for the test against the headers. */
  public static final List<StructLayout> ALL =
      List.of(KVM_MSR_ENTRY, KVM_MSRS, KVM_MSR_LIST, KVM_CPUID_ENTRY2, KVM_CPUID2);
}
