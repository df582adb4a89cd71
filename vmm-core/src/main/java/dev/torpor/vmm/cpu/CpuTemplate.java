package dev.torpor.vmm.cpu;

import dev.torpor.kvm.CpuidEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What CPUID tells a guest of its processor.
 *
 * <p>{@link #HOST} passes on what the host has. A baseline shows exactly the features of one level
 * of the x86-64 psABI, so that a checkpoint restores on every host of that level; a host below it
 * is refused by the names of what it lacks. Either way the topology is made to fit the VM, and
 * performance counters are hidden, because their state could not follow the guest.
 */
public final class CpuTemplate {
  private static final int LEAF_CACHES_INTEL = 4;
  private static final int LEAF_PERFORMANCE = 0xa;
  private static final int LEAF_TOPOLOGY = 0xb;
  private static final int LEAF_TOPOLOGY_V2 = 0x1f;
  private static final int LEAF_EXTENDED = 0x80000000;
  private static final int LEAF_AMD_SIZES = 0x80000008;
  private static final int LEAF_AMD_PERFORMANCE = 0x80000022;
  private static final int LEAF_AMD_CACHES = 0x8000001d;
  private static final int LEAF_AMD_TOPOLOGY = 0x8000001e;

  private static final int HYPER_THREADING = 1 << 28;
  private static final int X2APIC = 1 << 21;
  private static final int TSC_DEADLINE = 1 << 24;
  private static final int HYPERVISOR = 1 << 31;
  private static final int AMD_TOPOLOGY_EXTENSIONS = 1 << 22;
  private static final int AMD_PERFORMANCE_EXTENSIONS = (1 << 23) | (1 << 24) | (1 << 28);

  /** Everything that the host and KVM can give. */
  public static final CpuTemplate HOST = new CpuTemplate("host", null);

  /** The baseline of 2009: SSE4.2, POPCNT. */
  public static final CpuTemplate X86_64_V2 = new CpuTemplate("x86-64-v2", Baseline.X86_64_V2);

  /** The baseline of 2015: AVX2, FMA, BMI2. */
  public static final CpuTemplate X86_64_V3 = new CpuTemplate("x86-64-v3", Baseline.X86_64_V3);

  private static final List<CpuTemplate> ALL = List.of(HOST, X86_64_V2, X86_64_V3);

  private final String name;
  private final Baseline baseline;

  private CpuTemplate(String name, Baseline baseline) {
    this.name = name;
    this.baseline = baseline;
  }

  /**
   * Finds a template.
   *
   * @param name its name
   * @return the template
   * @throws IllegalArgumentException if there is none; the message lists those there are
   */
  public static CpuTemplate named(String name) {
    return ALL.stream()
        .filter(template -> template.name.equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "no CPU template is called '"
                        + name
                        + "'; there are "
                        + ALL.stream().map(CpuTemplate::name).collect(Collectors.joining(", "))));
  }

  /**
   * Its name.
   *
   * @return for instance {@code x86-64-v3}
   */
  public String name() {
    return name;
  }

  @Override
  public String toString() {
    return name;
  }

  /**
   * What CPUID answers on one vCPU.
   *
   * @param supported what the host and KVM can give
   * @param vcpuId the vCPU, numbered from 0
   * @param vcpuCount how many the VM has: one socket, one thread a core
   * @param tscDeadline whether KVM emulates the local APIC's deadline mode
   * @return the answers
   * @throws IllegalArgumentException if the host lacks features of the baseline, naming them
   */
  public List<CpuidEntry> shape(
      List<CpuidEntry> supported, int vcpuId, int vcpuCount, boolean tscDeadline) {
    if (baseline != null) {
      List<String> missing = baseline.missingFrom(supported);
      if (!missing.isEmpty()) {
        throw new IllegalArgumentException(
            "this host cannot give CPU template "
                + name
                + ": it lacks "
                + String.join(", ", missing));
      }
    }
    List<CpuidEntry> shaped = new ArrayList<>();
    for (CpuidEntry entry : supported) {
      if (isReplaced(entry.function())) {
        continue;
      }
      CpuidEntry kept = baseline == null ? entry : baseline.limit(entry);
      if (kept != null) {
        shaped.add(fit(kept, vcpuId, vcpuCount, tscDeadline));
      }
    }
    shaped.addAll(topology(vcpuId, vcpuCount));
    return List.copyOf(shaped);
  }

  private static boolean isReplaced(int function) {
    return switch (function) {
      case LEAF_TOPOLOGY, LEAF_TOPOLOGY_V2, LEAF_AMD_CACHES, LEAF_AMD_TOPOLOGY -> true;
      default -> false;
    };
  }

  /** Adapts a leaf to the vCPU and the VM. */
  private static CpuidEntry fit(CpuidEntry entry, int vcpuId, int vcpuCount, boolean tscDeadline) {
    int eax = entry.eax();
    int ebx = entry.ebx();
    int ecx = entry.ecx();
    int edx = entry.edx();
    return switch (entry.function()) {
      case 0 -> entry.withAnswers(Math.clamp(eax, LEAF_TOPOLOGY, 0x1e), ebx, ecx, edx);
      case 1 ->
          entry.withAnswers(
              eax,
              (ebx & 0xffff) | (Math.min(vcpuCount, 0xff) << 16) | (vcpuId << 24),
              ecx | HYPERVISOR | X2APIC | (tscDeadline ? TSC_DEADLINE : 0),
              vcpuCount > 1 ? edx | HYPER_THREADING : edx & ~HYPER_THREADING);
      case LEAF_CACHES_INTEL -> entry.withAnswers(cacheSharing(eax, vcpuCount), ebx, ecx, edx);
      case LEAF_PERFORMANCE, LEAF_AMD_PERFORMANCE -> entry.withAnswers(0, 0, 0, 0);
      case LEAF_EXTENDED + 1 ->
          entry.withAnswers(
              eax, ebx, ecx & ~(AMD_TOPOLOGY_EXTENSIONS | AMD_PERFORMANCE_EXTENSIONS), edx);
      case LEAF_AMD_SIZES ->
          entry.withAnswers(eax, ebx, (vcpuCount - 1) | (bitsFor(vcpuCount) << 12), edx);
      default -> entry;
    };
  }

  /** Leaf 4: the first two levels belong to a core, the third to the socket. */
  private static int cacheSharing(int eax, int vcpuCount) {
    int type = eax & 0x1f;
    if (type == 0) {
      return eax;
    }
    int level = (eax >> 5) & 0x7;
    int sharingThreads = level >= 3 ? vcpuCount : 1;
    return (eax & 0x3fff) | ((sharingThreads - 1) << 14) | ((Math.min(vcpuCount, 64) - 1) << 26);
  }

  /** Leaf 0xb: threads in a core, then cores in the socket, then the end of the list. */
  private static List<CpuidEntry> topology(int vcpuId, int vcpuCount) {
    int flags = CpuidEntry.SIGNIFICANT_INDEX;
    int threadLevel = 1 << 8;
    int coreLevel = 2 << 8;
    return Stream.of(
            new CpuidEntry(LEAF_TOPOLOGY, 0, flags, 0, 1, threadLevel, vcpuId),
            new CpuidEntry(
                LEAF_TOPOLOGY, 1, flags, bitsFor(vcpuCount), vcpuCount, coreLevel | 1, vcpuId),
            new CpuidEntry(LEAF_TOPOLOGY, 2, flags, 0, 0, 2, vcpuId))
        .toList();
  }

  /** How many bits number that many things. */
  private static int bitsFor(int count) {
    return Integer.SIZE - Integer.numberOfLeadingZeros(count - 1);
  }
}
