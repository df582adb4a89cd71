package dev.torpor.vmm.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.torpor.kvm.DebugRegs;
import dev.torpor.kvm.KvmStruct;
import dev.torpor.kvm.Lapic;
import dev.torpor.kvm.MpState;
import dev.torpor.kvm.Msrs;
import dev.torpor.kvm.NestedState;
import dev.torpor.kvm.Regs;
import dev.torpor.kvm.Sregs;
import dev.torpor.kvm.Sregs2;
import dev.torpor.kvm.VcpuEvents;
import dev.torpor.kvm.Xcrs;
import dev.torpor.kvm.Xsave;
import dev.torpor.vmm.device.StateBytes;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A vCPU's state in the structures that KVM takes, made once for any number of restores. What a
 * state does not have is null. For one thread at a time.
 */
final class VcpuStructs {
  final Regs regs;
  final Sregs sregs;
  final Sregs2 sregs2;
  final Xsave xsave;
  final Xcrs xcrs;
  final Lapic lapic;
  final DebugRegs debugRegs;
  final NestedState nested;
  final MpState mpState;
  final VcpuEvents events;
  final boolean usesKvmclock;

  /** Sets the timer's deadline to none; null if there is no such MSR. */
  final Msrs noDeadline;

  /** The time stamp counter, and then all of them, itself again among them, in their order. */
  private final Msrs msrs;

  /** Where the counter is among them, the second time. */
  private final int tscPosition;

  VcpuStructs(VcpuState state, VcpuProfile profile) {
    regs = filled(new Regs(), state.regs());
    boolean pointers = state.sregsHavePointers();
    sregs = pointers ? null : filled(new Sregs(), state.sregs());
    sregs2 = pointers ? filled(new Sregs2(), state.sregs()) : null;
    xsave = xsave(state.xsave(), profile.xsaveByteSize());
    xcrs = isEmpty(state.xcrs()) ? null : filled(new Xcrs(), state.xcrs());
    lapic = isEmpty(state.lapic()) ? null : filled(new Lapic(), state.lapic());
    debugRegs = filled(new DebugRegs(), state.debugRegs());
    nested = isEmpty(state.nested()) ? null : nested(state.nested());
    mpState = state.mpState();
    events = filled(new VcpuEvents(), state.events());
    usesKvmclock = usesKvmclock(state.msrs());
    noDeadline =
        state.msrs().stream().anyMatch(msr -> msr.index() == MsrCatalog.TSC_DEADLINE)
            ? new Msrs(MsrCatalog.TSC_DEADLINE)
            : null;
    // Without those that hold zero and are unknown here.
    List<MsrValue> values =
        state.msrs().stream()
            .filter(msr -> msr.value() != 0 || profile.knows(msr.index()))
            .toList();
    IntStream indices = values.stream().mapToInt(MsrValue::index);
    msrs = new Msrs(IntStream.concat(IntStream.of(MsrCatalog.TSC), indices).toArray());
    int tsc = 0;
    for (int i = 0; i < values.size(); i++) {
      msrs.setValue(i + 1, values.get(i).value());
      tsc = values.get(i).index() == MsrCatalog.TSC ? i + 1 : tsc;
    }
    tscPosition = tsc;
  }

  /** All MSRs, with the time stamp counter set to one value first, and then to another. */
  Msrs msrsAt(long firstTsc, long tsc) {
    msrs.setValue(0, firstTsc);
    msrs.setValue(tscPosition, tsc);
    return msrs;
  }

  /**
   * Page-directory pointers that are not part of the state are read from memory, as are nested
   * structures; paravirtual MSRs and the local APIC make KVM read and write there.
   */
  boolean touchesMemory() {
    return sregs2 == null || lapic != null || nested != null || usesKvmclock;
  }

  private static boolean isEmpty(StateBytes bytes) {
    return bytes.byteCount() == 0;
  }

  /** KVM reads as much as it would write itself, whatever the host of the capture had. */
  private static Xsave xsave(StateBytes bytes, int byteSize) {
    Xsave xsave = new Xsave(byteSize);
    if (bytes.byteCount() > xsave.byteSize()) {
      StructBytes.requireSize("Xsave", bytes, xsave.byteSize());
    }
    StructBytes.fill(xsave, bytes);
    return xsave;
  }

  /** KVM reads as much as the structure itself says. */
  private static NestedState nested(StateBytes bytes) {
    NestedState nested = filled(new NestedState(bytes.byteCount()), bytes);
    StructBytes.requireSize(
        "NestedState", bytes, nested.segment().get(JAVA_INT, VcpuBuffers.NESTED_SIZE_OFFSET));
    return nested;
  }

  private static boolean usesKvmclock(List<MsrValue> msrs) {
    return msrs.stream()
        .anyMatch(
            msr ->
                (msr.index() == MsrCatalog.KVM_SYSTEM_TIME
                        || msr.index() == MsrCatalog.KVM_SYSTEM_TIME_OLD)
                    && (msr.value() & 1) != 0);
  }

  private static <S extends KvmStruct> S filled(S struct, StateBytes bytes) {
    StructBytes.requireSize(struct.getClass().getSimpleName(), bytes, struct.byteSize());
    StructBytes.fill(struct, bytes);
    return struct;
  }
}
