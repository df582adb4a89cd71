package dev.torpor.vmm.checkpoint;

import static dev.torpor.vmm.checkpoint.MachineStateCodec.bytes;

import dev.torpor.kvm.CpuidEntry;
import dev.torpor.kvm.MpState;
import dev.torpor.snapshot.FieldReader;
import dev.torpor.snapshot.FieldWriter;
import dev.torpor.vmm.device.StateBytes;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * A vCPU's state as fields. The two long lists are packed: CPUID answers as seven words of 32 bits,
 * MSRs as an index of 32 and a value of 64 bits.
 */
final class VcpuStateCodec {
  private static final int CPUID_BYTES = 7 * Integer.BYTES;
  private static final int MSR_BYTES = Integer.BYTES + Long.BYTES;

  /** What the kernel takes at most. */
  private static final int MAX_CPUID_BYTES = 256 * CPUID_BYTES;

  private static final int MAX_MSR_BYTES = 4096 * MSR_BYTES;
  private static final int MAX_STRUCT_BYTES = 4096;
  private static final int MAX_XSAVE_BYTES = 64 << 10;
  private static final int MAX_NESTED_BYTES = 64 << 10;

  private static final int MAX_MP_STATE = 4;

  private static final int TAG_CPUID = 1;
  private static final int TAG_TSC_KHZ = 2;
  private static final int TAG_TSC_OFFSET = 3;
  private static final int TAG_MP_STATE = 4;
  private static final int TAG_REGS = 5;
  private static final int TAG_SREGS = 6;
  private static final int TAG_SREGS_HAVE_POINTERS = 7;
  private static final int TAG_XSAVE = 8;
  private static final int TAG_XCRS = 9;
  private static final int TAG_DEBUG_REGS = 10;
  private static final int TAG_MSRS = 11;
  private static final int TAG_LAPIC = 12;
  private static final int TAG_NESTED = 13;
  private static final int TAG_EVENTS = 14;

  private VcpuStateCodec() {}

  static void write(FieldWriter out, VcpuState state) {
    out.bytes(TAG_CPUID, packCpuid(state.cpuid())).u32(TAG_TSC_KHZ, state.tscKhz());
    state.tscOffset().ifPresent(offset -> out.i64(TAG_TSC_OFFSET, offset));
    out.u32(TAG_MP_STATE, state.mpState().number())
        .bytes(TAG_REGS, state.regs().toArray())
        .bytes(TAG_SREGS, state.sregs().toArray())
        .flag(TAG_SREGS_HAVE_POINTERS, state.sregsHavePointers())
        .bytes(TAG_XSAVE, state.xsave().toArray())
        .bytes(TAG_XCRS, state.xcrs().toArray())
        .bytes(TAG_DEBUG_REGS, state.debugRegs().toArray())
        .bytes(TAG_MSRS, packMsrs(state.msrs()))
        .bytes(TAG_LAPIC, state.lapic().toArray())
        .bytes(TAG_NESTED, state.nested().toArray())
        .bytes(TAG_EVENTS, state.events().toArray());
  }

  static VcpuState read(FieldReader in) {
    List<CpuidEntry> cpuid = unpackCpuid(packed(in, TAG_CPUID, CPUID_BYTES, MAX_CPUID_BYTES));
    List<MsrValue> msrs = unpackMsrs(packed(in, TAG_MSRS, MSR_BYTES, MAX_MSR_BYTES));
    int tscKhz = (int) in.u32(TAG_TSC_KHZ, Integer.MAX_VALUE);
    OptionalLong tscOffset =
        in.has(TAG_TSC_OFFSET) ? OptionalLong.of(in.i64(TAG_TSC_OFFSET)) : OptionalLong.empty();
    StateBytes regs = bytes(in, TAG_REGS, MAX_STRUCT_BYTES);
    StateBytes sregs = bytes(in, TAG_SREGS, MAX_STRUCT_BYTES);
    StateBytes xsave = bytes(in, TAG_XSAVE, MAX_XSAVE_BYTES);
    StateBytes xcrs = bytes(in, TAG_XCRS, MAX_STRUCT_BYTES);
    StateBytes debugRegs = bytes(in, TAG_DEBUG_REGS, MAX_STRUCT_BYTES);
    StateBytes lapic = bytes(in, TAG_LAPIC, MAX_STRUCT_BYTES);
    StateBytes nested = bytes(in, TAG_NESTED, MAX_NESTED_BYTES);
    StateBytes events = bytes(in, TAG_EVENTS, MAX_STRUCT_BYTES);
    try {
      return new VcpuState(
          cpuid,
          tscKhz,
          tscOffset,
          MpState.of((int) in.u32(TAG_MP_STATE, MAX_MP_STATE)),
          regs,
          sregs,
          in.flag(TAG_SREGS_HAVE_POINTERS),
          xsave,
          xcrs,
          debugRegs,
          msrs,
          lapic,
          nested,
          events);
    } catch (IllegalArgumentException e) {
      throw in.nonsense(TAG_MSRS, "the state of a vCPU that can be", e.getMessage());
    }
  }

  private static ByteBuffer packed(FieldReader in, int tag, int itemBytes, int maxBytes) {
    byte[] packed = in.bytes(tag, maxBytes);
    if (packed.length % itemBytes != 0) {
      throw in.nonsense(tag, "items of " + itemBytes + " bytes", packed.length + " bytes");
    }
    return littleEndian(packed);
  }

  private static byte[] packCpuid(List<CpuidEntry> entries) {
    byte[] packed = new byte[entries.size() * CPUID_BYTES];
    ByteBuffer out = littleEndian(packed);
    for (CpuidEntry entry : entries) {
      out.putInt(entry.function())
          .putInt(entry.index())
          .putInt(entry.flags())
          .putInt(entry.eax())
          .putInt(entry.ebx())
          .putInt(entry.ecx())
          .putInt(entry.edx());
    }
    return packed;
  }

  private static List<CpuidEntry> unpackCpuid(ByteBuffer packed) {
    List<CpuidEntry> entries = new ArrayList<>();
    while (packed.hasRemaining()) {
      entries.add(
          new CpuidEntry(
              packed.getInt(),
              packed.getInt(),
              packed.getInt(),
              packed.getInt(),
              packed.getInt(),
              packed.getInt(),
              packed.getInt()));
    }
    return entries;
  }

  private static byte[] packMsrs(List<MsrValue> msrs) {
    byte[] packed = new byte[msrs.size() * MSR_BYTES];
    ByteBuffer out = littleEndian(packed);
    msrs.forEach(msr -> out.putInt(msr.index()).putLong(msr.value()));
    return packed;
  }

  private static List<MsrValue> unpackMsrs(ByteBuffer packed) {
    List<MsrValue> msrs = new ArrayList<>();
    while (packed.hasRemaining()) {
      msrs.add(new MsrValue(packed.getInt(), packed.getLong()));
    }
    return msrs;
  }

  private static ByteBuffer littleEndian(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
