package dev.torpor.launcher.doctor;

import dev.torpor.kvm.Cap;
import dev.torpor.kvm.CpuidEntry;
import dev.torpor.kvm.Kvm;
import dev.torpor.linux.Errno;
import dev.torpor.linux.LinuxException;
import dev.torpor.vmm.cpu.CpuTemplate;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;

/** What KVM offers: its device, its capabilities, its processor. */
final class KvmChecks {
  private static final Capability KVM =
      Capability.required(
          "kvm",
          "KVM",
          "every VM",
          "turn virtualisation on in the firmware, load kvm_amd or kvm_intel, and give this user"
              + " /dev/kvm (group kvm); without hardware for it: torpor lab");
  private static final Capability GUEST_KERNEL_MODE =
      Capability.useful(
          "guest-kernel-mode",
          "Guest kernels execute",
          "Linux guests; flat guests run",
          "a host with hardware virtualisation (or nested virtualisation) behind its KVM;"
              + " meanwhile, as slow as emulation: torpor lab -- COMMAND");
  private static final Capability NESTED =
      Capability.useful(
          "kvm-nested",
          "Nested virtualisation",
          "KVM inside guests",
          "modprobe kvm_amd nested=1, or kvm_intel nested=1");

  private static final int CLOCK_REALTIME = 1 << 2;
  private static final int SYNC_ALL = 0x7;

  /** A capability of KVM: its value decides. */
  private record Feature(Capability question, Cap cap, IntPredicate enough) {
    Capability answer(Kvm kvm) {
      int value = kvm.check(cap);
      boolean ok = enough.test(value);
      return question.found(ok, value == 0 ? "no " + cap.kernelName() : describe(value));
    }

    private String describe(int value) {
      return switch (cap) {
        case DIRTY_LOG_RING, DIRTY_LOG_RING_ACQ_REL -> "up to %,d KiB".formatted(value >> 10);
        case XSAVE2 -> "%,d bytes".formatted(value);
        case MAX_VCPUS, NR_MEMSLOTS -> "up to %,d".formatted(value);
        case ADJUST_CLOCK, SYNC_REGS -> "flags 0x%x".formatted(value);
        default -> "yes";
      };
    }
  }

  private static final List<Feature> FEATURES =
      List.of(
          required("user-memory", "Memslots", Cap.USER_MEMORY, "memory for guests", "2.6.25"),
          required("irqchip", "Interrupt controllers", Cap.IRQCHIP, "interrupts", "2.6.23"),
          required("irq-routing", "Interrupt routing", Cap.IRQ_ROUTING, "interrupts", "2.6.30"),
          required("irqfd", "Interrupts by eventfd", Cap.IRQFD, "virtio devices", "2.6.32"),
          required("ioeventfd", "Doorbells by eventfd", Cap.IOEVENTFD, "virtio devices", "2.6.32"),
          required("pit", "Timer state", Cap.PIT_STATE2, "the PC's timer", "2.6.32"),
          required("xsave", "Extended registers", Cap.XSAVE, "SSE and AVX state", "2.6.36"),
          required("vcpu-events", "Pending events", Cap.VCPU_EVENTS, "exact checkpoints", "2.6.33"),
          useful("mp-state", "vCPU run states", Cap.MP_STATE, "guests of several vCPUs", "2.6.26"),
          useful("xsave2", "Registers of any size", Cap.XSAVE2, "guests that use AMX", "5.17"),
          useful("xcrs", "Extended control", Cap.XCRS, "checkpoints of guests with AVX", "2.6.36"),
          useful(
              "sregs2", "Registers of PAE guests", Cap.SREGS2, "exact 32-bit PAE guests", "5.14"),
          useful(
              "debug-registers",
              "Debug registers",
              Cap.DEBUGREGS,
              "guests' breakpoints, over a restore",
              "2.6.35"),
          useful(
              "triple-fault-event",
              "Pending triple fault",
              Cap.X86_TRIPLE_FAULT_EVENT,
              "exact checkpoints of a guest that is crashing",
              "6.1"),
          useful(
              "sync-regs",
              "Registers with each exit",
              Cap.SYNC_REGS,
              value -> (value & SYNC_ALL) == SYNC_ALL,
              "some 10 µs of every pause",
              "4.17"),
          useful("immediate-exit", "Immediate exit", Cap.IMMEDIATE_EXIT, "exact pauses", "4.11"),
          useful("clock", "Guest clock", Cap.ADJUST_CLOCK, "clocks that survive a pause", "2.6.33"),
          useful(
              "clock-realtime",
              "Guest clock in real time",
              Cap.ADJUST_CLOCK,
              value -> (value & CLOCK_REALTIME) != 0,
              "clocks that count the time of a pause",
              "5.16"),
          useful("kvmclock-ctrl", "Pause notice", Cap.KVMCLOCK_CTRL, "quiet watchdogs", "3.4"),
          useful(
              "tsc-deadline", "TSC deadline timer", Cap.TSC_DEADLINE_TIMER, "cheap timers", "3.9"),
          useful(
              "tsc-frequency", "TSC frequency", Cap.GET_TSC_KHZ, "checks before restoring", "3.0"),
          useful(
              "tsc-control",
              "TSC scaling",
              Cap.TSC_CONTROL,
              "restoring where the TSC has another frequency",
              "3.0 on a processor that scales,"),
          useful("tsc-offset", "TSC offset", Cap.VCPU_ATTRIBUTES, "synchronous TSCs", "5.16"),
          useful(
              "dirty-log",
              "Dirty log, cleared apart",
              Cap.MANUAL_DIRTY_LOG_PROTECT2,
              "short pauses: the dirty log is cleared while it is read",
              "5.2"),
          useful(
              "dirty-ring",
              "Dirty ring",
              Cap.DIRTY_LOG_RING_ACQ_REL,
              "dirty tracking by ring; the dirty log does it",
              "6.1"),
          useful("max-vcpus", "vCPUs", Cap.MAX_VCPUS, "guests of several vCPUs", "3.3"),
          useful(
              "memslots",
              "Memslots of a VM",
              Cap.NR_MEMSLOTS,
              value -> value >= 32,
              "guests of more than 3 GiB, plugged memory",
              "2.6.26"));

  private KvmChecks() {}

  private static Feature useful(
      String id, String title, Cap cap, IntPredicate enough, String lost, String kernel) {
    String remedy = "Linux " + kernel + " or newer";
    return new Feature(Capability.useful("kvm-" + id, title, lost, remedy), cap, enough);
  }

  private static Feature useful(String id, String title, Cap cap, String lost, String kernel) {
    return useful(id, title, cap, value -> value != 0, lost, kernel);
  }

  private static Feature required(String id, String title, Cap cap, String lost, String kernel) {
    String remedy = "Linux " + kernel + " or newer";
    return new Feature(
        Capability.required("kvm-" + id, title, lost, remedy), cap, value -> value != 0);
  }

  static List<Capability> run() {
    List<Capability> found = new ArrayList<>();
    try (Kvm kvm = Kvm.open()) {
      found.add(opened());
      found.add(GuestKernelProbe.answer(GUEST_KERNEL_MODE, kvm));
      FEATURES.forEach(feature -> found.add(feature.answer(kvm)));
      found.addAll(cpuTemplates(kvm.supportedCpuid().entries()));
    } catch (LinuxException e) {
      found.clear();
      found.add(KVM.found(false, reason(e)));
      found.add(GUEST_KERNEL_MODE.found(false, "no KVM"));
      FEATURES.forEach(feature -> found.add(feature.question().found(false, "no KVM")));
      found.addAll(cpuTemplates(List.of()));
    }
    found.add(nested());
    return found;
  }

  static Capability kvm() {
    try (Kvm _ = Kvm.open()) {
      return opened();
    } catch (LinuxException e) {
      return KVM.found(false, reason(e));
    }
  }

  private static Capability opened() {
    return KVM.found(true, "/dev/kvm opens, API version 12");
  }

  static Capability guestKernelMode() {
    try (Kvm kvm = Kvm.open()) {
      return GuestKernelProbe.answer(GUEST_KERNEL_MODE, kvm);
    } catch (LinuxException e) {
      return GUEST_KERNEL_MODE.found(false, reason(e));
    }
  }

  private static String reason(LinuxException e) {
    return switch (e.errno()) {
      case Errno.ENOENT -> "there is no /dev/kvm";
      case Errno.EACCES, Errno.EPERM -> "no permission to open /dev/kvm";
      case Errno.ENXIO -> "/dev/kvm has no driver behind it";
      default -> e.getMessage();
    };
  }

  private static List<Capability> cpuTemplates(List<CpuidEntry> supported) {
    List<Capability> found = new ArrayList<>();
    for (CpuTemplate template : List.of(CpuTemplate.X86_64_V2, CpuTemplate.X86_64_V3)) {
      Capability question =
          Capability.useful(
              "cpu-" + template.name(),
              "CPU template " + template.name(),
              "checkpoints that restore on every such host",
              "a newer processor, or one that KVM shows whole");
      found.add(answer(question, template, supported));
    }
    return found;
  }

  private static Capability answer(
      Capability question, CpuTemplate template, List<CpuidEntry> supported) {
    if (supported.isEmpty()) {
      return question.found(false, "no KVM");
    }
    try {
      return question.found(true, template.shape(supported, 0, 1, true).size() + " CPUID leaves");
    } catch (IllegalArgumentException e) {
      return question.found(false, e.getMessage().replaceFirst("^.*: it lacks", "lacks"));
    }
  }

  private static Capability nested() {
    for (String module : List.of("kvm_amd", "kvm_intel")) {
      String path = "/sys/module/" + module + "/parameters/nested";
      String value = ProcFile.text(path).orElse("");
      if (!value.isEmpty()) {
        return NESTED.found(value.matches("[1Yy]"), module + " nested=" + value);
      }
    }
    return NESTED.found(false, "no module kvm_amd or kvm_intel tells of it");
  }
}
