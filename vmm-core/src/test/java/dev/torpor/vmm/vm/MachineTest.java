package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.torpor.kvm.MpState;
import dev.torpor.linux.UserFaultFd;
import dev.torpor.testing.KvmTest;
import dev.torpor.vmm.boot.FlatBoot;
import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.cpu.VcpuGroup;
import dev.torpor.vmm.cpu.VcpuTask;
import dev.torpor.vmm.device.EventLoop;
import dev.torpor.vmm.memory.DirtyTracker;
import dev.torpor.vmm.memory.PageSet;
import dev.torpor.vmm.memory.TrackerKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How a VM treats its parts. */
@KvmTest
class MachineTest {
  /** Pauses that follow at once on a resume that the thread has just noticed are rare. */
  private static final int MANY_PAUSES = 50_000;

  @TempDir private Path folder;

  private Vm vmWithDisk() throws IOException {
    Path disk = Files.write(folder.resolve("disk.img"), new byte[4096]);
    return Vm.create(
        VmConfig.boot(FlatGuest.named("spin")).memory(16 << 20).disk(disk, false).build());
  }

  @Test
  void noDeviceWorksWhileTheVmIsPausedOrHasEnded() throws IOException {
    try (Vm vm = vmWithDisk()) {
      EventLoop devices = vm.machine().eventLoop().orElseThrow();
      vm.start();
      assertThat(devices.isQuiesced()).isFalse();
      vm.pause();
      assertThat(devices.isQuiesced()).isTrue();
      vm.resume();
      assertThat(devices.isQuiesced()).isFalse();
      vm.stop();
      assertThat(devices.isQuiesced()).isTrue();
    }
  }

  @ParameterizedTest
  @EnumSource
  void aMachineHasTheTrackerThatItsConfigurationNames(TrackerKind kind) {
    assumeTrue(
        kind != TrackerKind.WRITE_PROTECT
            || (UserFaultFd.supportedFeatures() & UserFaultFd.FEATURE_WP_ASYNC) != 0);
    FlatGuest guest = FlatGuest.named("spin");
    try (Vm vm =
        Vm.create(VmConfig.boot(guest).memory(16 << 20).vcpus(2).dirtyTracker(kind).build())) {
      DirtyTracker tracker = vm.machine().dirtyTracker();
      assertThat(tracker.kind()).isEqualTo(kind);
      vm.start();
      FlatVmTest.awaitCounterAbove(vm, 0);
      tracker.start();
      vm.pause();
      PageSet pages = new PageSet(vm.memory().pageCount());
      tracker.collect(pages);
      pages.clear();
      long counter = FlatVmTest.counter(vm);
      vm.resume();
      FlatVmTest.awaitCounterAbove(vm, counter);
      vm.pause();
      tracker.collect(pages);
      assertThat(pages.contains(FlatBoot.WORKSPACE_GPA / 4096)).isTrue();
    }
  }

  @Test
  void aDiskBelongsToOneVmUntilItIsClosed() throws IOException {
    try (Vm first = vmWithDisk()) {
      first.start();
      assertThat(catchThrowable(this::vmWithDisk))
          .hasMessageContaining("disk.img")
          .hasMessageContaining("in use");
    }
    try (Vm second = vmWithDisk()) {
      second.start();
    }
  }

  private static Vm spinning(int vcpuCount) {
    Vm vm =
        Vm.create(VmConfig.boot(FlatGuest.named("spin")).memory(16 << 20).vcpus(vcpuCount).build());
    vm.start();
    return vm;
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theVcpusDoTheirTasksAtTheSameTimeEachOnItsOwnThread(boolean brief) {
    try (Vm vm = spinning(2)) {
      VcpuGroup vcpus = vm.machine().vcpus();
      for (int i = 0; i < 20; i++) {
        vcpus.pause(brief);
        CyclicBarrier bothAreHere = new CyclicBarrier(2);
        Set<String> threads = ConcurrentHashMap.newKeySet();
        vcpus.runOnAll(
            (id, fd) -> {
              await(bothAreHere);
              threads.add(id + " on " + Thread.currentThread().getName());
            });
        assertThat(threads).containsExactlyInAnyOrder("0 on vm-vcpu0", "1 on vm-vcpu1");
        vcpus.resume();
      }
      long counter = FlatVmTest.counter(vm);
      FlatVmTest.awaitCounterAbove(vm, counter);
    }
  }

  private static void await(CyclicBarrier barrier) {
    try {
      barrier.await(10, TimeUnit.SECONDS);
    } catch (InterruptedException | BrokenBarrierException | TimeoutException e) {
      throw new AssertionError("the other vCPU's task did not run meanwhile", e);
    }
  }

  @Test
  void aPauseThatIsNotAsBriefAsAnnouncedIsStillAPause() {
    try (Vm vm = spinning(1)) {
      VcpuGroup vcpus = vm.machine().vcpus();
      FlatVmTest.awaitCounterAbove(vm, 0);
      vcpus.pause(true);
      long counter = FlatVmTest.counter(vm);
      FlatVmTest.sleepMillis(20);
      assertThat(FlatVmTest.counter(vm)).isEqualTo(counter);
      vcpus.runOnAll((id, fd) -> assertThat(fd.getMpState()).isEqualTo(MpState.RUNNABLE));
      vcpus.resume();
      FlatVmTest.awaitCounterAbove(vm, counter);
    }
  }

  @Test
  void whatVcpusDoAsSoonAsTheyStandIsDoneOnceForWhoAsksForIt() {
    try (Vm vm = spinning(2)) {
      VcpuGroup vcpus = vm.machine().vcpus();
      Set<String> threads = ConcurrentHashMap.newKeySet();
      AtomicInteger times = new AtomicInteger();
      VcpuTask task =
          (id, fd) -> {
            threads.add(id + " on " + Thread.currentThread().getName());
            times.incrementAndGet();
          };
      for (int i = 1; i <= 20; i++) {
        vcpus.prepare(task);
        vcpus.pause(true);
        vcpus.runOnAll(task);
        assertThat(times).hasValue(2 * i);
        vcpus.resume();
      }
      assertThat(threads).containsExactlyInAnyOrder("0 on vm-vcpu0", "1 on vm-vcpu1");
      times.set(0);
      vcpus.prepare(task);
      vcpus.pause(true);
      vcpus.runOnAll((id, fd) -> {}); // after it
      assertThat(times).hasValue(2);
      vcpus.runOnAll(task);
      vcpus.runOnAll(task);
      assertThat(times).as("done early, and once more").hasValue(4);
      vcpus.resume();
      vcpus.prepare(task);
      vcpus.pause(true);
      vcpus.resume(); // nobody has asked
      vcpus.pause(true);
      times.set(0);
      vcpus.runOnAll(task);
      assertThat(times).as("of the pause that it is asked in").hasValue(2);
      vcpus.resume();
      FlatVmTest.awaitCounterAbove(vm, FlatVmTest.counter(vm));
    }
  }

  @Test
  void whatATaskThrowsEarlyIsThrownToWhoAsksForIt() {
    try (Vm vm = spinning(2)) {
      RuntimeException failure = new IllegalArgumentException("of the second vCPU");
      VcpuTask task =
          (id, fd) -> {
            if (id == 1) {
              throw failure;
            }
          };
      VcpuGroup vcpus = vm.machine().vcpus();
      vcpus.prepare(task);
      vcpus.pause(true);
      assertThatThrownBy(() -> vcpus.runOnAll(task)).isSameAs(failure);
      vcpus.resume();
      FlatVmTest.awaitCounterAbove(vm, FlatVmTest.counter(vm));
    }
  }

  private static void spinNanos(long nanos) {
    long start = System.nanoTime();
    while (System.nanoTime() - start < nanos) {
      Thread.onSpinWait();
    }
  }

  /** A vCPU's thread that is on its way from a task may meet the end of one pause, and the next. */
  @Test
  void aGuestRunsOnAfterEachOfManyPausesAndInNone() {
    try (Vm vm = spinning(1)) {
      VcpuGroup vcpus = vm.machine().vcpus();
      long[] counter = new long[1];
      for (int i = 0; i < MANY_PAUSES; i++) {
        vcpus.pause(true);
        counter[0] = FlatVmTest.counter(vm);
        vcpus.runOnAll((id, fd) -> assertThat(FlatVmTest.counter(vm)).isEqualTo(counter[0]));
        spinNanos(i % 2_000); // so that some resumes meet the thread where it looks again
        vcpus.resume();
      }
      FlatVmTest.awaitCounterAbove(vm, counter[0]);
    }
  }

  @Test
  void whatATaskThrowsIsThrownToWhomItWasDoneFor() {
    try (Vm vm = spinning(2)) {
      VcpuGroup vcpus = vm.machine().vcpus();
      vcpus.pause(true);
      RuntimeException failure = new IllegalArgumentException("of the second vCPU");
      assertThatThrownBy(
              () ->
                  vcpus.runOnAll(
                      (id, fd) -> {
                        if (id == 1) {
                          throw failure;
                        }
                      }))
          .isSameAs(failure);
      vcpus.resume();
      assertThatThrownBy(() -> vcpus.runOnAll((id, fd) -> {}))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("vCPU 0 is not paused");
    }
  }
}
