package dev.torpor.vmm.checkpoint;

import dev.torpor.kvm.Cap;
import dev.torpor.kvm.CpuidEntry;
import dev.torpor.kvm.Kvm;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.ToIntFunction;

/**
 * Compares what CPUID answers a guest with what a host can answer, feature by feature, and names
 * them as processor manuals and Linux do (Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E;
 * KVM's own: Documentation/virt/kvm/x86/cpuid.rst).
 */
final class CpuidFeatures {
  private static final int LEAF_VENDOR = 0;
  private static final int LEAF_FEATURES = 1;

  /** What KVM gives a guest whatever the host has: x2APIC, a hypervisor, OSXSAVE when it asks. */
  private static final int ALWAYS_ECX = 1 << 21 | 1 << 31 | 1 << 27;

  private static final int TSC_DEADLINE = 1 << 24;

  /** Only that APIC ids are numbered for several threads, and that there is an APIC. */
  private static final int ALWAYS_EDX = 1 << 28 | 1 << 9;

  /** A register of feature bits; names from bit 0 on, a dash for one without a common name. */
  private record Word(
      String register, int leaf, int index, ToIntFunction<CpuidEntry> bits, String names) {

    String name(int bit) {
      String[] all = names.split(" ", -1);
      return bit < all.length && !all[bit].equals("-")
          ? all[bit]
          : "CPUID 0x%x.%d %s bit %d".formatted(leaf, index, register, bit);
    }

    int of(List<CpuidEntry> leaves) {
      for (CpuidEntry entry : leaves) {
        if (entry.function() == leaf && entry.index() == index) {
          return bits.applyAsInt(entry);
        }
      }
      return 0;
    }
  }

  private static Word eax(int leaf, int index, String names) {
    return new Word("EAX", leaf, index, CpuidEntry::eax, names);
  }

  private static Word ebx(int leaf, int index, String names) {
    return new Word("EBX", leaf, index, CpuidEntry::ebx, names);
  }

  private static Word ecx(int leaf, int index, String names) {
    return new Word("ECX", leaf, index, CpuidEntry::ecx, names);
  }

  private static Word edx(int leaf, int index, String names) {
    return new Word("EDX", leaf, index, CpuidEntry::edx, names);
  }

  private static final String XSAVE_COMPONENTS =
      "XSAVE-X87 XSAVE-SSE XSAVE-AVX XSAVE-BNDREGS XSAVE-BNDCSR XSAVE-OPMASK XSAVE-ZMM-HI256"
          + " XSAVE-HI16-ZMM - XSAVE-PKRU - - - - - - - XSAVE-TILECFG XSAVE-TILEDATA";

  private static final Word FEATURES_ECX =
      ecx(
          LEAF_FEATURES,
          0,
          "SSE3 PCLMULQDQ DTES64 MONITOR DS-CPL VMX SMX EIST TM2 SSSE3 CNXT-ID SDBG FMA CMPXCHG16B"
              + " XTPR PDCM - PCID DCA SSE4.1 SSE4.2 x2APIC MOVBE POPCNT TSC-DEADLINE AES XSAVE"
              + " OSXSAVE AVX F16C RDRAND HYPERVISOR");

  private static final Word FEATURES_EDX =
      edx(
          LEAF_FEATURES,
          0,
          "FPU VME DE PSE TSC MSR PAE MCE CMPXCHG8B APIC - SYSENTER MTRR PGE MCA CMOV PAT PSE-36"
              + " PSN CLFLUSH - DS ACPI MMX FXSR SSE SSE2 SS HTT TM IA64 PBE");

  private static final List<Word> WORDS =
      List.of(
          FEATURES_ECX,
          FEATURES_EDX,
          ebx(
              7,
              0,
              "FSGSBASE TSC_ADJUST SGX BMI1 HLE AVX2 FDP-EXCPTN SMEP BMI2 ERMS INVPCID RTM RDT-M"
                  + " ZERO-FCS MPX RDT-A AVX512F AVX512DQ RDSEED ADX SMAP AVX512IFMA - CLFLUSHOPT"
                  + " CLWB PT AVX512PF AVX512ER AVX512CD SHA AVX512BW AVX512VL"),
          ecx(
              7,
              0,
              "PREFETCHWT1 AVX512VBMI UMIP PKU OSPKE WAITPKG AVX512VBMI2 SHSTK GFNI VAES"
                  + " VPCLMULQDQ AVX512VNNI AVX512BITALG TME AVX512VPOPCNTDQ - LA57 - - - - - RDPID"
                  + " KL BUS-LOCK CLDEMOTE - MOVDIRI MOVDIR64B ENQCMD SGX-LC PKS"),
          edx(
              7,
              0,
              "- SGX-KEYS AVX512-4VNNIW AVX512-4FMAPS FSRM UINTR - - AVX512VP2INTERSECT SRBDS-CTRL"
                  + " MD-CLEAR RTM-ALWAYS-ABORT - - SERIALIZE HYBRID TSXLDTRK - PCONFIG ARCH-LBR IBT"
                  + " - AMX-BF16 AVX512-FP16 AMX-TILE AMX-INT8 IBRS STIBP L1D-FLUSH"
                  + " ARCH-CAPABILITIES CORE-CAPABILITIES SSBD"),
          eax(
              7,
              1,
              "SHA512 SM3 SM4 RAO-INT AVX-VNNI AVX512-BF16 LASS CMPCCXADD ARCHPERFMON - FZLRM FSRS"
                  + " FSRC - - - - FRED LKGS WRMSRNS NMI-SRC AMX-FP16 HRESET AVX-IFMA - - LAM"),
          edx(7, 1, "- - - - AVX-VNNI-INT8 AVX-NE-CONVERT - - AMX-COMPLEX - - - - - PREFETCHITI"),
          edx(7, 2, "INTEL-PSFD IPRED-CTRL RRSBA-CTRL DDPD-U BHI-CTRL MCDT-NO"),
          eax(0xd, 0, XSAVE_COMPONENTS),
          eax(0xd, 1, "XSAVEOPT XSAVEC XGETBV-ECX1 XSAVES XFD"),
          ecx(0xd, 1, "- - - - - - - - - - - XSS-CET-USER XSS-CET-KERNEL"),
          eax(
              0x40000001,
              0,
              "KVM-CLOCKSOURCE KVM-NOP-IO-DELAY KVM-MMU-OP KVM-CLOCKSOURCE2 KVM-ASYNC-PF"
                  + " KVM-STEAL-TIME KVM-PV-EOI KVM-PV-UNHALT - KVM-PV-TLB-FLUSH"
                  + " KVM-ASYNC-PF-VMEXIT KVM-PV-SEND-IPI KVM-POLL-CONTROL KVM-PV-SCHED-YIELD"
                  + " KVM-ASYNC-PF-INT KVM-MSI-EXT-DEST-ID KVM-HC-MAP-GPA-RANGE"
                  + " KVM-MIGRATION-CONTROL - - - - - - KVM-CLOCKSOURCE-STABLE"),
          ecx(
              0x80000001,
              0,
              "LAHF CMP-LEGACY SVM EXTAPIC CR8-LEGACY LZCNT SSE4A MISALIGNSSE 3DNOWPREFETCH OSVW IBS"
                  + " XOP SKINIT WDT - LWP FMA4 TCE - NODEID-MSR - TBM TOPOEXT PERFCTR-CORE PERFCTR-NB"
                  + " - DBEXT PERF-TSC PERFCTR-LLC MWAITX"),
          edx(
              0x80000001,
              0,
              "- - - - - - - - - - - SYSCALL - - - - - - - MP NX - MMXEXT - - FXSR-OPT PDPE1GB RDTSCP"
                  + " - LM 3DNOWEXT 3DNOW"),
          edx(0x80000007, 0, "- - - - - - - - INVARIANT-TSC"),
          ebx(
              0x80000008,
              0,
              "CLZERO IRPERF XSAVEERPTR - RDPRU - - - - WBNOINVD - - AMD-IBPB - AMD-IBRS AMD-STIBP -"
                  + " AMD-STIBP-ALWAYS-ON - - - - - AMD-PPIN AMD-SSBD VIRT-SSBD AMD-SSB-NO CPPC"
                  + " AMD-PSFD BTC-NO IBPB-RET"),
          eax(
              0x80000021,
              0,
              "NO-NESTED-DATA-BP FSGS-NON-SERIALIZING LFENCE-RDTSC - - - NULL-SEL-CLR-BASE - AUTOIBRS"
                  + " NO-SMM-CTL-MSR - - - - - - - - - - - - - - - - - SBPB IBPB-BRTYPE SRSO-NO"));

  private CpuidFeatures() {}

  /** The names of what the guest was told it has and the host cannot give. */
  static List<String> missing(List<CpuidEntry> guest, List<CpuidEntry> host, Kvm kvm) {
    int deadline = kvm.check(Cap.TSC_DEADLINE_TIMER) != 0 ? TSC_DEADLINE : 0;
    return missing(guest, host, ALWAYS_ECX | deadline);
  }

  static List<String> missing(List<CpuidEntry> guest, List<CpuidEntry> host, int alwaysEcx) {
    List<String> missing = new ArrayList<>();
    Optional<String> vendor = vendor(guest);
    if (!vendor.equals(vendor(host))) {
      missing.add("a processor of " + vendor.orElse("unknown make"));
    }
    for (Word word : WORDS) {
      int always =
          word.equals(FEATURES_ECX) ? alwaysEcx : word.equals(FEATURES_EDX) ? ALWAYS_EDX : 0;
      int lacking = word.of(guest) & ~(word.of(host) | always);
      for (int bit = 0; bit < Integer.SIZE; bit++) {
        if ((lacking >>> bit & 1) != 0) {
          missing.add(word.name(bit));
        }
      }
    }
    return missing;
  }

  private static Optional<String> vendor(List<CpuidEntry> leaves) {
    return leaves.stream()
        .filter(leaf -> leaf.function() == LEAF_VENDOR)
        .findFirst()
        .map(
            leaf ->
                ByteBuffer.allocate(3 * Integer.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(leaf.ebx())
                    .putInt(leaf.edx())
                    .putInt(leaf.ecx())
                    .array())
        .map(bytes -> new String(bytes, StandardCharsets.ISO_8859_1));
  }
}
