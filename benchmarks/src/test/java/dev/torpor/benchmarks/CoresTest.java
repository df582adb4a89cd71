package dev.torpor.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.linux.ThreadAffinity;
import dev.torpor.linux.ThreadSignal;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Threads are on processors of their own, and everywhere again afterwards. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CoresTest {
  private final BitSet all = ThreadAffinity.of(ThreadAffinity.CALLER);

  @Test
  void eachIsOnItsProcessorUntilItIsClosed() throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    int vcpu = startThread("a-vm-with-a-long-name-vcpu0", end);
    int helper = startThread("a-helper-0", end);
    try (Cores _ = Cores.keepApart("a-vm-with-a-long-name-vcpu", "a-helper")) {
      assertThat(processorsOf(ThreadAffinity.CALLER)).containsExactly(all.nextSetBit(0));
      assertThat(processorsOf(helper)).containsExactly(all.nextSetBit(0));
      assertThat(processorsOf(vcpu)).containsExactly(all.length() - 1);
    }
    assertThat(List.of(ThreadAffinity.CALLER, helper, vcpu))
        .allSatisfy(thread -> assertThat(ThreadAffinity.of(thread)).isEqualTo(all));
    end.countDown();
  }

  private static List<Integer> processorsOf(int thread) {
    return ThreadAffinity.of(thread).stream().boxed().toList();
  }

  /** Returns its kernel id. */
  private static int startThread(String name, CountDownLatch end) throws Exception {
    CompletableFuture<Integer> threadId = new CompletableFuture<>();
    Thread.ofPlatform()
        .name(name)
        .daemon()
        .start(
            () -> {
              threadId.complete(ThreadSignal.currentThreadId());
              awaitQuietly(end);
            });
    return threadId.get();
  }

  @Test
  void aNameThatNoThreadHasIsRefusedAndTheCallerGoesWhereItLikes() {
    assertThatThrownBy(() -> Cores.keepApart("nobody-at-all"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("no thread is called nobody-at-all");
    assertThat(ThreadAffinity.of(ThreadAffinity.CALLER)).isEqualTo(all);
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
