package dev.torpor.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.linux.ThreadSignal;
import dev.torpor.testing.KvmTest;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A signal ends KVM_RUN: each one once, whether it comes before, during or between runs. */
@KvmTest
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class KickTest {
  private static final int KICKS = 1000;

  private final AtomicInteger exits = new AtomicInteger();
  private final Semaphore exited = new Semaphore(0);
  private final CompletableFuture<Integer> threadId = new CompletableFuture<>();

  /** A vCPU's loop: runs the guest until it has been kicked so many times. */
  private void runUntilKicked(VcpuFd vcpu, int kicks) {
    ThreadSignal.blockInThisThread();
    vcpu.setSignalMask(~ThreadSignal.MASK_BIT);
    threadId.complete(ThreadSignal.currentThreadId());
    while (exits.get() < kicks) {
      assertThat(vcpu.run()).as("the guest never leaves by itself").isFalse();
      assertThat(ThreadSignal.dequeue()).as("a kick ended the run").isTrue();
      exits.incrementAndGet();
      exited.release();
    }
    assertThat(ThreadSignal.dequeue()).as("a kick is left over").isFalse();
  }

  private CompletableFuture<Void> start(FlatVm flat) {
    CompletableFuture<Void> ended = new CompletableFuture<>();
    Thread.ofPlatform()
        .name("vcpu-under-test")
        .start(
            () -> {
              try {
                runUntilKicked(flat.vcpu, KICKS);
                ended.complete(null);
              } catch (AssertionError | RuntimeException e) {
                ended.completeExceptionally(e);
                exited.release(KICKS);
              }
            });
    return ended;
  }

  @Test
  void everyKickEndsExactlyOneRun() throws Exception {
    try (FlatVm flat = new FlatVm(FlatVm.SPIN)) {
      CompletableFuture<Void> ended = start(flat);
      for (int i = 1; i <= KICKS; i++) {
        assertThat(ThreadSignal.sendTo(threadId.get())).isTrue();
        exited.acquire();
      }
      ended.get();
      assertThat(exits).hasValue(KICKS);
      assertThat(flat.word(FlatVm.WORKSPACE)).as("the guest ran in between").isPositive();
    }
  }

  @Test
  void kicksThatComeFasterThanTheyAreHandledAreNotLost() throws Exception {
    try (FlatVm flat = new FlatVm(FlatVm.SPIN)) {
      CompletableFuture<Void> ended = start(flat);
      for (int i = 0; i < KICKS; i++) {
        assertThat(ThreadSignal.sendTo(threadId.get())).isTrue();
      }
      ended.get();
      assertThat(exits).hasValue(KICKS);
    }
  }
}
