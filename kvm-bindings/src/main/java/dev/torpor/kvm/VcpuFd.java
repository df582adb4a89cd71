package dev.torpor.kvm;

import static dev.torpor.kvm.abi.EventStructs.KVM_GUEST_DEBUG;
import static dev.torpor.kvm.abi.EventStructs.KVM_MP_STATE;
import static dev.torpor.linux.abi.Abi.offset;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.torpor.kvm.abi.InterruptStructs;
import dev.torpor.kvm.abi.KvmRequests;
import dev.torpor.linux.Errno;
import dev.torpor.linux.FileDescriptor;
import dev.torpor.linux.Mapping;
import dev.torpor.linux.abi.Ioctl;
import dev.torpor.linux.abi.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A virtual CPU. All of its requests come from one thread, the one that runs it, except before it
 * runs for the first time.
 */
public final class VcpuFd extends KvmFd {
  /** The group of attributes of the time stamp counter, for {@link #getAttribute}. */
  public static final int ATTRIBUTES_TSC = 0;

  /** Of that group: what is added to the host's counter. */
  public static final int ATTRIBUTE_TSC_OFFSET = 0;

  private static final long RUN_CODE = KvmRequests.KVM_RUN.code();
  private static final int SIGNAL_MASK_BYTES = Long.BYTES;

  private final Mapping shared;
  private final VcpuRun run;

  VcpuFd(FileDescriptor descriptor, Mapping shared) {
    super(descriptor);
    this.shared = shared;
    this.run = new VcpuRun(shared);
  }

  /**
   * Runs the guest until something needs the VMM (section 4.10). Allocates nothing.
   *
   * @return true when {@link #shared()} tells what is needed; false when a signal, or {@link
   *     VcpuRun#setImmediateExit}, ended the run
   * @throws KvmException EFAULT where guest memory is not there, EBADF and others
   */
  public boolean run() {
    int fd = descriptor().number();
    int result = Ioctl.invokeBare(fd, RUN_CODE, 0);
    if (result >= 0) {
      return true;
    }
    // Once the vCPU is closed, there is no page to look at.
    if (fd >= 0 && run.takeInterruption()) {
      return false;
    }
    // Asked again, KVM says why: a signal that ended the run is still there.
    result = Ioctl.invoke(fd, KvmRequests.KVM_RUN, 0);
    if (result >= 0) {
      return true;
    }
    // EAGAIN: a vCPU that waited to be started was woken, and runs when asked again.
    if (result == -Errno.EINTR || result == -Errno.EAGAIN) {
      return false;
    }
    throw failure(KvmRequests.KVM_RUN, result, descriptor().toString());
  }

  /**
   * The page shared with KVM.
   *
   * @return a view, valid until {@link #close()}
   */
  public VcpuRun shared() {
    return run;
  }

  /**
   * Maps the vCPU's ring of dirty pages; {@link Cap#DIRTY_LOG_RING} or {@link
   * Cap#DIRTY_LOG_RING_ACQ_REL} was enabled with this size before the vCPU was created.
   *
   * @param byteSize the size with which it was enabled
   * @return the ring, to be closed before the vCPU
   */
  public DirtyRing mapDirtyRing(int byteSize) {
    return new DirtyRing(this, byteSize);
  }

  /**
   * Chooses which signals may end KVM_RUN (section 4.21).
   *
   * @param blocked a bit for each signal that stays blocked while the guest runs, signal 1 in bit 0
   * @throws KvmException EBADF
   */
  public void setSignalMask(long blocked) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment mask = arena.allocate(Integer.BYTES + SIGNAL_MASK_BYTES, Integer.BYTES);
      mask.set(JAVA_INT, 0, SIGNAL_MASK_BYTES);
      mask.set(JAVA_LONG_UNALIGNED, Integer.BYTES, blocked);
      call(
          KvmRequests.KVM_SET_SIGNAL_MASK,
          mask.address(),
          () -> "blocked=0x" + Long.toHexString(blocked));
    }
  }

  /**
   * Sets what CPUID answers (section 4.20). Before the vCPU runs, and before its MSRs are set.
   *
   * @param cpuid the answers
   * @throws KvmException EINVAL for answers that contradict what was set before
   */
  public void setCpuid(Cpuid cpuid) {
    call(KvmRequests.KVM_SET_CPUID2, cpuid.segment());
  }

  /**
   * Reads what CPUID answers.
   *
   * @return the answers
   * @throws KvmException EBADF
   */
  public Cpuid getCpuid() {
    for (int capacity = Cpuid.USUAL_CAPACITY; ; capacity *= 2) {
      Cpuid cpuid = new Cpuid(capacity);
      try {
        call(KvmRequests.KVM_GET_CPUID2, cpuid.segment());
        return cpuid;
      } catch (KvmException e) {
        if (e.errno() != Errno.E2BIG || capacity > 1 << 14) {
          throw e;
        }
      }
    }
  }

  /**
   * Reads the general-purpose registers (section 4.11).
   *
   * @param regs where to put them
   * @throws KvmException EBADF
   */
  public void getRegs(Regs regs) {
    call(KvmRequests.KVM_GET_REGS, regs.segment());
  }

  /**
   * Sets the general-purpose registers (section 4.12).
   *
   * @param regs the registers
   * @throws KvmException EBADF
   */
  public void setRegs(Regs regs) {
    call(KvmRequests.KVM_SET_REGS, regs.segment());
  }

  /**
   * Reads the special registers (section 4.13).
   *
   * @param sregs where to put them
   * @throws KvmException EBADF
   */
  public void getSregs(Sregs sregs) {
    call(KvmRequests.KVM_GET_SREGS, sregs.segment());
  }

  /**
   * Sets the special registers (section 4.14).
   *
   * @param sregs the registers
   * @throws KvmException EINVAL for values that no processor can have
   */
  public void setSregs(Sregs sregs) {
    call(KvmRequests.KVM_SET_SREGS, sregs.segment());
  }

  /**
   * Reads the special registers with the page-directory pointers (section 4.131).
   *
   * @param sregs where to put them
   * @throws KvmException ENOTTY before Linux 5.14
   */
  public void getSregs2(Sregs2 sregs) {
    call(KvmRequests.KVM_GET_SREGS2, sregs.segment());
  }

  /**
   * Sets the special registers with the page-directory pointers.
   *
   * @param sregs the registers
   * @throws KvmException EINVAL for values that no processor can have
   */
  public void setSregs2(Sregs2 sregs) {
    call(KvmRequests.KVM_SET_SREGS2, sregs.segment());
  }

  /**
   * Reads the x87 and SSE registers (section 4.22).
   *
   * @param fpu where to put them
   * @throws KvmException EBADF
   */
  public void getFpu(Fpu fpu) {
    call(KvmRequests.KVM_GET_FPU, fpu.segment());
  }

  /**
   * Sets the x87 and SSE registers (section 4.23).
   *
   * @param fpu the registers
   * @throws KvmException EBADF
   */
  public void setFpu(Fpu fpu) {
    call(KvmRequests.KVM_SET_FPU, fpu.segment());
  }

  /**
   * Reads the first 4,096 bytes of the extended state (section 4.42), for kernels before 5.17.
   *
   * @param xsave where to put it
   * @throws KvmException EBADF
   */
  public void getXsave(Xsave xsave) {
    call(KvmRequests.KVM_GET_XSAVE, xsave.segment());
  }

  /**
   * Reads all of the extended state (section 4.134).
   *
   * @param xsave where to put it, of the size that {@link Cap#XSAVE2} says
   * @throws KvmException ENOTTY before Linux 5.17
   */
  public void getXsave2(Xsave xsave) {
    call(KvmRequests.KVM_GET_XSAVE2, xsave.segment());
  }

  /**
   * Sets the extended state (section 4.43). The kernel reads as much as {@link Cap#XSAVE2} says.
   *
   * @param xsave the state, of that size
   * @throws KvmException EINVAL for state that XCR0 or the processor does not allow
   */
  public void setXsave(Xsave xsave) {
    call(KvmRequests.KVM_SET_XSAVE, xsave.segment());
  }

  /**
   * Reads the extended control registers (section 4.44).
   *
   * @param xcrs where to put them
   * @throws KvmException EINVAL without XSAVE
   */
  public void getXcrs(Xcrs xcrs) {
    call(KvmRequests.KVM_GET_XCRS, xcrs.segment());
  }

  /**
   * Sets the extended control registers (section 4.45). Before the extended state.
   *
   * @param xcrs the registers
   * @throws KvmException EINVAL for features that the guest does not have
   */
  public void setXcrs(Xcrs xcrs) {
    call(KvmRequests.KVM_SET_XCRS, xcrs.segment());
  }

  /**
   * Reads MSRs (section 4.18).
   *
   * @param msrs which; their values are filled
   * @throws KvmException EIO, naming the first MSR that cannot be read
   */
  public void getMsrs(Msrs msrs) {
    msrs.requireAll("KVM_GET_MSRS", call(KvmRequests.KVM_GET_MSRS, msrs.segment()));
  }

  /**
   * Reads MSRs until one cannot be read, to find out which can.
   *
   * @param msrs which; the values of those that could be read are filled
   * @return how many could be read
   * @throws KvmException EBADF
   */
  public int tryGetMsrs(Msrs msrs) {
    return call(KvmRequests.KVM_GET_MSRS, msrs.segment());
  }

  /**
   * Sets MSRs in order until one is refused, to find out which are not.
   *
   * @param msrs which, and their values
   * @return how many were set
   * @throws KvmException EBADF
   */
  public int trySetMsrs(Msrs msrs) {
    return call(KvmRequests.KVM_SET_MSRS, msrs.segment());
  }

  /**
   * Sets MSRs in order (section 4.19).
   *
   * @param msrs which, and their values
   * @throws KvmException EIO, naming the first MSR that is refused; those before it are set
   */
  public void setMsrs(Msrs msrs) {
    msrs.requireAll("KVM_SET_MSRS", call(KvmRequests.KVM_SET_MSRS, msrs.segment()));
  }

  /**
   * Reads the local APIC (section 4.57).
   *
   * @param lapic where to put it
   * @throws KvmException EINVAL without interrupt controllers
   */
  public void getLapic(Lapic lapic) {
    call(KvmRequests.KVM_GET_LAPIC, lapic.segment());
  }

  /**
   * Sets the local APIC (section 4.58).
   *
   * @param lapic its registers
   * @throws KvmException EINVAL without interrupt controllers
   */
  public void setLapic(Lapic lapic) {
    call(KvmRequests.KVM_SET_LAPIC, lapic.segment());
  }

  /**
   * Reads what is pending (section 4.31).
   *
   * @param events where to put it
   * @throws KvmException EBADF
   */
  public void getEvents(VcpuEvents events) {
    call(KvmRequests.KVM_GET_VCPU_EVENTS, events.segment());
  }

  /**
   * Sets what is pending (section 4.32).
   *
   * @param events what is pending
   * @throws KvmException EINVAL for events that cannot be
   */
  public void setEvents(VcpuEvents events) {
    call(KvmRequests.KVM_SET_VCPU_EVENTS, events.segment());
  }

  /**
   * Reads the debug registers (section 4.33).
   *
   * @param registers where to put them
   * @throws KvmException EBADF
   */
  public void getDebugRegs(DebugRegs registers) {
    call(KvmRequests.KVM_GET_DEBUGREGS, registers.segment());
  }

  /**
   * Sets the debug registers (section 4.34).
   *
   * @param registers the registers
   * @throws KvmException EINVAL for values that no processor can have
   */
  public void setDebugRegs(DebugRegs registers) {
    call(KvmRequests.KVM_SET_DEBUGREGS, registers.segment());
  }

  /**
   * Whether the vCPU runs or waits (section 4.38).
   *
   * @return its state
   * @throws KvmException EBADF
   */
  public MpState getMpState() {
    MemorySegment state = Native.scratch(KVM_MP_STATE);
    call(KvmRequests.KVM_GET_MP_STATE, state);
    return MpState.of(state.get(JAVA_INT, 0));
  }

  /**
   * Makes the vCPU run or wait (section 4.39).
   *
   * @param mpState its state
   * @throws KvmException EINVAL without interrupt controllers
   */
  public void setMpState(MpState mpState) {
    MemorySegment state = Native.scratch(KVM_MP_STATE);
    state.set(JAVA_INT, 0, mpState.number());
    call(KvmRequests.KVM_SET_MP_STATE, state.address(), mpState::name);
  }

  /**
   * Reads the state of the guest's own virtualisation (section 4.114).
   *
   * @param nested where to put it
   * @throws KvmException E2BIG if it is too small, EINVAL without nested virtualisation
   */
  public void getNestedState(NestedState nested) {
    call(KvmRequests.KVM_GET_NESTED_STATE, nested.segment());
  }

  /**
   * Sets the state of the guest's own virtualisation (section 4.115).
   *
   * @param nested the state
   * @throws KvmException EINVAL
   */
  public void setNestedState(NestedState nested) {
    call(KvmRequests.KVM_SET_NESTED_STATE, nested.segment());
  }

  /**
   * The frequency of the vCPU's time stamp counter (section 4.56).
   *
   * @return kilohertz
   * @throws KvmException EIO if the host's counter is unstable
   */
  public int tscKhz() {
    return call(KvmRequests.KVM_GET_TSC_KHZ, 0);
  }

  /**
   * Sets the frequency of the vCPU's time stamp counter (section 4.55).
   *
   * @param kilohertz the frequency
   * @throws KvmException EINVAL if the host cannot scale to it
   */
  public void setTscKhz(int kilohertz) {
    call(KvmRequests.KVM_SET_TSC_KHZ, kilohertz);
  }

  /**
   * Reads an attribute of one word (section 4.80).
   *
   * @param group the attribute's group
   * @param attribute the attribute
   * @return its value
   * @throws KvmException ENXIO if there is no such attribute
   */
  public long getAttribute(int group, long attribute) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(JAVA_LONG);
      MemorySegment request = VmFd.deviceAttribute(group, attribute, value.address());
      call(
          KvmRequests.KVM_GET_DEVICE_ATTR,
          request.address(),
          () -> "group=" + group + ", attribute=" + attribute);
      return value.get(JAVA_LONG, 0);
    }
  }

  /**
   * Sets an attribute of one word (section 4.80).
   *
   * @param group the attribute's group
   * @param attribute the attribute
   * @param word its value
   * @throws KvmException ENXIO if there is no such attribute
   */
  public void setAttribute(int group, long attribute, long word) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocateFrom(JAVA_LONG, word);
      MemorySegment request = VmFd.deviceAttribute(group, attribute, value.address());
      call(
          KvmRequests.KVM_SET_DEVICE_ATTR,
          request.address(),
          () -> "group=" + group + ", attribute=" + attribute + ", value=" + word);
    }
  }

  /**
   * Tells the guest, when it next reads its clock, that it was paused (section 4.76).
   *
   * @throws KvmException EINVAL if the guest does not use kvmclock
   */
  public void notifyPaused() {
    call(KvmRequests.KVM_KVMCLOCK_CTRL, 0);
  }

  /**
   * Queues a non-maskable interrupt (section 4.64).
   *
   * @throws KvmException EBADF
   */
  public void injectNmi() {
    call(KvmRequests.KVM_NMI, 0);
  }

  /**
   * Queues a system management interrupt (section 4.96).
   *
   * @throws KvmException EBADF
   */
  public void injectSmi() {
    call(KvmRequests.KVM_SMI, 0);
  }

  /**
   * Queues a vector, without interrupt controllers in the kernel (section 4.16). It takes the place
   * of one that is queued already.
   *
   * @param vector from 0 to 255
   * @throws KvmException EINVAL for another vector, ENXIO with interrupt controllers
   */
  public void injectInterrupt(int vector) {
    MemorySegment interrupt = Native.scratch(InterruptStructs.KVM_INTERRUPT);
    interrupt.set(JAVA_INT_UNALIGNED, 0, vector);
    call(KvmRequests.KVM_INTERRUPT, interrupt.address(), () -> "vector=" + vector);
  }

  /**
   * Chooses what a debugger sees (section 4.87).
   *
   * @param control KVM_GUESTDBG flags: 1 enables, 2 single-steps, 0x20000 uses the registers
   * @param debugRegisters up to 8 debug registers: four addresses, two reserved, DR6, DR7
   * @throws KvmException EINVAL for unknown flags
   */
  public void setGuestDebug(int control, long... debugRegisters) {
    MemorySegment debug = Native.scratch(KVM_GUEST_DEBUG);
    debug.set(JAVA_INT, 0, control);
    long at = offset(KVM_GUEST_DEBUG, "arch");
    for (int i = 0; i < debugRegisters.length; i++) {
      debug.set(JAVA_LONG, at + (long) i * Long.BYTES, debugRegisters[i]);
    }
    call(
        KvmRequests.KVM_SET_GUEST_DEBUG,
        debug.address(),
        () -> "control=0x" + Integer.toHexString(control));
  }

  /** Unmaps the shared page and closes the descriptor; a second call does nothing. */
  @Override
  public void close() {
    shared.close();
    super.close();
  }
}
