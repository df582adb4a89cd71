package dev.torpor.vmm.cpu;

import dev.torpor.kvm.KvmException;
import dev.torpor.kvm.Register;
import dev.torpor.kvm.Regs;
import dev.torpor.kvm.SegmentRegister;
import dev.torpor.kvm.SpecialRegisters.Control;
import dev.torpor.kvm.Sregs;
import dev.torpor.kvm.VcpuFd;
import dev.torpor.vmm.boot.VcpuEntry;
import java.util.List;

/** Gives a vCPU the registers that a boot protocol demands at its first instruction. */
public final class VcpuRegisters {
  private static final List<SegmentRegister> DATA_SEGMENTS =
      List.of(
          SegmentRegister.DS,
          SegmentRegister.ES,
          SegmentRegister.FS,
          SegmentRegister.GS,
          SegmentRegister.SS);

  private VcpuRegisters() {}

  /**
   * Loads the registers.
   *
   * @param vcpu a vCPU that has not run; what is not named keeps its value after power-on
   * @param entry the registers
   * @throws KvmException if the host refuses a value
   */
  public static void load(VcpuFd vcpu, VcpuEntry entry) {
    Sregs sregs = new Sregs();
    vcpu.getSregs(sregs);
    sregs.set(SegmentRegister.CS, entry.code());
    DATA_SEGMENTS.forEach(register -> sregs.set(register, entry.data()));
    sregs.set(SegmentRegister.TR, entry.task());
    sregs.set(SegmentRegister.LDT, entry.localTable());
    sregs.setGdt(entry.gdt().base(), entry.gdt().limit());
    sregs.setIdt(entry.idt().base(), entry.idt().limit());
    sregs.set(Control.CR0, entry.cr0());
    sregs.set(Control.CR3, entry.cr3());
    sregs.set(Control.CR4, entry.cr4());
    sregs.set(Control.EFER, entry.efer());
    vcpu.setSregs(sregs);

    Regs regs = new Regs();
    for (Register register : Register.values()) {
      regs.set(register, entry.register(register));
    }
    vcpu.setRegs(regs);
  }
}
