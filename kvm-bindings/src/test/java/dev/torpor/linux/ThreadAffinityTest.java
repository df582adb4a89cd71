package dev.torpor.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Where a thread may run is what the kernel says in {@code /proc} too. */
class ThreadAffinityTest {
  private final BitSet before = ThreadAffinity.of(ThreadAffinity.CALLER);

  @AfterEach
  void giveBack() {
    ThreadAffinity.set(ThreadAffinity.CALLER, before);
  }

  @Test
  void aThreadStaysOnTheProcessorsItIsGiven() throws Exception {
    BitSet last = new BitSet();
    last.set(before.length() - 1);
    ThreadAffinity.set(ThreadAffinity.CALLER, last);
    assertThat(ThreadAffinity.of(ThreadSignal.currentThreadId())).isEqualTo(last);
    assertThat(Files.readAllLines(Path.of("/proc/thread-self/status")))
        .contains("Cpus_allowed_list:\t" + (before.length() - 1));
  }

  @Test
  void noProcessorAtAllIsRefused() {
    assertThatThrownBy(() -> ThreadAffinity.set(ThreadAffinity.CALLER, new BitSet()))
        .isInstanceOf(LinuxException.class)
        .hasMessageContaining("sched_setaffinity")
        .hasMessageContaining("EINVAL");
    assertThat(ThreadAffinity.of(ThreadAffinity.CALLER)).isEqualTo(before);
  }

  @Test
  void aProcessorThatNoSetHasRoomForIsRefused() {
    BitSet far = new BitSet();
    far.set(1024);
    assertThatThrownBy(() -> ThreadAffinity.set(ThreadAffinity.CALLER, far))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("processors {1024}: expected 0 to 1023");
  }
}
