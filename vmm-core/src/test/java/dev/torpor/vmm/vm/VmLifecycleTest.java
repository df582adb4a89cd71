package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.torpor.testing.KvmTest;
import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.boot.FlatBoot;
import dev.torpor.vmm.boot.FlatGuest;
import java.time.Duration;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;

/** Random lives of a VM with two vCPUs, beside a model of {@link VmState}. */
@KvmTest
class VmLifecycleTest {
  private static final Duration LONGEST_LIFE = Duration.ofSeconds(60);
  private static final long MEMORY_BYTES = 16L << 20;

  enum Action {
    START,
    PAUSE,
    RESUME,
    KICK,
    STOP,
    LET_RUN
  }

  @Property(tries = 200)
  void aVmFollowsItsModelAndNeverHangs(@ForAll @Size(min = 1, max = 60) List<Action> actions) {
    assertTimeoutPreemptively(LONGEST_LIFE, () -> live(actions));
  }

  private static void live(List<Action> actions) throws InterruptedException {
    VmConfig config = VmConfig.boot(FlatGuest.named("spin")).memory(MEMORY_BYTES).vcpus(2).build();
    try (Vm vm = Vm.create(config)) {
      VmState expected = VmState.CREATED;
      for (Action action : actions) {
        expected = act(vm, action, expected);
        assertThat(vm.state()).isEqualTo(expected);
        assertThatGuestMovesOnlyWhileRunning(vm, expected);
      }
      vm.stop();
      assertThat(vm.awaitExit()).isEqualTo(new VmExit.Stopped());
    }
  }

  private static VmState act(Vm vm, Action action, VmState state) {
    return switch (action) {
      case START -> step(vm::start, state, VmState.CREATED, VmState.RUNNING);
      case PAUSE -> step(vm::pause, state, VmState.RUNNING, VmState.PAUSED);
      case RESUME -> step(vm::resume, state, VmState.PAUSED, VmState.RUNNING);
      case KICK -> step(vm::kick, state, VmState.RUNNING, VmState.RUNNING);
      case STOP -> {
        vm.stop();
        yield VmState.STOPPED;
      }
      case LET_RUN -> {
        FlatVmTest.sleepMillis(1);
        yield state;
      }
    };
  }

  private static VmState step(Runnable call, VmState now, VmState allowedIn, VmState then) {
    if (now == allowedIn) {
      call.run();
      return then;
    }
    assertThatThrownBy(call::run).isInstanceOf(IllegalStateException.class);
    return now;
  }

  /** Both vCPUs count in their own workspace. */
  private static void assertThatGuestMovesOnlyWhileRunning(Vm vm, VmState state) {
    long share = ((MEMORY_BYTES - FlatBoot.WORKSPACE_GPA) / 2) & -4096L;
    for (int vcpu = 0; vcpu < 2; vcpu++) {
      long gpa = FlatBoot.WORKSPACE_GPA + vcpu * share;
      long before = vm.memory().readLong(gpa);
      if (state == VmState.RUNNING) {
        while (vm.memory().readLong(gpa) == before) {
          Thread.onSpinWait();
        }
      } else {
        FlatVmTest.sleepMillis(1);
        assertThat(vm.memory().readLong(gpa)).isEqualTo(before);
      }
    }
  }
}
