package dev.torpor.kvm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.testing.KvmTest;
import org.junit.jupiter.api.Test;

/** Registers that come with the exit are those that a request of its own would fetch. */
@KvmTest
class SyncRegsTest {
  private static final long ALL = VcpuRun.SYNC_REGS | VcpuRun.SYNC_SREGS | VcpuRun.SYNC_EVENTS;

  @Test
  void handedOverRegistersAreThoseThatTheRequestsReturn() {
    try (FlatVm flat = new FlatVm(FlatVm.WRITER)) {
      assertThat(flat.vm.check(Cap.SYNC_REGS) & ALL).isEqualTo(ALL);
      VcpuRun exit = flat.vcpu.shared();
      exit.setValidRegs(ALL);
      assertThat(flat.runToDoorbell()).isEqualTo(1);
      Regs regs = new Regs();
      Sregs sregs = new Sregs();
      VcpuEvents events = new VcpuEvents();
      flat.vcpu.getRegs(regs);
      flat.vcpu.getSregs(sregs);
      flat.vcpu.getEvents(events);
      assertThat(exit.syncedRegs().get(Register.R8)).isEqualTo(1);
      assertSame(exit.syncedRegs(), regs);
      assertSame(exit.syncedSregs(), sregs);
      assertSame(exit.syncedEvents(), events);
    }
  }

  private static void assertSame(KvmStruct handedOver, KvmStruct fetched) {
    assertThat(handedOver.segment().toArray(JAVA_BYTE))
        .isEqualTo(fetched.segment().toArray(JAVA_BYTE));
  }

  @Test
  void changedRegistersAreTakenOverWhenTheyAreDeclaredDirty() {
    try (FlatVm flat = new FlatVm(FlatVm.WRITER)) {
      VcpuRun exit = flat.vcpu.shared();
      exit.setValidRegs(VcpuRun.SYNC_REGS);
      assertThat(flat.runToDoorbell()).isEqualTo(1);
      exit.syncedRegs().set(Register.R8, 100);
      assertThat(flat.runToDoorbell()).as("not declared dirty").isEqualTo(2);
      // A doorbell's write is completed at the next entry, from the registers of then.
      exit.syncedRegs().set(Register.R8, 100).set(Register.RDI, FlatVm.WORKSPACE + 8);
      exit.setDirtyRegs(VcpuRun.SYNC_REGS);
      assertThat(flat.runToDoorbell()).isEqualTo(101);
      assertThat(flat.word(FlatVm.WORKSPACE + 8)).isEqualTo(101);
    }
  }
}
