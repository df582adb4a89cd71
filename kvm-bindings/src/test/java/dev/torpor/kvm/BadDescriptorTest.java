package dev.torpor.kvm;

import dev.torpor.fixtures.FailingCalls;
import dev.torpor.linux.Errno;
import dev.torpor.linux.EventFd;
import dev.torpor.linux.FileDescriptor;
import dev.torpor.linux.LinuxException;
import dev.torpor.linux.LinuxFile;
import dev.torpor.linux.Mapping;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every request on a descriptor that is none fails with EBADF, its own name and its operands. */
class BadDescriptorTest {
  private static final long GPA = 0x1234_5000;

  @AutoClose private final Mapping page = Mapping.anonymous(3 * 4096, 0);
  @AutoClose private final EventFd event = EventFd.create();
  private final Kvm kvm = new Kvm(FileDescriptor.owning(-1));
  private final VmFd vm = new VmFd(FileDescriptor.owning(-1), 4096);
  private final VcpuFd vcpu = new VcpuFd(FileDescriptor.owning(-1), page);
  private final MemorySegment bitmap = Arena.ofAuto().allocate(8, 8);

  private FailingCalls systemCalls() {
    return new FailingCalls(Kvm.class, KvmException.class)
        .badDescriptor(
            "check", "KVM_CHECK_EXTENSION", "argument=36", () -> kvm.check(Cap.IOEVENTFD))
        .badDescriptor("runByteSize", "KVM_GET_VCPU_MMAP_SIZE", "argument=0", kvm::runByteSize)
        .badDescriptor("createVm", "KVM_CREATE_VM", "argument=0", kvm::createVm)
        .badDescriptor("supportedCpuid", "KVM_GET_SUPPORTED_CPUID", "fd=-1", kvm::supportedCpuid)
        .badDescriptor("emulatedCpuid", "KVM_GET_EMULATED_CPUID", "fd=-1", kvm::emulatedCpuid)
        .badDescriptor("msrIndices", "KVM_GET_MSR_INDEX_LIST", "fd=-1", kvm::msrIndices)
        .badDescriptor(
            "featureMsrIndices", "KVM_GET_MSR_FEATURE_INDEX_LIST", "fd=-1", kvm::featureMsrIndices)
        .badDescriptor(
            "readFeatureMsrs", "KVM_GET_MSRS", "fd=-1", () -> kvm.readFeatureMsrs(new Msrs(0x10a)));
  }

  private FailingCalls vmCalls() {
    return new FailingCalls(VmFd.class, KvmException.class)
        .badDescriptor("check", "KVM_CHECK_EXTENSION", "argument=36", () -> vm.check(Cap.IOEVENTFD))
        .badDescriptor(
            "enable",
            "KVM_ENABLE_CAP",
            "KVM_CAP_DIRTY_LOG_RING, argument=8192",
            () -> vm.enable(Cap.DIRTY_LOG_RING, 8192))
        .badDescriptor("createVcpu", "KVM_CREATE_VCPU", "argument=7", () -> vm.createVcpu(7))
        .badDescriptor(
            "setMemorySlot",
            "KVM_SET_USER_MEMORY_REGION",
            "slot=3, flags=1, gpa=0x12345000, byteSize=8192, hva=0x7000",
            () -> vm.setMemorySlot(new MemorySlot(3, 1, GPA, 8192, 0x7000)))
        .badDescriptor(
            "getDirtyLog", "KVM_GET_DIRTY_LOG", "slot=3", () -> vm.getDirtyLog(3, bitmap))
        .badDescriptor(
            "clearDirtyLog",
            "KVM_CLEAR_DIRTY_LOG",
            "slot=3, firstPage=64, pageCount=128",
            () -> vm.clearDirtyLog(3, 64, 128, bitmap))
        .badDescriptor(
            "resetDirtyRings", "KVM_RESET_DIRTY_RINGS", "argument=0", vm::resetDirtyRings)
        .badDescriptor(
            "setTssAddress", "KVM_SET_TSS_ADDR", "argument=305418240", () -> vm.setTssAddress(GPA))
        .badDescriptor(
            "setIdentityMapAddress",
            "KVM_SET_IDENTITY_MAP_ADDR",
            "gpa=0x12345000",
            () -> vm.setIdentityMapAddress(GPA))
        .badDescriptor(
            "setBootCpuId", "KVM_SET_BOOT_CPU_ID", "argument=1", () -> vm.setBootCpuId(1))
        .badDescriptor("createIrqChip", "KVM_CREATE_IRQCHIP", "argument=0", vm::createIrqChip)
        .badDescriptor(
            "getIrqChip",
            "KVM_GET_IRQCHIP",
            "fd=-1",
            () -> vm.getIrqChip(new IrqChip(IrqChip.Id.IO_APIC)))
        .badDescriptor(
            "setIrqChip",
            "KVM_SET_IRQCHIP",
            "fd=-1",
            () -> vm.setIrqChip(new IrqChip(IrqChip.Id.IO_APIC)))
        .badDescriptor("createPit", "KVM_CREATE_PIT2", "flags=0", vm::createPit)
        .badDescriptor("getPit", "KVM_GET_PIT2", "fd=-1", () -> vm.getPit(new PitState()))
        .badDescriptor("setPit", "KVM_SET_PIT2", "fd=-1", () -> vm.setPit(new PitState()))
        .badDescriptor(
            "setIrqLine", "KVM_IRQ_LINE", "gsi=5, high=true", () -> vm.setIrqLine(5, true))
        .badDescriptor(
            "setIrqRouting",
            "KVM_SET_GSI_ROUTING",
            "1 routes",
            () -> vm.setIrqRouting(List.of(new IrqRoute.Pin(5, IrqChip.Id.IO_APIC, 5))))
        .badDescriptor(
            "signalMsi",
            "KVM_SIGNAL_MSI",
            "address=0xfee00000, data=0x40",
            () -> vm.signalMsi(0xfee0_0000L, 0x40))
        .badDescriptor("assignIrqFd", "KVM_IRQFD", "gsi=5, flags=0", () -> vm.assignIrqFd(event, 5))
        .badDescriptor(
            "deassignIrqFd", "KVM_IRQFD", "gsi=5, flags=1", () -> vm.deassignIrqFd(event, 5))
        .badDescriptor(
            "assignIoEventFd",
            "KVM_IOEVENTFD",
            "address=0x12345000, byteCount=8, value=1, flags=1",
            () -> vm.assignIoEventFd(event, GPA, false, 8, 1))
        .badDescriptor(
            "deassignIoEventFd",
            "KVM_IOEVENTFD",
            "address=0x3f8, byteCount=1, value=1, flags=7",
            () -> vm.deassignIoEventFd(event, 0x3f8, true, 1, 1))
        .badDescriptor("getClock", "KVM_GET_CLOCK", "fd=-1", () -> vm.getClock(new ClockData()))
        .badDescriptor("setClock", "KVM_SET_CLOCK", "fd=-1", () -> vm.setClock(new ClockData()))
        .badDescriptor(
            "setTscKhz", "KVM_SET_TSC_KHZ", "argument=2000000", () -> vm.setTscKhz(2_000_000))
        .badDescriptor("tscKhz", "KVM_GET_TSC_KHZ", "argument=0", vm::tscKhz)
        .badDescriptor(
            "hasAttribute",
            "KVM_HAS_DEVICE_ATTR",
            "group=9, attribute=8",
            () -> vm.hasAttribute(9, 8));
  }

  private FailingCalls vcpuCalls() {
    FailingCalls calls =
        new FailingCalls(VcpuFd.class, KvmException.class)
            .badDescriptor("run", "KVM_RUN", "fd=-1", vcpu::run)
            .badDescriptor(
                "setSignalMask",
                "KVM_SET_SIGNAL_MASK",
                "blocked=0xff",
                () -> vcpu.setSignalMask(0xff))
            .badDescriptor("getMpState", "KVM_GET_MP_STATE", "fd=-1", vcpu::getMpState)
            .badDescriptor(
                "setMpState", "KVM_SET_MP_STATE", "HALTED", () -> vcpu.setMpState(MpState.HALTED))
            .badDescriptor("tscKhz", "KVM_GET_TSC_KHZ", "argument=0", vcpu::tscKhz)
            .badDescriptor(
                "setTscKhz", "KVM_SET_TSC_KHZ", "argument=2000000", () -> vcpu.setTscKhz(2_000_000))
            .badDescriptor(
                "getAttribute",
                "KVM_GET_DEVICE_ATTR",
                "group=9, attribute=8",
                () -> vcpu.getAttribute(9, 8))
            .badDescriptor(
                "setAttribute",
                "KVM_SET_DEVICE_ATTR",
                "group=9, attribute=8, value=7",
                () -> vcpu.setAttribute(9, 8, 7))
            .badDescriptor("notifyPaused", "KVM_KVMCLOCK_CTRL", "argument=0", vcpu::notifyPaused)
            .badDescriptor("injectNmi", "KVM_NMI", "argument=0", vcpu::injectNmi)
            .badDescriptor("injectSmi", "KVM_SMI", "argument=0", vcpu::injectSmi)
            .badDescriptor(
                "injectInterrupt", "KVM_INTERRUPT", "vector=32", () -> vcpu.injectInterrupt(32))
            .badDescriptor(
                "setGuestDebug",
                "KVM_SET_GUEST_DEBUG",
                "control=0x3",
                () -> vcpu.setGuestDebug(3, 1, 2));
    return addStateCalls(calls);
  }

  /** The pairs of get and set, whose operand is a structure. */
  private FailingCalls addStateCalls(FailingCalls calls) {
    return calls
        .badDescriptor(
            "setCpuid", "KVM_SET_CPUID2", "fd=-1", () -> vcpu.setCpuid(Cpuid.of(List.of())))
        .badDescriptor("getCpuid", "KVM_GET_CPUID2", "fd=-1", vcpu::getCpuid)
        .badDescriptor("getRegs", "KVM_GET_REGS", "fd=-1", () -> vcpu.getRegs(new Regs()))
        .badDescriptor("setRegs", "KVM_SET_REGS", "fd=-1", () -> vcpu.setRegs(new Regs()))
        .badDescriptor("getSregs", "KVM_GET_SREGS", "fd=-1", () -> vcpu.getSregs(new Sregs()))
        .badDescriptor("setSregs", "KVM_SET_SREGS", "fd=-1", () -> vcpu.setSregs(new Sregs()))
        .badDescriptor("getSregs2", "KVM_GET_SREGS2", "fd=-1", () -> vcpu.getSregs2(new Sregs2()))
        .badDescriptor("setSregs2", "KVM_SET_SREGS2", "fd=-1", () -> vcpu.setSregs2(new Sregs2()))
        .badDescriptor("getFpu", "KVM_GET_FPU", "fd=-1", () -> vcpu.getFpu(new Fpu()))
        .badDescriptor("setFpu", "KVM_SET_FPU", "fd=-1", () -> vcpu.setFpu(new Fpu()))
        .badDescriptor("getXsave", "KVM_GET_XSAVE", "fd=-1", () -> vcpu.getXsave(new Xsave(0)))
        .badDescriptor("getXsave2", "KVM_GET_XSAVE2", "fd=-1", () -> vcpu.getXsave2(new Xsave(0)))
        .badDescriptor("setXsave", "KVM_SET_XSAVE", "fd=-1", () -> vcpu.setXsave(new Xsave(0)))
        .badDescriptor("getXcrs", "KVM_GET_XCRS", "fd=-1", () -> vcpu.getXcrs(new Xcrs()))
        .badDescriptor("setXcrs", "KVM_SET_XCRS", "fd=-1", () -> vcpu.setXcrs(new Xcrs()))
        .badDescriptor("getMsrs", "KVM_GET_MSRS", "fd=-1", () -> vcpu.getMsrs(new Msrs(0x10)))
        .badDescriptor("setMsrs", "KVM_SET_MSRS", "fd=-1", () -> vcpu.setMsrs(new Msrs(0x10)))
        .badDescriptor("tryGetMsrs", "KVM_GET_MSRS", "fd=-1", () -> vcpu.tryGetMsrs(new Msrs(0x10)))
        .badDescriptor("trySetMsrs", "KVM_SET_MSRS", "fd=-1", () -> vcpu.trySetMsrs(new Msrs(0x10)))
        .badDescriptor("getLapic", "KVM_GET_LAPIC", "fd=-1", () -> vcpu.getLapic(new Lapic()))
        .badDescriptor("setLapic", "KVM_SET_LAPIC", "fd=-1", () -> vcpu.setLapic(new Lapic()))
        .badDescriptor(
            "getEvents", "KVM_GET_VCPU_EVENTS", "fd=-1", () -> vcpu.getEvents(new VcpuEvents()))
        .badDescriptor(
            "setEvents", "KVM_SET_VCPU_EVENTS", "fd=-1", () -> vcpu.setEvents(new VcpuEvents()))
        .badDescriptor(
            "getDebugRegs", "KVM_GET_DEBUGREGS", "fd=-1", () -> vcpu.getDebugRegs(new DebugRegs()))
        .badDescriptor(
            "setDebugRegs", "KVM_SET_DEBUGREGS", "fd=-1", () -> vcpu.setDebugRegs(new DebugRegs()))
        .badDescriptor(
            "getNestedState",
            "KVM_GET_NESTED_STATE",
            "fd=-1",
            () -> vcpu.getNestedState(new NestedState(0)))
        .badDescriptor(
            "setNestedState",
            "KVM_SET_NESTED_STATE",
            "fd=-1",
            () -> vcpu.setNestedState(new NestedState(0)));
  }

  private FailingCalls mappingCalls() {
    return new FailingCalls(VcpuFd.class, LinuxException.class)
        .badDescriptor(
            "mapDirtyRing",
            "mmap",
            "byteSize=65536, prot=3, flags=0x1, fd=-1, fileOffset=262144",
            () -> vcpu.mapDirtyRing(65_536));
  }

  @TestFactory
  Stream<DynamicTest> everyRequestOnABadDescriptorNamesItselfAndItsOperands() {
    return Stream.of(systemCalls(), vmCalls(), vcpuCalls(), mappingCalls())
        .flatMap(FailingCalls::tests);
  }

  @Test
  void everyPublicMethodThatMakesARequestIsTried() {
    systemCalls().requireCompleteBut("open");
    vmCalls().requireCompleteBut();
    vcpuCalls().requireCompleteBut("shared", "close", "mapDirtyRing");
  }

  @TestFactory
  Stream<DynamicTest> requestsOnAFileThatIsNoKvmAnswerEnotty() {
    Kvm notKvm = new Kvm(LinuxFile.open(Path.of("/dev/null"), LinuxFile.O_RDWR).descriptor());
    return new FailingCalls(Kvm.class, KvmException.class)
        .failing("createVm", Errno.ENOTTY, "KVM_CREATE_VM", "argument=0", notKvm::createVm)
        .failing(
            "supportedCpuid",
            Errno.ENOTTY,
            "KVM_GET_SUPPORTED_CPUID",
            "fd=",
            notKvm::supportedCpuid)
        .tests()
        .onClose(notKvm::close);
  }

  @Test
  void closedVcpuAnswersEbadfRatherThanRunning() {
    Mapping shared = Mapping.anonymous(3 * 4096, 0);
    VcpuFd closed = new VcpuFd(FileDescriptor.owning(-1), shared);
    closed.close();
    closed.close();
    new FailingCalls(VcpuFd.class, KvmException.class)
        .badDescriptor("run", "KVM_RUN", "fd=-1", closed::run)
        .check();
  }
}
