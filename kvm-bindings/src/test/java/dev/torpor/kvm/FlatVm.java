package dev.torpor.kvm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.kvm.SpecialRegisters.Control;
import dev.torpor.linux.Mapping;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import java.util.function.Consumer;

/**
 * A virtual machine with one vCPU that runs a few instructions in 64-bit mode at CPL 3, over
 * identity page tables. The programs find a doorbell's address in RAX, a workspace's in RDI, and
 * count in R8.
 */
final class FlatVm implements AutoCloseable {
  /** Counts, writes the count into the workspace, then rings with it: {@code r8} is 1, 2, 3… */
  static final String WRITER = "49ffc0 4c8907 4c8900 ebf5";

  /** Reads a value from the doorbell, and rings with the value plus one. */
  static final String ECHO = "4c8b00 49ffc0 4c8900 ebf5";

  /** Counts in the workspace and never leaves the guest. */
  static final String SPIN = "49ffc0 4c8907 ebf8";

  static final long DOORBELL = 0xd000_0000L;
  static final long CODE = 0x10_0000;
  static final long WORKSPACE = 0x40_0000;
  static final long RAM_BYTES = 16 << 20;
  static final int RAM_SLOT = 0;
  static final int PAGE = 4096;

  /**
   * The first page behind the page tables. Processors with nested paging write to a guest's tables
   * as they walk them, so those below may be dirty whatever the guest does.
   */
  static final long FIRST_PAGE_OF_ITS_OWN = 16;

  private static final long PML4 = 0x1000;
  private static final long PDPT = 0x2000;
  private static final long FIRST_PD = 0x3000;
  private static final long PRESENT_WRITABLE_USER_ACCESSED = 0x27;
  private static final long DIRTY_LARGE = 0xc0;

  final Kvm kvm = Kvm.open();
  final VmFd vm;
  final Mapping ram = Mapping.anonymous(RAM_BYTES, 0);
  final VcpuFd vcpu;

  /** A machine without interrupt controllers. */
  FlatVm(String program) {
    this(program, 0, vm -> {});
  }

  /** A machine whose VM is prepared before its vCPU is created. */
  FlatVm(String program, int slotFlags, Consumer<VmFd> preparation) {
    vm = kvm.createVm();
    preparation.accept(vm);
    ram.advise(0, RAM_BYTES, Mapping.Advice.NO_HUGE_PAGE);
    buildPageTables();
    byte[] code = HexFormat.of().parseHex(program.replace(" ", ""));
    MemorySegment.copy(code, 0, ram.segment(), JAVA_BYTE, CODE, code.length);
    vm.setMemorySlot(new MemorySlot(RAM_SLOT, slotFlags, 0, RAM_BYTES, ram.address()));
    vcpu = vm.createVcpu(0);
    vcpu.setCpuid(kvm.supportedCpuid());
    enterUserMode();
    vcpu.setRegs(
        new Regs()
            .set(Register.RIP, CODE)
            .set(Register.RFLAGS, 2)
            .set(Register.RAX, DOORBELL)
            .set(Register.RDI, WORKSPACE));
  }

  /** Interrupt controllers and a timer in the kernel, as a machine that boots a kernel has. */
  static FlatVm withIrqChip(String program) {
    return new FlatVm(
        program,
        0,
        vm -> {
          vm.createIrqChip();
          vm.createPit();
        });
  }

  private void buildPageTables() {
    word(PML4, PDPT | PRESENT_WRITABLE_USER_ACCESSED);
    for (long gib = 0; gib < 4; gib++) {
      word(PDPT + gib * 8, (FIRST_PD + gib * PAGE) | PRESENT_WRITABLE_USER_ACCESSED);
    }
    for (long i = 0; i < 4 * 512; i++) {
      word(FIRST_PD + i * 8, i << 21 | PRESENT_WRITABLE_USER_ACCESSED | DIRTY_LARGE);
    }
  }

  private void word(long gpa, long value) {
    ram.segment().set(JAVA_LONG, gpa, value);
  }

  /** A word of guest memory. */
  long word(long gpa) {
    return ram.segment().get(JAVA_LONG, gpa);
  }

  private void enterUserMode() {
    Segment code = new Segment(0, -1, 0x33, 11, true, 3, false, true, true, true, false, false);
    Segment data = new Segment(0, -1, 0x2b, 3, true, 3, true, true, false, true, false, false);
    Sregs sregs = new Sregs();
    vcpu.getSregs(sregs);
    sregs.set(SegmentRegister.CS, code);
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
    sregs.set(Control.CR0, 0x8005_0033L);
    sregs.set(Control.CR3, PML4);
    sregs.set(Control.CR4, 0x6a0);
    sregs.set(Control.EFER, 0xd01);
    vcpu.setSregs(sregs);
  }

  /** Runs until the guest rings the doorbell, and returns the value it rang with. */
  long runToDoorbell() {
    assertThat(vcpu.run()).isTrue();
    VcpuRun exit = vcpu.shared();
    assertThat(exit.exitReason()).as("exit reason").isEqualTo(ExitReason.MMIO);
    assertThat(exit.mmioIsWrite()).isTrue();
    assertThat(exit.mmioAddress()).isEqualTo(DOORBELL);
    assertThat(exit.mmioByteCount()).isEqualTo(8);
    return exit.mmioValue();
  }

  /** Changes one register. */
  void set(Register register, long value) {
    Regs regs = new Regs();
    vcpu.getRegs(regs);
    vcpu.setRegs(regs.set(register, value));
  }

  /** One register. */
  long get(Register register) {
    Regs regs = new Regs();
    vcpu.getRegs(regs);
    return regs.get(register);
  }

  @Override
  public void close() {
    vcpu.close();
    vm.close();
    ram.close();
    kvm.close();
  }
}
