package dev.torpor.kvm;

import static dev.torpor.kvm.abi.EventStructs.KVM_DEVICE_ATTR;
import static dev.torpor.kvm.abi.InterruptStructs.KVM_IOEVENTFD;
import static dev.torpor.kvm.abi.InterruptStructs.KVM_IRQFD;
import static dev.torpor.kvm.abi.InterruptStructs.KVM_IRQ_LEVEL;
import static dev.torpor.kvm.abi.InterruptStructs.KVM_IRQ_ROUTING;
import static dev.torpor.kvm.abi.InterruptStructs.KVM_IRQ_ROUTING_ENTRY;
import static dev.torpor.kvm.abi.InterruptStructs.KVM_MSI;
import static dev.torpor.kvm.abi.InterruptStructs.KVM_PIT_CONFIG;
import static dev.torpor.kvm.abi.MemoryStructs.KVM_CLEAR_DIRTY_LOG;
import static dev.torpor.kvm.abi.MemoryStructs.KVM_DIRTY_LOG;
import static dev.torpor.kvm.abi.MemoryStructs.KVM_ENABLE_CAP;
import static dev.torpor.kvm.abi.MemoryStructs.KVM_USERSPACE_MEMORY_REGION;
import static dev.torpor.linux.abi.Abi.offset;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.torpor.kvm.abi.KvmRequests;
import dev.torpor.linux.Errno;
import dev.torpor.linux.EventFd;
import dev.torpor.linux.FileDescriptor;
import dev.torpor.linux.LinuxException;
import dev.torpor.linux.Mapping;
import dev.torpor.linux.abi.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.List;

/**
 * A virtual machine: memslots, interrupt wiring, clock, dirty log. Safe from every thread of the
 * process that created it. Closed after its vCPUs and before the memory behind its memslots.
 */
public final class VmFd extends KvmFd {
  private static final int IRQFD_DEASSIGN = 1;
  private static final int IOEVENTFD_DATAMATCH = 1;
  private static final int IOEVENTFD_PIO = 1 << 1;
  private static final int IOEVENTFD_DEASSIGN = 1 << 2;
  private static final int ROUTING_IRQCHIP = 1;
  private static final int ROUTING_MSI = 2;

  private final int runByteSize;

  VmFd(FileDescriptor descriptor, int runByteSize) {
    super(descriptor);
    this.runByteSize = runByteSize;
  }

  /**
   * What this virtual machine says of a capability (section 4.4).
   *
   * @param cap the capability
   * @return 0 if it is missing; else 1, or a number that the capability defines
   * @throws KvmException EBADF
   */
  public int check(Cap cap) {
    return call(KvmRequests.KVM_CHECK_EXTENSION, cap.number());
  }

  /**
   * Enables a capability (section 4.37).
   *
   * @param cap the capability
   * @param argument its first argument
   * @throws KvmException EINVAL if it cannot be enabled, or not any more
   */
  public void enable(Cap cap, long argument) {
    MemorySegment request = Native.scratch(KVM_ENABLE_CAP);
    request.set(JAVA_INT, 0, cap.number());
    request.set(JAVA_LONG, offset(KVM_ENABLE_CAP, "args"), argument);
    call(
        KvmRequests.KVM_ENABLE_CAP,
        request.address(),
        () -> cap.kernelName() + ", argument=" + argument);
  }

  /**
   * Creates a vCPU (section 4.7). Its requests should come from one thread, which need not be this
   * one.
   *
   * @param id its number, which is its local APIC's too
   * @return the vCPU
   * @throws KvmException EEXIST, EINVAL for too many
   * @throws LinuxException ENOMEM if the shared page cannot be mapped
   */
  public VcpuFd createVcpu(int id) {
    FileDescriptor vcpu = FileDescriptor.owning(call(KvmRequests.KVM_CREATE_VCPU, id));
    try {
      Mapping shared =
          Mapping.file(
              vcpu, 0, runByteSize, Mapping.PROT_READ | Mapping.PROT_WRITE, Mapping.MAP_SHARED);
      return new VcpuFd(vcpu, shared);
    } catch (LinuxException e) {
      vcpu.close();
      throw e;
    }
  }

  /**
   * Adds, moves, changes or deletes a memslot (section 4.35).
   *
   * @param slot the memslot as it shall be
   * @throws KvmException EEXIST if it overlaps another, EINVAL if it is not page-aligned
   */
  public void setMemorySlot(MemorySlot slot) {
    MemorySegment region = Native.scratch(KVM_USERSPACE_MEMORY_REGION);
    region.set(JAVA_INT, 0, slot.id());
    region.set(JAVA_INT, offset(KVM_USERSPACE_MEMORY_REGION, "flags"), slot.flags());
    region.set(JAVA_LONG, offset(KVM_USERSPACE_MEMORY_REGION, "guest_phys_addr"), slot.gpa());
    region.set(JAVA_LONG, offset(KVM_USERSPACE_MEMORY_REGION, "memory_size"), slot.byteSize());
    region.set(JAVA_LONG, offset(KVM_USERSPACE_MEMORY_REGION, "userspace_addr"), slot.hva());
    call(
        KvmRequests.KVM_SET_USER_MEMORY_REGION,
        region.address(),
        () ->
            "slot=%d, flags=%d, gpa=0x%x, byteSize=%d, hva=0x%x"
                .formatted(slot.id(), slot.flags(), slot.gpa(), slot.byteSize(), slot.hva()));
  }

  /**
   * Copies a memslot's dirty bitmap (section 4.8). With {@link Cap#MANUAL_DIRTY_LOG_PROTECT2}
   * enabled the pages stay dirty until {@link #clearDirtyLog}.
   *
   * @param slotId the memslot
   * @param bitmap a bit for each page, page 0 in bit 0; rounded up to 64 bits, all of which KVM
   *     writes
   * @throws KvmException ENOENT if the memslot does not log
   */
  public void getDirtyLog(int slotId, MemorySegment bitmap) {
    MemorySegment log = Native.scratch(KVM_DIRTY_LOG);
    log.set(JAVA_INT, 0, slotId);
    log.set(JAVA_LONG, offset(KVM_DIRTY_LOG, "dirty_bitmap"), bitmap.address());
    try {
      call(KvmRequests.KVM_GET_DIRTY_LOG, log.address(), () -> "slot=" + slotId);
    } finally {
      Reference.reachabilityFence(bitmap);
    }
  }

  /**
   * Forgets that pages are dirty, and tracks them anew (section 4.117).
   *
   * @param slotId the memslot
   * @param firstPage the first page, a multiple of 64
   * @param pageCount how many; a multiple of 64 unless the memslot ends there
   * @param bitmap a bit for each page to clear, {@code firstPage} in bit 0
   * @throws KvmException EINVAL for a range that is not aligned, ENOENT
   */
  public void clearDirtyLog(int slotId, long firstPage, int pageCount, MemorySegment bitmap) {
    MemorySegment log = Native.scratch(KVM_CLEAR_DIRTY_LOG);
    log.set(JAVA_INT, 0, slotId);
    log.set(JAVA_INT, offset(KVM_CLEAR_DIRTY_LOG, "num_pages"), pageCount);
    log.set(JAVA_LONG, offset(KVM_CLEAR_DIRTY_LOG, "first_page"), firstPage);
    log.set(JAVA_LONG, offset(KVM_CLEAR_DIRTY_LOG, "dirty_bitmap"), bitmap.address());
    try {
      call(
          KvmRequests.KVM_CLEAR_DIRTY_LOG,
          log.address(),
          () -> "slot=%d, firstPage=%d, pageCount=%d".formatted(slotId, firstPage, pageCount));
    } finally {
      Reference.reachabilityFence(bitmap);
    }
  }

  /**
   * Tracks anew the pages that were harvested from the dirty rings (section 8.29).
   *
   * @return how many entries were taken back
   * @throws KvmException EINVAL if the rings are not enabled
   */
  public int resetDirtyRings() {
    return call(KvmRequests.KVM_RESET_DIRTY_RINGS, 0);
  }

  /**
   * Tells where three pages are free that Intel processors need (section 4.36).
   *
   * @param gpa their address, below 4 GiB
   * @throws KvmException EINVAL
   */
  public void setTssAddress(long gpa) {
    call(KvmRequests.KVM_SET_TSS_ADDR, gpa);
  }

  /**
   * Tells where one page is free that Intel processors need in real mode (section 4.40). Before the
   * first vCPU.
   *
   * @param gpa its address, below 4 GiB
   * @throws KvmException EINVAL if a vCPU exists
   */
  public void setIdentityMapAddress(long gpa) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment address = arena.allocateFrom(JAVA_LONG, gpa);
      call(
          KvmRequests.KVM_SET_IDENTITY_MAP_ADDR,
          address.address(),
          () -> "gpa=0x" + Long.toHexString(gpa));
    }
  }

  /**
   * Chooses the boot processor (section 4.41). Before the first vCPU.
   *
   * @param vcpuId its number
   * @throws KvmException EBUSY if a vCPU exists
   */
  public void setBootCpuId(int vcpuId) {
    call(KvmRequests.KVM_SET_BOOT_CPU_ID, vcpuId);
  }

  /**
   * Creates the interrupt controllers: two 8259A, an I/O APIC, and a local APIC for each vCPU
   * (section 4.24). Before the first vCPU.
   *
   * @throws KvmException EEXIST if they exist, EINVAL if a vCPU does
   */
  public void createIrqChip() {
    call(KvmRequests.KVM_CREATE_IRQCHIP, 0);
  }

  /**
   * Reads the state of a chip (section 4.26).
   *
   * @param chip which, and where to put it
   * @throws KvmException ENXIO without chips
   */
  public void getIrqChip(IrqChip chip) {
    call(KvmRequests.KVM_GET_IRQCHIP, chip.segment());
  }

  /**
   * Sets the state of a chip (section 4.27).
   *
   * @param chip which, and its state
   * @throws KvmException ENXIO without chips
   */
  public void setIrqChip(IrqChip chip) {
    call(KvmRequests.KVM_SET_IRQCHIP, chip.segment());
  }

  /**
   * Creates the timer, an 8254 (section 4.71). After the interrupt controllers.
   *
   * @throws KvmException EEXIST, or ENOENT without interrupt controllers
   */
  public void createPit() {
    MemorySegment config = Native.scratch(KVM_PIT_CONFIG);
    call(KvmRequests.KVM_CREATE_PIT2, config.address(), () -> "flags=0");
  }

  /**
   * Reads the state of the timer (section 4.72).
   *
   * @param state where to put it
   * @throws KvmException ENXIO without a timer
   */
  public void getPit(PitState state) {
    call(KvmRequests.KVM_GET_PIT2, state.segment());
  }

  /**
   * Sets the state of the timer (section 4.73).
   *
   * @param state its state
   * @throws KvmException ENXIO without a timer
   */
  public void setPit(PitState state) {
    call(KvmRequests.KVM_SET_PIT2, state.segment());
  }

  /**
   * Sets the level of an interrupt line (section 4.25).
   *
   * @param gsi the line
   * @param high whether it is asserted
   * @throws KvmException ENXIO without chips
   */
  public void setIrqLine(int gsi, boolean high) {
    MemorySegment level = Native.scratch(KVM_IRQ_LEVEL);
    level.set(JAVA_INT, 0, gsi);
    level.set(JAVA_INT, offset(KVM_IRQ_LEVEL, "level"), high ? 1 : 0);
    call(KvmRequests.KVM_IRQ_LINE, level.address(), () -> "gsi=" + gsi + ", high=" + high);
  }

  /**
   * Replaces the routes of all interrupts (section 4.52).
   *
   * @param routes the routes
   * @throws KvmException EINVAL for a route that cannot be
   */
  public void setIrqRouting(List<IrqRoute> routes) {
    long entryBytes = KVM_IRQ_ROUTING_ENTRY.byteSize();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment table =
          arena.allocate(KVM_IRQ_ROUTING.byteSize() + routes.size() * entryBytes, Long.BYTES);
      table.set(JAVA_INT, 0, routes.size());
      long at = KVM_IRQ_ROUTING.byteSize();
      for (IrqRoute route : routes) {
        encode(route, table.asSlice(at, entryBytes));
        at += entryBytes;
      }
      call(KvmRequests.KVM_SET_GSI_ROUTING, table.address(), () -> routes.size() + " routes");
    }
  }

  private static void encode(IrqRoute route, MemorySegment entry) {
    long target = offset(KVM_IRQ_ROUTING_ENTRY, "u");
    entry.set(JAVA_INT, 0, route.gsi());
    switch (route) {
      case IrqRoute.Pin pin -> {
        entry.set(JAVA_INT, 4, ROUTING_IRQCHIP);
        entry.set(JAVA_INT, target, pin.chip().number);
        entry.set(JAVA_INT, target + 4, pin.pin());
      }
      case IrqRoute.Message message -> {
        entry.set(JAVA_INT, 4, ROUTING_MSI);
        entry.set(JAVA_INT, target, (int) message.address());
        entry.set(JAVA_INT, target + 4, (int) (message.address() >>> 32));
        entry.set(JAVA_INT, target + 8, message.data());
      }
    }
  }

  /**
   * Sends a message-signalled interrupt (section 4.70).
   *
   * @param address the message's address
   * @param data the message's data
   * @return how many vCPUs received it; 0 if the guest blocks it
   * @throws KvmException EINVAL, ENXIO
   */
  public int signalMsi(long address, int data) {
    MemorySegment message = Native.scratch(KVM_MSI);
    message.set(JAVA_INT, 0, (int) address);
    message.set(JAVA_INT, 4, (int) (address >>> 32));
    message.set(JAVA_INT, 8, data);
    return call(
        KvmRequests.KVM_SIGNAL_MSI,
        message.address(),
        () -> "address=0x%x, data=0x%x".formatted(address, data));
  }

  /**
   * Lets an eventfd raise an edge of an interrupt (section 4.75).
   *
   * @param event the eventfd
   * @param gsi the interrupt
   * @throws KvmException EBUSY if the eventfd raises one already, EINVAL
   */
  public void assignIrqFd(EventFd event, int gsi) {
    irqFd(event, gsi, 0);
  }

  /**
   * Ends what {@link #assignIrqFd} began.
   *
   * @param event the eventfd
   * @param gsi the interrupt
   * @throws KvmException EINVAL, EBADF
   */
  public void deassignIrqFd(EventFd event, int gsi) {
    irqFd(event, gsi, IRQFD_DEASSIGN);
  }

  private void irqFd(EventFd event, int gsi, int flags) {
    MemorySegment irqFd = Native.scratch(KVM_IRQFD);
    irqFd.set(JAVA_INT, 0, event.descriptor().number());
    irqFd.set(JAVA_INT, offset(KVM_IRQFD, "gsi"), gsi);
    irqFd.set(JAVA_INT, offset(KVM_IRQFD, "flags"), flags);
    call(
        KvmRequests.KVM_IRQFD,
        irqFd.address(),
        () -> event.descriptor() + ", gsi=" + gsi + ", flags=" + flags);
  }

  /**
   * Lets a guest write of one value at one address signal an eventfd, without an exit (section
   * 4.59).
   *
   * @param event the eventfd
   * @param address what the guest writes to: an I/O port, or a guest physical address
   * @param isPort whether it is an I/O port
   * @param byteCount the width of the write: 1, 2, 4 or 8
   * @param value the value that must be written
   * @throws KvmException EEXIST if the address and value are taken, EINVAL
   */
  public void assignIoEventFd(
      EventFd event, long address, boolean isPort, int byteCount, long value) {
    ioEventFd(event, address, isPort, byteCount, value, 0);
  }

  /**
   * Ends what {@link #assignIoEventFd} began.
   *
   * @param event the eventfd
   * @param address the address
   * @param isPort whether it is an I/O port
   * @param byteCount the width of the write
   * @param value the value
   * @throws KvmException ENOENT
   */
  public void deassignIoEventFd(
      EventFd event, long address, boolean isPort, int byteCount, long value) {
    ioEventFd(event, address, isPort, byteCount, value, IOEVENTFD_DEASSIGN);
  }

  private void ioEventFd(
      EventFd event, long address, boolean isPort, int byteCount, long value, int action) {
    int flags = action | IOEVENTFD_DATAMATCH | (isPort ? IOEVENTFD_PIO : 0);
    MemorySegment ioEventFd = Native.scratch(KVM_IOEVENTFD);
    ioEventFd.set(JAVA_LONG, 0, value);
    ioEventFd.set(JAVA_LONG, offset(KVM_IOEVENTFD, "addr"), address);
    ioEventFd.set(JAVA_INT, offset(KVM_IOEVENTFD, "len"), byteCount);
    ioEventFd.set(JAVA_INT, offset(KVM_IOEVENTFD, "fd"), event.descriptor().number());
    ioEventFd.set(JAVA_INT, offset(KVM_IOEVENTFD, "flags"), flags);
    call(
        KvmRequests.KVM_IOEVENTFD,
        ioEventFd.address(),
        () ->
            "%s, address=0x%x, byteCount=%d, value=%d, flags=%d"
                .formatted(event.descriptor(), address, byteCount, value, flags));
  }

  /**
   * Reads the clock (section 4.29).
   *
   * @param clock where to put it
   * @throws KvmException EBADF
   */
  public void getClock(ClockData clock) {
    call(KvmRequests.KVM_GET_CLOCK, clock.segment());
  }

  /**
   * Sets the clock (section 4.30). While no vCPU runs.
   *
   * @param clock the clock
   * @throws KvmException EINVAL for flags that cannot be set
   */
  public void setClock(ClockData clock) {
    call(KvmRequests.KVM_SET_CLOCK, clock.segment());
  }

  /**
   * Sets the frequency of the time stamp counter that vCPUs get when they are created (section
   * 4.55).
   *
   * @param kilohertz the frequency
   * @throws KvmException EINVAL if the host cannot scale
   */
  public void setTscKhz(int kilohertz) {
    call(KvmRequests.KVM_SET_TSC_KHZ, kilohertz);
  }

  /**
   * The frequency of the time stamp counter that vCPUs get when they are created (section 4.56).
   *
   * @return kilohertz
   * @throws KvmException EIO if the host's counter is unstable
   */
  public int tscKhz() {
    return call(KvmRequests.KVM_GET_TSC_KHZ, 0);
  }

  /**
   * Whether an attribute of the VM exists (section 4.80).
   *
   * @param group the attribute's group
   * @param attribute the attribute
   * @return whether it exists
   * @throws KvmException EBADF
   */
  public boolean hasAttribute(int group, long attribute) {
    MemorySegment request = deviceAttribute(group, attribute, 0);
    try {
      call(
          KvmRequests.KVM_HAS_DEVICE_ATTR,
          request.address(),
          () -> "group=" + group + ", attribute=" + attribute);
      return true;
    } catch (KvmException e) {
      // ENOTTY and EPERM: a kernel whose VMs have no attributes at all.
      if (e.errno() == Errno.ENXIO || e.errno() == Errno.ENOTTY || e.errno() == Errno.EPERM) {
        return false;
      }
      throw e;
    }
  }

  /** An attribute of a VM or a vCPU, in the thread's scratch memory. */
  static MemorySegment deviceAttribute(int group, long attribute, long valueAddress) {
    MemorySegment request = Native.scratch(KVM_DEVICE_ATTR);
    request.set(JAVA_INT, offset(KVM_DEVICE_ATTR, "group"), group);
    request.set(JAVA_LONG, offset(KVM_DEVICE_ATTR, "attr"), attribute);
    request.set(JAVA_LONG, offset(KVM_DEVICE_ATTR, "addr"), valueAddress);
    return request;
  }
}
