package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.kvm.Register;
import dev.torpor.kvm.Regs;
import dev.torpor.testing.Allocation;
import dev.torpor.testing.KvmTest;
import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.boot.FlatArguments;
import dev.torpor.vmm.boot.FlatBoot;
import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.device.Doorbell;
import dev.torpor.vmm.memory.MemoryBacking;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Flat guests, from creation to their end. */
@KvmTest
@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FlatVmTest {
  private static final long MEMORY_BYTES = 64L << 20;

  private static VmConfig.Builder flat(String name, long... arguments) {
    return VmConfig.boot(FlatGuest.named(name, arguments)).memory(MEMORY_BYTES);
  }

  @ParameterizedTest
  @EnumSource(names = {"ANONYMOUS", "MEMFD"})
  void thePageWriterWritesThePatternThatItsContractTells(MemoryBacking backing)
      throws InterruptedException {
    long seed = 0x5eed;
    long passes = 3;
    VmConfig config = flat("page-writer", 0, seed, 0, passes).memoryBacking(backing).build();
    try (Vm vm = Vm.create(config)) {
      vm.start();
      assertThat(vm.awaitExit()).isEqualTo(new VmExit.GuestExited(0, 0));
      assertThat(vm.doorbell().orElseThrow().progress()).isEqualTo(passes);
      for (long gpa = FlatBoot.WORKSPACE_GPA; gpa < MEMORY_BYTES; gpa += 4096) {
        assertThat(vm.memory().readLong(gpa)).isEqualTo(seed ^ (passes << 40) ^ gpa);
      }
    }
  }

  @Test
  void severalVcpusRunAtOnceEachInItsOwnWorkspace() throws InterruptedException {
    try (Vm vm = Vm.create(flat("memory-check", 0, 7, 20_000, 0).vcpus(2).build())) {
      vm.start();
      assertThat(vm.awaitExit()).isEqualTo(new VmExit.GuestExited(0, 0));
    }
  }

  @Test
  void memoryBeyondTheHoleIsReachable() throws InterruptedException {
    long high = 4L << 30;
    var arguments = new FlatArguments(high, 32L << 20, 0, 1, 0, 1);
    VmConfig config =
        VmConfig.boot(FlatGuest.named("page-writer").withVcpus(List.of(arguments)))
            .memory((3L << 30) + (64L << 20))
            .build();
    try (Vm vm = Vm.create(config)) {
      vm.start();
      assertThat(vm.awaitExit()).isEqualTo(new VmExit.GuestExited(0, 0));
      assertThat(vm.memory().readLong(high)).isEqualTo(1 ^ (1L << 40) ^ high);
    }
  }

  @Test
  void theDoorbellPassesQuestionsAndAnswers() throws InterruptedException {
    try (Vm vm = Vm.create(flat("doorbell-echo", 1000).build())) {
      Doorbell doorbell = vm.doorbell().orElseThrow();
      doorbell.setEcho(41);
      vm.start();
      assertThat(vm.awaitExit()).isEqualTo(new VmExit.GuestExited(0, 0));
      assertThat(doorbell.echo()).isEqualTo(42);
    }
  }

  @Test
  void aPausedGuestStandsStillAndAResumedOneGoesOn() {
    try (Vm vm = Vm.create(flat("spin").build())) {
      vm.start();
      awaitCounterAbove(vm, 0);
      vm.pause();
      long paused = counter(vm);
      sleepMillis(20);
      assertThat(counter(vm)).isEqualTo(paused);
      vm.resume();
      awaitCounterAbove(vm, paused);
      vm.stop();
      assertThat(vm.state()).isEqualTo(VmState.STOPPED);
    }
  }

  @Test
  void aKickedGuestGoesOn() {
    try (Vm vm = Vm.create(flat("spin").build())) {
      vm.start();
      for (int i = 0; i < 100; i++) {
        long before = counter(vm);
        vm.kick();
        awaitCounterAbove(vm, before);
      }
      assertThat(vm.state()).isEqualTo(VmState.RUNNING);
    }
  }

  @Test
  void registersOfAPausedVcpuCanBeReadOnItsOwnThread() {
    try (Vm vm = Vm.create(flat("spin").build())) {
      vm.start();
      awaitCounterAbove(vm, 0);
      assertThatThrownBy(() -> vm.vcpus().getFirst().whilePaused(fd -> null))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("vCPU 0 is not paused");
      vm.pause();
      Regs regs = new Regs();
      String thread =
          vm.vcpus()
              .getFirst()
              .whilePaused(
                  fd -> {
                    fd.getRegs(regs);
                    return Thread.currentThread().getName();
                  });
      assertThat(thread).isEqualTo("vm-vcpu0");
      assertThat(regs.get(Register.RIP))
          .isBetween(FlatBoot.IMAGE_GPA, FlatBoot.IMAGE_GPA + FlatBoot.MAX_IMAGE_BYTES);
    }
  }

  @Test
  void anExitAllocatesNothing() throws InterruptedException {
    long exits = 50_000;
    try (Vm vm = Vm.create(flat("doorbell-echo", 0, 1).name("frugal").build())) {
      Doorbell doorbell = vm.doorbell().orElseThrow();
      vm.start();
      assertThat(doorbell.awaitProgress(exits, Duration.ofSeconds(30))).isTrue();
      Thread vcpuThread =
          Thread.getAllStackTraces().keySet().stream()
              .filter(thread -> thread.getName().equals("frugal-vcpu0"))
              .findAny()
              .orElseThrow();
      long before = Allocation.of(vcpuThread);
      long start = doorbell.progress();
      assertThat(doorbell.awaitProgress(start + exits, Duration.ofSeconds(30))).isTrue();
      // Less than a byte in a hundred exits: what is there is not the exits'.
      assertThat(Allocation.of(vcpuThread) - before).isLessThan(exits / 100);
    }
  }

  @Test
  void aGuestThatFaultsIsReportedWithItsAddress() throws InterruptedException {
    byte[] undefinedInstruction = {0x0f, 0x0b};
    VmConfig config =
        VmConfig.boot(FlatGuest.of(undefinedInstruction)).memory(MEMORY_BYTES).build();
    try (Vm vm = Vm.create(config)) {
      vm.start();
      assertThat(vm.awaitExit())
          .isInstanceOfSatisfying(
              VmExit.Crashed.class,
              crash -> assertThat(crash.describe()).startsWith("vCPU 0 crashed: "));
    }
  }

  @Test
  @SuppressWarnings("try") // closing twice is what is tested
  void whatDoesNotFitTheStateIsRefusedAndSaysWhy() throws InterruptedException {
    try (Vm vm = Vm.create(flat("page-writer", 0, 0, 0, 1).name("lively").build())) {
      assertThatThrownBy(vm::pause)
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("cannot pause VM 'lively': it is created");
      vm.start();
      vm.awaitExit();
      assertThatThrownBy(vm::resume)
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("cannot resume VM 'lively': it is stopped: guest exited with code 0");
      vm.stop();
      vm.close();
      assertThatThrownBy(vm::stop).isInstanceOf(IllegalStateException.class);
      vm.close();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void closingEndsAGuestInEveryState(boolean paused) {
    Vm vm = Vm.create(flat("spin").vcpus(2).build());
    vm.start();
    if (paused) {
      vm.pause();
    }
    vm.close();
    assertThat(vm.state()).isEqualTo(VmState.CLOSED);
  }

  @Test
  void waitingForAnEndThatDoesNotComeEndsWithTheTimeout() throws InterruptedException {
    try (Vm vm = Vm.create(flat("spin").build())) {
      vm.start();
      assertThat(vm.awaitExit(Duration.ofMillis(20))).isEmpty();
    }
  }

  static long counter(Vm vm) {
    return vm.memory().readLong(FlatBoot.WORKSPACE_GPA);
  }

  static void awaitCounterAbove(Vm vm, long value) {
    while (counter(vm) <= value) {
      Thread.onSpinWait();
    }
  }

  static void sleepMillis(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
