package dev.torpor.vmm.checkpoint;

import dev.torpor.kvm.IrqChip;
import dev.torpor.kvm.KvmStruct;
import dev.torpor.kvm.PitState;
import dev.torpor.kvm.VmFd;
import dev.torpor.vmm.device.StateBytes;

/** The kernel's structures of a machine's interrupt controllers and timer, made once. */
final class InterruptBuffers {
  private final IrqChip picMaster = new IrqChip(IrqChip.Id.PIC_MASTER);
  private final IrqChip picSlave = new IrqChip(IrqChip.Id.PIC_SLAVE);
  private final IrqChip ioApic = new IrqChip(IrqChip.Id.IO_APIC);
  private final PitState pit = new PitState();

  /**
   * Reads them. Before the local APICs: an edge that the timer makes in between is then found in
   * the local APIC that it went to.
   */
  void capture(VmFd vm) {
    vm.getIrqChip(picMaster);
    vm.getIrqChip(picSlave);
    vm.getIrqChip(ioApic);
    vm.getPit(pit);
  }

  InterruptState toState() {
    return new InterruptState(
        StructBytes.of(picMaster),
        StructBytes.of(picSlave),
        StructBytes.of(ioApic),
        StructBytes.of(pit));
  }

  /**
   * Sets them. After the local APICs, to which the I/O APIC delivers what is pending in it. Each is
   * read first, so that nothing but a chip of the kernel's own making is ever set.
   */
  static void restore(VmFd vm, InterruptState state) {
    restoreChip(vm, IrqChip.Id.PIC_MASTER, state.picMaster());
    restoreChip(vm, IrqChip.Id.PIC_SLAVE, state.picSlave());
    restoreChip(vm, IrqChip.Id.IO_APIC, state.ioApic());
    PitState pit = new PitState();
    vm.getPit(pit);
    patch(pit, state.pit());
    vm.setPit(pit);
  }

  private static void restoreChip(VmFd vm, IrqChip.Id id, StateBytes state) {
    IrqChip chip = new IrqChip(id);
    vm.getIrqChip(chip);
    patch(chip, state);
    vm.setIrqChip(chip);
  }

  private static void patch(KvmStruct target, StateBytes state) {
    StructBytes.requireSize(target.getClass().getSimpleName(), state, target.byteSize());
    StructBytes.fill(target, state);
  }
}
