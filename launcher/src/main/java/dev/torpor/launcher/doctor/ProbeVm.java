package dev.torpor.launcher.doctor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.torpor.kvm.Cap;
import dev.torpor.kvm.ExitReason;
import dev.torpor.kvm.Kvm;
import dev.torpor.kvm.MemorySlot;
import dev.torpor.kvm.Register;
import dev.torpor.kvm.Regs;
import dev.torpor.kvm.Segment;
import dev.torpor.kvm.SegmentRegister;
import dev.torpor.kvm.SpecialRegisters.Control;
import dev.torpor.kvm.Sregs;
import dev.torpor.kvm.VcpuFd;
import dev.torpor.kvm.VmFd;
import dev.torpor.linux.LinuxException;
import dev.torpor.linux.Mapping;
import java.lang.foreign.MemorySegment;

/**
 * The smallest VM: 2 MiB of memory, one vCPU in 64-bit mode at a chosen privilege level, and no
 * device. A piece of code runs until it writes to a port.
 *
 * <pre>
 * 0x1000  page tables: PML4, PDPT, PD; one 2 MiB page, identity, user
 * 0x4000  GDT
 * 0x5000  data of the code
 * 0x8000  stack, downwards
 * 0x9000  code
 * </pre>
 */
final class ProbeVm implements AutoCloseable {
  /** The kernel's code and data segments, in the GDT as in the registers. */
  static final int KERNEL_CODE = 0x10;

  static final int KERNEL_DATA = 0x18;

  /** A descriptor of the GDT, for LGDT and LIDT: limit, then base. */
  static final int TABLE_POINTER = 0x5000;

  /** Scratch memory, aligned to 16 bytes. */
  static final int SCRATCH = 0x5100;

  static final int STACK_TOP = 0x8000;

  private static final int PML4 = 0x1000;
  private static final int PDPT = 0x2000;
  private static final int PD = 0x3000;
  private static final int GDT = 0x4000;
  private static final int GDT_BYTES = 4 * Long.BYTES;
  private static final int CODE = 0x9000;
  private static final int MEMORY_BYTES = 2 << 20;
  private static final long TSS_ADDRESS = 0xfffb_d000L;

  private static final long PRESENT_WRITABLE_USER = 0x7;
  private static final long LARGE_PAGE = 0x80;
  private static final long GDT_KERNEL_CODE = 0x00af_9b00_0000_ffffL;
  private static final long GDT_KERNEL_DATA = 0x00cf_9300_0000_ffffL;
  private static final int CODE_ACCESSED = 11;
  private static final int DATA_ACCESSED = 3;
  private static final int TSS_BUSY = 11;

  private static final long CR0 = 0x8005_0033L; // PG AM WP NE ET MP PE
  private static final long CR4 = 0x6a0; // OSXMMEXCPT OSFXSR PGE PAE
  private static final long EFER = 0xd01; // NXE LMA LME SCE

  /** Fixed bit, and IOPL 3: code at CPL 3 may write to ports too. */
  private static final long RFLAGS = 0x3002;

  private final Mapping memory;
  private final VmFd vm;
  private final VcpuFd vcpu;

  /** How a piece of code ended: {@code failure} is null if it got as far as its port. */
  record Outcome(long nanos, String failure) {}

  private ProbeVm(Mapping memory, VmFd vm, VcpuFd vcpu) {
    this.memory = memory;
    this.vm = vm;
    this.vcpu = vcpu;
  }

  static ProbeVm create(Kvm kvm) {
    Mapping memory = Mapping.anonymous(MEMORY_BYTES, 0);
    VmFd vm = null;
    try {
      writeTables(memory.segment());
      vm = kvm.createVm();
      if (kvm.check(Cap.SET_TSS_ADDR) != 0) {
        vm.setTssAddress(TSS_ADDRESS);
      }
      vm.setMemorySlot(new MemorySlot(0, 0, 0, MEMORY_BYTES, memory.address()));
      VcpuFd vcpu = vm.createVcpu(0);
      ProbeVm probe = new ProbeVm(memory, vm, vcpu);
      vcpu.setCpuid(kvm.supportedCpuid());
      return probe;
    } catch (LinuxException e) {
      if (vm != null) {
        vm.close();
      }
      memory.close();
      throw e;
    }
  }

  private static void writeTables(MemorySegment ram) {
    ram.set(JAVA_LONG, PML4, PDPT | PRESENT_WRITABLE_USER);
    ram.set(JAVA_LONG, PDPT, PD | PRESENT_WRITABLE_USER);
    ram.set(JAVA_LONG, PD, LARGE_PAGE | PRESENT_WRITABLE_USER);
    ram.set(JAVA_LONG, GDT + KERNEL_CODE, GDT_KERNEL_CODE);
    ram.set(JAVA_LONG, GDT + KERNEL_DATA, GDT_KERNEL_DATA);
    ram.set(JAVA_SHORT, TABLE_POINTER, (short) (GDT_BYTES - 1));
    ram.set(JAVA_LONG_UNALIGNED, TABLE_POINTER + Short.BYTES, GDT);
  }

  /**
   * Runs code that ends by writing to a port.
   *
   * @param code the machine code
   * @param cpl the privilege level, 0 or 3
   * @param rcx what RCX holds at the start
   */
  Outcome run(byte[] code, int cpl, long rcx) {
    MemorySegment.copy(code, 0, memory.segment(), JAVA_BYTE, CODE, code.length);
    setRegisters(cpl, rcx);
    long start = System.nanoTime();
    while (!vcpu.run()) {
      // A signal for this thread; the guest goes on.
    }
    long nanos = System.nanoTime() - start;
    return new Outcome(nanos, failure());
  }

  private void setRegisters(int cpl, long rcx) {
    Sregs sregs = new Sregs();
    vcpu.getSregs(sregs);
    sregs.set(Control.CR0, CR0);
    sregs.set(Control.CR3, PML4);
    sregs.set(Control.CR4, CR4);
    sregs.set(Control.EFER, EFER);
    sregs.setGdt(GDT, GDT_BYTES - 1);
    sregs.set(SegmentRegister.CS, segment(KERNEL_CODE | cpl, CODE_ACCESSED, cpl, true));
    Segment data = segment(KERNEL_DATA | cpl, DATA_ACCESSED, cpl, false);
    for (SegmentRegister register :
        new SegmentRegister[] {
          SegmentRegister.DS,
          SegmentRegister.ES,
          SegmentRegister.FS,
          SegmentRegister.GS,
          SegmentRegister.SS
        }) {
      sregs.set(register, data);
    }
    sregs.set(
        SegmentRegister.TR,
        new Segment(0, 0x67, 0x40, TSS_BUSY, true, 0, false, false, false, false, false, false));
    vcpu.setSregs(sregs);
    vcpu.setRegs(
        new Regs()
            .set(Register.RIP, CODE)
            .set(Register.RSP, STACK_TOP)
            .set(Register.RFLAGS, RFLAGS)
            .set(Register.RCX, rcx));
  }

  private static Segment segment(int selector, int type, int dpl, boolean code64) {
    return new Segment(
        0, 0xffff_ffff, selector, type, true, dpl, !code64, true, code64, true, false, false);
  }

  private String failure() {
    return switch (vcpu.shared().exitReason()) {
      case ExitReason.IO -> null;
      case ExitReason.INTERNAL_ERROR -> "KVM cannot emulate it";
      case ExitReason.SHUTDOWN -> "triple fault";
      case ExitReason.FAIL_ENTRY ->
          "entry refused, reason 0x%x".formatted(vcpu.shared().failEntryReason());
      default -> "KVM exit reason " + vcpu.shared().exitReason();
    };
  }

  @Override
  public void close() {
    vcpu.close();
    vm.close();
    memory.close();
  }
}
