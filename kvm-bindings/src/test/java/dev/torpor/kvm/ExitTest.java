package dev.torpor.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.testing.KvmTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A guest leaves for its devices, and goes on with what they answer. */
@KvmTest
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ExitTest {
  private static final long IOPL_3 = 0x3002;

  @Test
  void aWriteToTheDoorbellLeavesWithItsValue() {
    try (FlatVm flat = new FlatVm(FlatVm.WRITER)) {
      assertThat(flat.runToDoorbell()).isEqualTo(1);
      assertThat(flat.runToDoorbell()).isEqualTo(2);
      assertThat(flat.word(FlatVm.WORKSPACE)).isEqualTo(2);
    }
  }

  @Test
  void aReadOfTheDoorbellGetsTheAnswer() {
    try (FlatVm flat = new FlatVm(FlatVm.ECHO)) {
      for (long answer : new long[] {41, 0x0123_4567_89ab_cdefL, -2}) {
        assertThat(flat.vcpu.run()).isTrue();
        VcpuRun exit = flat.vcpu.shared();
        assertThat(exit.exitReason()).isEqualTo(ExitReason.MMIO);
        assertThat(exit.mmioIsWrite()).isFalse();
        assertThat(exit.mmioAddress()).isEqualTo(FlatVm.DOORBELL);
        assertThat(exit.mmioByteCount()).isEqualTo(8);
        exit.setMmioValue(answer);
        assertThat(flat.runToDoorbell()).isEqualTo(answer + 1);
      }
    }
  }

  @Test
  void narrowAccessesCarryTheirWidthAndAreZeroExtended() {
    // mov [rax], r8b; mov [rax], r8w; mov [rax], r8d; mov r8b, [rax]; mov [rax], r8
    try (FlatVm flat = new FlatVm("448800 66448900 448900 448a00 4c8900 ebfe")) {
      flat.set(Register.R8, 0x8182_8384_8586_8788L);
      VcpuRun exit = flat.vcpu.shared();
      for (int byteCount : new int[] {1, 2, 4}) {
        assertThat(flat.vcpu.run()).isTrue();
        assertThat(exit.mmioByteCount()).isEqualTo(byteCount);
        long mask = (1L << (8 * byteCount)) - 1;
        assertThat(exit.mmioValue()).isEqualTo(0x8182_8384_8586_8788L & mask);
      }
      assertThat(flat.vcpu.run()).isTrue();
      assertThat(exit.mmioByteCount()).isEqualTo(1);
      exit.setMmioValue(0xff);
      assertThat(flat.runToDoorbell()).isEqualTo(0x8182_8384_8586_87ffL);
    }
  }

  @Test
  void portsAreWrittenAndRead() {
    // out dx, ax; in eax, dx; mov [rdi], rax; rep outsb; jmp $
    try (FlatVm flat = new FlatVm("66ef ed 488907 f36e ebfe")) {
      Regs regs = new Regs();
      flat.vcpu.getRegs(regs);
      regs.set(Register.RFLAGS, IOPL_3).set(Register.RAX, 0x9abc).set(Register.RDX, 0xf3f8);
      flat.vcpu.setRegs(regs.set(Register.RSI, FlatVm.CODE).set(Register.RCX, 3));
      VcpuRun exit = flat.vcpu.shared();
      assertThat(flat.vcpu.run()).isTrue();
      assertThat(exit.exitReason()).isEqualTo(ExitReason.IO);
      assertThat(exit.ioIsWrite()).isTrue();
      assertThat(exit.ioPort()).isEqualTo(0xf3f8);
      assertThat(exit.ioByteCount()).isEqualTo(2);
      assertThat(exit.ioCount()).isEqualTo(1);
      assertThat(exit.ioValue(0)).isEqualTo(0x9abc);

      assertThat(flat.vcpu.run()).isTrue();
      assertThat(exit.exitReason()).isEqualTo(ExitReason.IO);
      assertThat(exit.ioIsWrite()).isFalse();
      assertThat(exit.ioByteCount()).isEqualTo(4);
      exit.setIoValue(0, 0xcafe_f00dL);

      assertThat(stringOutput(flat)).isEqualTo("66efed");
      assertThat(flat.word(FlatVm.WORKSPACE)).isEqualTo(0xcafe_f00dL);
    }
  }

  /** The bytes of one REP OUTSB, which KVM may hand over at once or one by one. */
  private static String stringOutput(FlatVm flat) {
    StringBuilder bytes = new StringBuilder();
    VcpuRun exit = flat.vcpu.shared();
    while (bytes.length() < 6) {
      assertThat(flat.vcpu.run()).isTrue();
      assertThat(exit.exitReason()).isEqualTo(ExitReason.IO);
      assertThat(exit.ioByteCount()).isEqualTo(1);
      for (int i = 0; i < exit.ioCount(); i++) {
        bytes.append("%02x".formatted(exit.ioValue(i)));
      }
    }
    return bytes.toString();
  }

  @Test
  void immediateExitCompletesWhatIsPendingAndRunsNoGuestCode() {
    try (FlatVm flat = new FlatVm(FlatVm.WRITER)) {
      assertThat(flat.runToDoorbell()).isEqualTo(1);
      long doorbellWrite = flat.get(Register.RIP);
      flat.vcpu.shared().setImmediateExit(true);
      assertThat(flat.vcpu.run()).isFalse();
      assertThat(flat.vcpu.run()).isFalse();
      assertThat(flat.get(Register.R8)).as("counted").isEqualTo(1);
      assertThat(flat.get(Register.RIP) - doorbellWrite).as("completed").isBetween(0L, 3L);
      flat.vcpu.shared().setImmediateExit(false);
      assertThat(flat.runToDoorbell()).isEqualTo(2);
    }
  }

  @Test
  void aGuestThatCannotGoOnSaysSo() {
    // An invalid opcode, and no interrupt table to tell the guest of it: a triple fault.
    try (FlatVm flat = new FlatVm("0f0b")) {
      assertThat(flat.vcpu.run()).isTrue();
      assertThat(flat.vcpu.shared().exitReason())
          .isIn(ExitReason.SHUTDOWN, ExitReason.INTERNAL_ERROR);
    }
  }

  @Test
  void everySingleStepLeavesAfterOneInstruction() {
    try (FlatVm flat = new FlatVm(FlatVm.SPIN)) {
      int enabledAndSingleStep = 1 | 2;
      flat.vcpu.setGuestDebug(enabledAndSingleStep);
      for (long expected : new long[] {3, 6, 0, 3}) {
        assertThat(flat.vcpu.run()).isTrue();
        // A KVM that cannot intercept the step gives it to the guest, which has no handler.
        assertThat(flat.vcpu.shared().exitReason()).isIn(ExitReason.DEBUG, ExitReason.SHUTDOWN);
        assertThat(flat.get(Register.RIP) - FlatVm.CODE).isEqualTo(expected);
      }
      assertThat(flat.get(Register.R8)).isEqualTo(2);
    }
  }
}
