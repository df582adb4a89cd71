package dev.torpor.vmm.boot;

import dev.torpor.kvm.Register;
import dev.torpor.kvm.Segment;
import java.util.Map;

/**
 * What a vCPU's registers must hold at its first instruction. Whatever is not named here keeps its
 * value after power-on.
 *
 * @param general the general registers that are not 0
 * @param code CS
 * @param data DS, ES, FS, GS and SS
 * @param task TR
 * @param localTable LDTR
 * @param gdt GDTR
 * @param idt IDTR
 * @param cr0 CR0
 * @param cr3 CR3: the guest physical address of the page tables
 * @param cr4 CR4
 * @param efer the extended feature enable register
 */
public record VcpuEntry(
    Map<Register, Long> general,
    Segment code,
    Segment data,
    Segment task,
    Segment localTable,
    DescriptorTable gdt,
    DescriptorTable idt,
    long cr0,
    long cr3,
    long cr4,
    long efer) {
  /**
   * Keeps an immutable copy of the general registers.
   *
   * @param general the general registers that are not 0
   * @param code CS
   * @param data DS, ES, FS, GS and SS
   * @param task TR
   * @param localTable LDTR
   * @param gdt GDTR
   * @param idt IDTR
   * @param cr0 CR0
   * @param cr3 CR3
   * @param cr4 CR4
   * @param efer the extended feature enable register
   */
  public VcpuEntry {
    general = Map.copyOf(general);
  }

  /**
   * A general register.
   *
   * @param register which
   * @return its value; 0 if none is named
   */
  public long register(Register register) {
    return general.getOrDefault(register, 0L);
  }
}
