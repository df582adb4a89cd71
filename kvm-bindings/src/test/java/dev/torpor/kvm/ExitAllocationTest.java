package dev.torpor.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.testing.Allocation;
import dev.torpor.testing.KvmTest;
import org.junit.jupiter.api.Test;

/** The run loop makes no garbage. */
@KvmTest
class ExitAllocationTest {
  private static final int EXITS = 100_000;
  private static final int WARM_UP_EXITS = 20_000;

  /** For the whole measurement: what the JIT compiler may still do for this thread. */
  private static final long TOLERATED_BYTES = 4096;

  @Test
  void anExitWithItsAccessorsAllocatesNothing() {
    try (FlatVm flat = new FlatVm(FlatVm.ECHO)) {
      echo(flat.vcpu, WARM_UP_EXITS);
      long before = Allocation.ofThisThread();
      long sum = echo(flat.vcpu, EXITS);
      long allocated = Allocation.ofThisThread() - before;
      assertThat(allocated).as("bytes in " + EXITS + " exits").isLessThan(TOLERATED_BYTES);
      assertThat(sum).as("every answer came back plus one").isEqualTo(sumOfOneTo(EXITS / 2));
    }
  }

  private static long sumOfOneTo(long n) {
    return n * (n + 1) / 2;
  }

  /** Answers reads with 0, 1, 2…, and adds up what the guest writes back. */
  private static long echo(VcpuFd vcpu, int exits) {
    VcpuRun exit = vcpu.shared();
    long answer = 0;
    long sum = 0;
    for (int i = 0; i < exits; i++) {
      if (!vcpu.run() || exit.exitReason() != ExitReason.MMIO) {
        throw new AssertionError("exit reason " + exit.exitReason());
      }
      if (exit.mmioAddress() != FlatVm.DOORBELL || exit.mmioByteCount() != Long.BYTES) {
        throw new AssertionError("not the doorbell");
      }
      if (exit.mmioIsWrite()) {
        sum += exit.mmioValue();
      } else {
        exit.setMmioValue(answer++);
      }
    }
    return sum;
  }
}
