package dev.torpor.kvm.abi;

import dev.torpor.linux.abi.IoctlRequest;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** KVM's requests, in the order of their numbers (KVM API: section 4). */
public final class KvmRequests {
  private KvmRequests() {}

  private static final int TYPE = 0xae;

  public static final IoctlRequest KVM_GET_API_VERSION =
      IoctlRequest.plain("KVM_GET_API_VERSION", TYPE, 0x00);

  public static final IoctlRequest KVM_CREATE_VM = IoctlRequest.plain("KVM_CREATE_VM", TYPE, 0x01);

  public static final IoctlRequest KVM_GET_MSR_INDEX_LIST =
      IoctlRequest.readWrite("KVM_GET_MSR_INDEX_LIST", TYPE, 0x02, FeatureStructs.KVM_MSR_LIST);

  public static final IoctlRequest KVM_CHECK_EXTENSION =
      IoctlRequest.plain("KVM_CHECK_EXTENSION", TYPE, 0x03);

  public static final IoctlRequest KVM_GET_VCPU_MMAP_SIZE =
      IoctlRequest.plain("KVM_GET_VCPU_MMAP_SIZE", TYPE, 0x04);

  public static final IoctlRequest KVM_GET_SUPPORTED_CPUID =
      IoctlRequest.readWrite("KVM_GET_SUPPORTED_CPUID", TYPE, 0x05, FeatureStructs.KVM_CPUID2);

  public static final IoctlRequest KVM_GET_EMULATED_CPUID =
      IoctlRequest.readWrite("KVM_GET_EMULATED_CPUID", TYPE, 0x09, FeatureStructs.KVM_CPUID2);

  public static final IoctlRequest KVM_GET_MSR_FEATURE_INDEX_LIST =
      IoctlRequest.readWrite(
          "KVM_GET_MSR_FEATURE_INDEX_LIST", TYPE, 0x0a, FeatureStructs.KVM_MSR_LIST);

  public static final IoctlRequest KVM_CREATE_VCPU =
      IoctlRequest.plain("KVM_CREATE_VCPU", TYPE, 0x41);

  public static final IoctlRequest KVM_GET_DIRTY_LOG =
      IoctlRequest.write("KVM_GET_DIRTY_LOG", TYPE, 0x42, MemoryStructs.KVM_DIRTY_LOG);

  public static final IoctlRequest KVM_SET_USER_MEMORY_REGION =
      IoctlRequest.write(
          "KVM_SET_USER_MEMORY_REGION", TYPE, 0x46, MemoryStructs.KVM_USERSPACE_MEMORY_REGION);

  public static final IoctlRequest KVM_SET_TSS_ADDR =
      IoctlRequest.plain("KVM_SET_TSS_ADDR", TYPE, 0x47);

  public static final IoctlRequest KVM_SET_IDENTITY_MAP_ADDR =
      IoctlRequest.write("KVM_SET_IDENTITY_MAP_ADDR", TYPE, 0x48, ValueLayout.JAVA_LONG);

  public static final IoctlRequest KVM_CREATE_IRQCHIP =
      IoctlRequest.plain("KVM_CREATE_IRQCHIP", TYPE, 0x60);

  public static final IoctlRequest KVM_IRQ_LINE =
      IoctlRequest.write("KVM_IRQ_LINE", TYPE, 0x61, InterruptStructs.KVM_IRQ_LEVEL);

  public static final IoctlRequest KVM_GET_IRQCHIP =
      IoctlRequest.readWrite("KVM_GET_IRQCHIP", TYPE, 0x62, InterruptStructs.KVM_IRQCHIP);

  public static final IoctlRequest KVM_SET_IRQCHIP =
      IoctlRequest.read("KVM_SET_IRQCHIP", TYPE, 0x63, InterruptStructs.KVM_IRQCHIP);

  public static final IoctlRequest KVM_SET_GSI_ROUTING =
      IoctlRequest.write("KVM_SET_GSI_ROUTING", TYPE, 0x6a, InterruptStructs.KVM_IRQ_ROUTING);

  public static final IoctlRequest KVM_IRQFD =
      IoctlRequest.write("KVM_IRQFD", TYPE, 0x76, InterruptStructs.KVM_IRQFD);

  public static final IoctlRequest KVM_CREATE_PIT2 =
      IoctlRequest.write("KVM_CREATE_PIT2", TYPE, 0x77, InterruptStructs.KVM_PIT_CONFIG);

  public static final IoctlRequest KVM_SET_BOOT_CPU_ID =
      IoctlRequest.plain("KVM_SET_BOOT_CPU_ID", TYPE, 0x78);

  public static final IoctlRequest KVM_IOEVENTFD =
      IoctlRequest.write("KVM_IOEVENTFD", TYPE, 0x79, InterruptStructs.KVM_IOEVENTFD);

  public static final IoctlRequest KVM_SET_CLOCK =
      IoctlRequest.write("KVM_SET_CLOCK", TYPE, 0x7b, EventStructs.KVM_CLOCK_DATA);

  public static final IoctlRequest KVM_GET_CLOCK =
      IoctlRequest.read("KVM_GET_CLOCK", TYPE, 0x7c, EventStructs.KVM_CLOCK_DATA);

  public static final IoctlRequest KVM_RUN = IoctlRequest.plain("KVM_RUN", TYPE, 0x80);

  public static final IoctlRequest KVM_GET_REGS =
      IoctlRequest.read("KVM_GET_REGS", TYPE, 0x81, RegisterStructs.KVM_REGS);

  public static final IoctlRequest KVM_SET_REGS =
      IoctlRequest.write("KVM_SET_REGS", TYPE, 0x82, RegisterStructs.KVM_REGS);

  public static final IoctlRequest KVM_GET_SREGS =
      IoctlRequest.read("KVM_GET_SREGS", TYPE, 0x83, RegisterStructs.KVM_SREGS);

  public static final IoctlRequest KVM_SET_SREGS =
      IoctlRequest.write("KVM_SET_SREGS", TYPE, 0x84, RegisterStructs.KVM_SREGS);

  public static final IoctlRequest KVM_INTERRUPT =
      IoctlRequest.write("KVM_INTERRUPT", TYPE, 0x86, InterruptStructs.KVM_INTERRUPT);

  public static final IoctlRequest KVM_GET_MSRS =
      IoctlRequest.readWrite("KVM_GET_MSRS", TYPE, 0x88, FeatureStructs.KVM_MSRS);

  public static final IoctlRequest KVM_SET_MSRS =
      IoctlRequest.write("KVM_SET_MSRS", TYPE, 0x89, FeatureStructs.KVM_MSRS);

  public static final IoctlRequest KVM_SET_SIGNAL_MASK =
      IoctlRequest.write("KVM_SET_SIGNAL_MASK", TYPE, 0x8b, EventStructs.KVM_SIGNAL_MASK);

  public static final IoctlRequest KVM_GET_FPU =
      IoctlRequest.read("KVM_GET_FPU", TYPE, 0x8c, RegisterStructs.KVM_FPU);

  public static final IoctlRequest KVM_SET_FPU =
      IoctlRequest.write("KVM_SET_FPU", TYPE, 0x8d, RegisterStructs.KVM_FPU);

  public static final IoctlRequest KVM_GET_LAPIC =
      IoctlRequest.read("KVM_GET_LAPIC", TYPE, 0x8e, InterruptStructs.KVM_LAPIC_STATE);

  public static final IoctlRequest KVM_SET_LAPIC =
      IoctlRequest.write("KVM_SET_LAPIC", TYPE, 0x8f, InterruptStructs.KVM_LAPIC_STATE);

  public static final IoctlRequest KVM_SET_CPUID2 =
      IoctlRequest.write("KVM_SET_CPUID2", TYPE, 0x90, FeatureStructs.KVM_CPUID2);

  public static final IoctlRequest KVM_GET_CPUID2 =
      IoctlRequest.readWrite("KVM_GET_CPUID2", TYPE, 0x91, FeatureStructs.KVM_CPUID2);

  public static final IoctlRequest KVM_GET_MP_STATE =
      IoctlRequest.read("KVM_GET_MP_STATE", TYPE, 0x98, EventStructs.KVM_MP_STATE);

  public static final IoctlRequest KVM_SET_MP_STATE =
      IoctlRequest.write("KVM_SET_MP_STATE", TYPE, 0x99, EventStructs.KVM_MP_STATE);

  public static final IoctlRequest KVM_NMI = IoctlRequest.plain("KVM_NMI", TYPE, 0x9a);

  public static final IoctlRequest KVM_SET_GUEST_DEBUG =
      IoctlRequest.write("KVM_SET_GUEST_DEBUG", TYPE, 0x9b, EventStructs.KVM_GUEST_DEBUG);

  public static final IoctlRequest KVM_GET_VCPU_EVENTS =
      IoctlRequest.read("KVM_GET_VCPU_EVENTS", TYPE, 0x9f, EventStructs.KVM_VCPU_EVENTS);

  public static final IoctlRequest KVM_SET_VCPU_EVENTS =
      IoctlRequest.write("KVM_SET_VCPU_EVENTS", TYPE, 0xa0, EventStructs.KVM_VCPU_EVENTS);

  public static final IoctlRequest KVM_GET_PIT2 =
      IoctlRequest.read("KVM_GET_PIT2", TYPE, 0x9f, InterruptStructs.KVM_PIT_STATE2);

  public static final IoctlRequest KVM_SET_PIT2 =
      IoctlRequest.write("KVM_SET_PIT2", TYPE, 0xa0, InterruptStructs.KVM_PIT_STATE2);

  public static final IoctlRequest KVM_GET_DEBUGREGS =
      IoctlRequest.read("KVM_GET_DEBUGREGS", TYPE, 0xa1, RegisterStructs.KVM_DEBUGREGS);

  public static final IoctlRequest KVM_SET_DEBUGREGS =
      IoctlRequest.write("KVM_SET_DEBUGREGS", TYPE, 0xa2, RegisterStructs.KVM_DEBUGREGS);

  public static final IoctlRequest KVM_SET_TSC_KHZ =
      IoctlRequest.plain("KVM_SET_TSC_KHZ", TYPE, 0xa2);

  public static final IoctlRequest KVM_GET_TSC_KHZ =
      IoctlRequest.plain("KVM_GET_TSC_KHZ", TYPE, 0xa3);

  public static final IoctlRequest KVM_ENABLE_CAP =
      IoctlRequest.write("KVM_ENABLE_CAP", TYPE, 0xa3, MemoryStructs.KVM_ENABLE_CAP);

  public static final IoctlRequest KVM_GET_XSAVE =
      IoctlRequest.read("KVM_GET_XSAVE", TYPE, 0xa4, RegisterStructs.KVM_XSAVE);

  public static final IoctlRequest KVM_SET_XSAVE =
      IoctlRequest.write("KVM_SET_XSAVE", TYPE, 0xa5, RegisterStructs.KVM_XSAVE);

  public static final IoctlRequest KVM_SIGNAL_MSI =
      IoctlRequest.write("KVM_SIGNAL_MSI", TYPE, 0xa5, InterruptStructs.KVM_MSI);

  public static final IoctlRequest KVM_GET_XCRS =
      IoctlRequest.read("KVM_GET_XCRS", TYPE, 0xa6, RegisterStructs.KVM_XCRS);

  public static final IoctlRequest KVM_SET_XCRS =
      IoctlRequest.write("KVM_SET_XCRS", TYPE, 0xa7, RegisterStructs.KVM_XCRS);

  public static final IoctlRequest KVM_KVMCLOCK_CTRL =
      IoctlRequest.plain("KVM_KVMCLOCK_CTRL", TYPE, 0xad);

  public static final IoctlRequest KVM_SMI = IoctlRequest.plain("KVM_SMI", TYPE, 0xb7);

  public static final IoctlRequest KVM_GET_NESTED_STATE =
      IoctlRequest.readWrite("KVM_GET_NESTED_STATE", TYPE, 0xbe, EventStructs.KVM_NESTED_STATE);

  public static final IoctlRequest KVM_SET_NESTED_STATE =
      IoctlRequest.write("KVM_SET_NESTED_STATE", TYPE, 0xbf, EventStructs.KVM_NESTED_STATE);

  public static final IoctlRequest KVM_CLEAR_DIRTY_LOG =
      IoctlRequest.readWrite("KVM_CLEAR_DIRTY_LOG", TYPE, 0xc0, MemoryStructs.KVM_CLEAR_DIRTY_LOG);

  public static final IoctlRequest KVM_RESET_DIRTY_RINGS =
      IoctlRequest.plain("KVM_RESET_DIRTY_RINGS", TYPE, 0xc7);

  public static final IoctlRequest KVM_GET_SREGS2 =
      IoctlRequest.read("KVM_GET_SREGS2", TYPE, 0xcc, RegisterStructs.KVM_SREGS2);

  public static final IoctlRequest KVM_SET_SREGS2 =
      IoctlRequest.write("KVM_SET_SREGS2", TYPE, 0xcd, RegisterStructs.KVM_SREGS2);

  public static final IoctlRequest KVM_GET_XSAVE2 =
      IoctlRequest.read("KVM_GET_XSAVE2", TYPE, 0xcf, RegisterStructs.KVM_XSAVE);

  public static final IoctlRequest KVM_SET_DEVICE_ATTR =
      IoctlRequest.write("KVM_SET_DEVICE_ATTR", TYPE, 0xe1, EventStructs.KVM_DEVICE_ATTR);

  public static final IoctlRequest KVM_GET_DEVICE_ATTR =
      IoctlRequest.write("KVM_GET_DEVICE_ATTR", TYPE, 0xe2, EventStructs.KVM_DEVICE_ATTR);

  public static final IoctlRequest KVM_HAS_DEVICE_ATTR =
      IoctlRequest.write("KVM_HAS_DEVICE_ATTR", TYPE, 0xe3, EventStructs.KVM_DEVICE_ATTR);

  /** Every request, for the test against the headers. */
  public static final List<IoctlRequest> ALL =
      List.of(
          KVM_GET_API_VERSION,
          KVM_CREATE_VM,
          KVM_GET_MSR_INDEX_LIST,
          KVM_CHECK_EXTENSION,
          KVM_GET_VCPU_MMAP_SIZE,
          KVM_GET_SUPPORTED_CPUID,
          KVM_GET_EMULATED_CPUID,
          KVM_GET_MSR_FEATURE_INDEX_LIST,
          KVM_CREATE_VCPU,
          KVM_GET_DIRTY_LOG,
          KVM_SET_USER_MEMORY_REGION,
          KVM_SET_TSS_ADDR,
          KVM_SET_IDENTITY_MAP_ADDR,
          KVM_CREATE_IRQCHIP,
          KVM_IRQ_LINE,
          KVM_GET_IRQCHIP,
          KVM_SET_IRQCHIP,
          KVM_SET_GSI_ROUTING,
          KVM_IRQFD,
          KVM_CREATE_PIT2,
          KVM_SET_BOOT_CPU_ID,
          KVM_IOEVENTFD,
          KVM_SET_CLOCK,
          KVM_GET_CLOCK,
          KVM_RUN,
          KVM_GET_REGS,
          KVM_SET_REGS,
          KVM_GET_SREGS,
          KVM_SET_SREGS,
          KVM_INTERRUPT,
          KVM_GET_MSRS,
          KVM_SET_MSRS,
          KVM_SET_SIGNAL_MASK,
          KVM_GET_FPU,
          KVM_SET_FPU,
          KVM_GET_LAPIC,
          KVM_SET_LAPIC,
          KVM_SET_CPUID2,
          KVM_GET_CPUID2,
          KVM_GET_MP_STATE,
          KVM_SET_MP_STATE,
          KVM_NMI,
          KVM_SET_GUEST_DEBUG,
          KVM_GET_VCPU_EVENTS,
          KVM_SET_VCPU_EVENTS,
          KVM_GET_PIT2,
          KVM_SET_PIT2,
          KVM_GET_DEBUGREGS,
          KVM_SET_DEBUGREGS,
          KVM_SET_TSC_KHZ,
          KVM_GET_TSC_KHZ,
          KVM_ENABLE_CAP,
          KVM_GET_XSAVE,
          KVM_SET_XSAVE,
          KVM_SIGNAL_MSI,
          KVM_GET_XCRS,
          KVM_SET_XCRS,
          KVM_KVMCLOCK_CTRL,
          KVM_SMI,
          KVM_GET_NESTED_STATE,
          KVM_SET_NESTED_STATE,
          KVM_CLEAR_DIRTY_LOG,
          KVM_RESET_DIRTY_RINGS,
          KVM_GET_SREGS2,
          KVM_SET_SREGS2,
          KVM_GET_XSAVE2,
          KVM_SET_DEVICE_ATTR,
          KVM_GET_DEVICE_ATTR,
          KVM_HAS_DEVICE_ATTR);
}
