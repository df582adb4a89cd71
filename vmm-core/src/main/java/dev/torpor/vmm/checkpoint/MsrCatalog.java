package dev.torpor.vmm.checkpoint;

import dev.torpor.kvm.Kvm;
import dev.torpor.kvm.Msrs;
import dev.torpor.kvm.VcpuFd;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Which model-specific registers make up a vCPU's state: those on KVM's list, and those that it
 * forgets, as far as the host can read them and takes back what it read.
 *
 * <p>The order is that in which they are set: the time stamp counter first, the deadline that
 * compares with it last, and whether pages may come in asynchronously after the vector that tells
 * of it, because enabling them wakes every guest task that still waits for a page of before.
 */
final class MsrCatalog {
  static final int TSC = 0x10;
  static final int TSC_DEADLINE = 0x6e0;

  /**
   * Where a guest had its kvmclock put; bit 0 says that it is in use. The second is the old one.
   */
  static final int KVM_SYSTEM_TIME = 0x4b564d01;

  static final int KVM_SYSTEM_TIME_OLD = 0x12;

  /**
   * No state: setting it asks KVM to write the time of day to guest memory at once, and a guest
   * sets it whenever it wants to know. Set by a restore, it would change memory behind its back.
   */
  private static final int KVM_WALL_CLOCK = 0x4b564d00;

  private static final int KVM_WALL_CLOCK_OLD = 0x11;

  private static final int KVM_ASYNC_PF_ENABLE = 0x4b564d02;
  private static final int FIRST_PARAVIRTUAL = 0x4b564d00;
  private static final int LAST_PARAVIRTUAL = 0x4b564dff;

  /** So many in a row that are missing end the paravirtual ones: they are numbered from 0. */
  private static final int PARAVIRTUAL_GAP = 8;

  /** Hyper-V's: no guest is offered them, and setting one makes KVM allocate their emulation. */
  private static final int FIRST_HYPERV = 0x40000000;

  private static final int LAST_HYPERV = 0x40000fff;

  /** MTRRs, machine checks, debugging and others that some kernels leave out of the list. */
  private static final int[] UNLISTED =
      Stream.of(
              IntStream.of(TSC, TSC_DEADLINE, 0x17, 0x2a, 0x3a, 0x8b, 0xce, 0x140, 0x179, 0x17a),
              IntStream.of(0x17b, 0x1a0, 0x1d9, 0x1db, 0x1dc, 0x1dd, 0x1de, 0x277, 0x2ff),
              IntStream.rangeClosed(0x200, 0x20f),
              IntStream.of(0x250, 0x258, 0x259),
              IntStream.rangeClosed(0x268, 0x26f),
              IntStream.rangeClosed(0x400, 0x47f),
              IntStream.of(0xc0000103, 0xc0010010, 0xc0010015, 0xc001001f, 0xc0010055),
              IntStream.of(0xc0010140, 0xc0010141, 0xc0011020, 0xc0011029, 0xc001102a))
          .flatMapToInt(range -> range)
          .toArray();

  private MsrCatalog() {}

  /**
   * Tries them out.
   *
   * @param vcpu a vCPU that never runs, with its CPUID set: which MSRs there are follows from it
   */
  static int[] probe(Kvm kvm, VcpuFd vcpu) {
    Set<Integer> candidates = new LinkedHashSet<>();
    IntStream.concat(Arrays.stream(kvm.msrIndices()), Arrays.stream(UNLISTED))
        .filter(index -> !isBetween(index, FIRST_HYPERV, LAST_HYPERV))
        .filter(index -> !isBetween(index, FIRST_PARAVIRTUAL, LAST_PARAVIRTUAL))
        .filter(index -> index != KVM_WALL_CLOCK_OLD)
        .forEach(candidates::add);
    paravirtual(vcpu).forEach(candidates::add);
    List<Integer> readable = accepted(List.copyOf(candidates), vcpu::tryGetMsrs);
    Msrs values = new Msrs(toArray(readable));
    vcpu.getMsrs(values);
    return readable.isEmpty() ? new int[0] : ordered(writable(vcpu, values));
  }

  private static boolean isBetween(int index, int first, int last) {
    return index >= first && index <= last;
  }

  private static List<Integer> paravirtual(VcpuFd vcpu) {
    List<Integer> found = new ArrayList<>();
    int missing = 0;
    for (int i = FIRST_PARAVIRTUAL; i <= LAST_PARAVIRTUAL && missing < PARAVIRTUAL_GAP; i++) {
      if (vcpu.tryGetMsrs(new Msrs(i)) == 1) {
        missing = 0;
        if (i != KVM_WALL_CLOCK) {
          found.add(i);
        }
      } else {
        missing++;
      }
    }
    return found;
  }

  /** KVM stops at the first that it refuses, so what is left is tried again behind it. */
  private static List<Integer> accepted(List<Integer> candidates, ToIntFunction<Msrs> attempt) {
    List<Integer> accepted = new ArrayList<>();
    int at = 0;
    while (at < candidates.size()) {
      List<Integer> left = candidates.subList(at, candidates.size());
      int done = attempt.applyAsInt(new Msrs(toArray(left)));
      accepted.addAll(left.subList(0, done));
      at += done + 1;
    }
    return accepted;
  }

  private static List<Integer> writable(VcpuFd vcpu, Msrs values) {
    List<Integer> indices = IntStream.range(0, values.count()).mapToObj(values::index).toList();
    return accepted(
        indices,
        attempt -> {
          int first = values.count() - attempt.count();
          for (int i = 0; i < attempt.count(); i++) {
            attempt.setValue(i, values.value(first + i));
          }
          return vcpu.trySetMsrs(attempt);
        });
  }

  private static int[] ordered(List<Integer> indices) {
    return indices.stream()
        .sorted((a, b) -> Integer.compare(rank(a), rank(b)))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  private static int rank(int index) {
    return switch (index) {
      case TSC -> 0;
      case KVM_ASYNC_PF_ENABLE -> 2;
      case TSC_DEADLINE -> 3;
      default -> 1;
    };
  }

  private static int[] toArray(List<Integer> indices) {
    return indices.stream().mapToInt(Integer::intValue).toArray();
  }
}
