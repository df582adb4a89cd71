package dev.torpor.vmm.vm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.torpor.kvm.Cap;
import dev.torpor.kvm.DebugRegs;
import dev.torpor.kvm.Fpu;
import dev.torpor.kvm.Kvm;
import dev.torpor.kvm.KvmStruct;
import dev.torpor.kvm.Lapic;
import dev.torpor.kvm.Regs;
import dev.torpor.kvm.Sregs;
import dev.torpor.kvm.VcpuEvents;
import dev.torpor.kvm.VcpuFd;
import dev.torpor.kvm.Xcrs;
import dev.torpor.kvm.Xsave;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;

/**
 * Reads all that a vCPU holds but its counters of time, straight from KVM and not by the code that
 * takes checkpoints.
 */
final class FidelityRegisters {
  /** Where the registers XMM0 to XMM15 lie in {@link Fpu}. */
  private static final int XMM_OFFSET = 0x98;

  private static final int XMM_BYTES = 256;
  private static final int XSAVE_BYTES = xsaveBytes();

  private FidelityRegisters() {}

  private static int xsaveBytes() {
    try (Kvm kvm = Kvm.open()) {
      return kvm.check(Cap.XSAVE2);
    }
  }

  /** On the vCPU's thread, or before it is started. */
  static byte[] read(VcpuFd vcpu) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (KvmStruct struct : structs(vcpu)) {
      all.writeBytes(struct.segment().toArray(JAVA_BYTE));
    }
    return all.toByteArray();
  }

  private static List<KvmStruct> structs(VcpuFd vcpu) {
    Regs regs = new Regs();
    Sregs sregs = new Sregs();
    Xsave xsave = new Xsave(XSAVE_BYTES);
    Xcrs xcrs = new Xcrs();
    DebugRegs debugRegs = new DebugRegs();
    Lapic lapic = new Lapic();
    VcpuEvents events = new VcpuEvents();
    vcpu.getRegs(regs);
    vcpu.getSregs(sregs);
    if (XSAVE_BYTES == 0) {
      vcpu.getXsave(xsave);
    } else {
      vcpu.getXsave2(xsave);
    }
    vcpu.getXcrs(xcrs);
    vcpu.getDebugRegs(debugRegs);
    vcpu.getLapic(lapic);
    vcpu.getEvents(events);
    return List.of(regs, sregs, xsave, xcrs, debugRegs, lapic, events);
  }

  /** Names the structure in which two vCPUs differ. */
  static String describe(byte[] expected, FidelityInstant found, int vcpu, int at) {
    List<KvmStruct> layout =
        List.of(
            new Regs(),
            new Sregs(),
            new Xsave(XSAVE_BYTES),
            new Xcrs(),
            new DebugRegs(),
            new Lapic(),
            new VcpuEvents());
    int start = 0;
    for (KvmStruct struct : layout) {
      if (at < start + struct.byteSize()) {
        return "%s byte 0x%x: %02x instead of %02x"
            .formatted(
                struct.getClass().getSimpleName(),
                at - start,
                found.vcpus().get(vcpu)[at],
                expected[at]);
      }
      start += (int) struct.byteSize();
    }
    return "%d bytes instead of %d".formatted(found.vcpus().get(vcpu).length, expected.length);
  }

  /** Gives the vector registers, which no guest here uses, random contents. */
  static void scribble(VcpuFd vcpu, Random random) {
    Fpu fpu = new Fpu();
    vcpu.getFpu(fpu);
    byte[] vectors = new byte[XMM_BYTES];
    random.nextBytes(vectors);
    MemorySegment.copy(vectors, 0, fpu.segment(), JAVA_BYTE, XMM_OFFSET, XMM_BYTES);
    vcpu.setFpu(fpu);
  }
}
