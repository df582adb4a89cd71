package dev.torpor.launcher.doctor;

import dev.torpor.kvm.Kvm;
import java.util.List;

/** What the kernel and Java offer to every program. */
final class SystemChecks {
  private static final int LEAST_JAVA = 25;
  private static final int LEAST_FILES = 1024;
  private static final long LEAST_LOCKED_BYTES = 8 << 20;
  private static final long LEAST_MEMORY_BYTES = 256L << 20;
  private static final int LEAST_KERNEL_MAJOR = 6;
  private static final int LEAST_KERNEL_MINOR = 1;

  private SystemChecks() {}

  static List<Capability> run(HostFacts host) {
    return List.of(memory(host), kernel(host), java(), nativeAccess(), openFiles(), lockedMemory());
  }

  private static Capability memory(HostFacts host) {
    return Capability.required(
            "memory", "Memory", "memory for guests", "end other programs, or add memory")
        .found(
            host.availableBytes() >= LEAST_MEMORY_BYTES,
            "%,d MiB can be used now".formatted(host.availableBytes() >> 20));
  }

  private static Capability kernel(HostFacts host) {
    return Capability.useful(
            "linux", "Linux", "whatever is missing below", "Linux 6.1 or newer; 6.8 has everything")
        .found(isRecent(host.kernel()), host.kernel());
  }

  static boolean isRecent(String release) {
    String[] numbers = release.split("[^0-9]+", 3);
    if (numbers.length < 2 || numbers[0].isEmpty() || numbers[1].isEmpty()) {
      return false;
    }
    int major = Integer.parseInt(numbers[0]);
    int minor = Integer.parseInt(numbers[1]);
    return major > LEAST_KERNEL_MAJOR
        || (major == LEAST_KERNEL_MAJOR && minor >= LEAST_KERNEL_MINOR);
  }

  private static Capability java() {
    return Capability.required("java", "Java", "Torpor itself", "a JDK 25 or newer")
        .found(Runtime.version().feature() >= LEAST_JAVA, Runtime.version().toString());
  }

  private static Capability nativeAccess() {
    boolean ok = Kvm.class.getModule().isNativeAccessEnabled();
    return Capability.useful(
            "native-access",
            "Native access",
            "silence: Java warns at every start, and will refuse one day",
            "start Java with --enable-native-access=dev.torpor.kvm")
        .found(ok, ok ? "given to dev.torpor.kvm" : "not given to dev.torpor.kvm");
  }

  private static Capability openFiles() {
    long limit = limit("Max open files");
    return Capability.useful(
            "open-files",
            "Open files",
            "many VMs in one process: each opens about 20",
            "ulimit -n 20000")
        .found(limit >= LEAST_FILES, describe(limit, ""));
  }

  private static Capability lockedMemory() {
    long limit = limit("Max locked memory");
    return Capability.useful(
            "locked-memory", "Locked memory", "pinning memory of a VM", "ulimit -l unlimited")
        .found(limit >= LEAST_LOCKED_BYTES, describe(limit >> 10, " KiB"));
  }

  /** The soft limit; the largest number for none. */
  private static long limit(String name) {
    return ProcFile.first("/proc/self/limits", name + "\\s+(\\S+)")
        .map(text -> text.equals("unlimited") ? Long.MAX_VALUE : Long.parseLong(text))
        .orElse(0L);
  }

  private static String describe(long limit, String unit) {
    return limit >= Long.MAX_VALUE >> 10 ? "unlimited" : "up to %,d%s".formatted(limit, unit);
  }
}
