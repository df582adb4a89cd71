package dev.torpor.vmm.vm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.kvm.CpuidEntry;
import dev.torpor.kvm.KvmException;
import dev.torpor.kvm.Msrs;
import dev.torpor.kvm.Register;
import dev.torpor.kvm.Regs;
import dev.torpor.kvm.Xsave;
import dev.torpor.testing.KvmTest;
import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.checkpoint.ClockState;
import dev.torpor.vmm.checkpoint.GuestClock;
import dev.torpor.vmm.checkpoint.MachineState;
import dev.torpor.vmm.checkpoint.MsrValue;
import dev.torpor.vmm.checkpoint.VcpuState;
import dev.torpor.vmm.device.virtio.RawFileBackend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Machines that go back to a state, and machines that are built from one. */
@KvmTest
@Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class MachineStateRestoreTest {
  private static final long MEMORY_BYTES = 8L << 20;
  private static final int MSR_TSC = 0x10;

  private static final int MORE_THAN_ANY_XSAVE = 64 << 10;
  private static final long XMM_OFFSET = 160;
  private static final long XSAVE_HEADER_OFFSET = 512;
  private static final long X87_AND_SSE = 3;

  @TempDir private Path folder;

  private static VmConfig.Builder flat(String name, long... arguments) {
    return VmConfig.boot(FlatGuest.named(name, arguments)).memory(MEMORY_BYTES);
  }

  /** All that stands still while nothing runs: not the clocks. */
  private static List<VcpuState> withoutTime(MachineState state) {
    return state.vcpus().stream()
        .map(
            vcpu ->
                with(
                    vcpu,
                    vcpu.cpuid(),
                    vcpu.msrs().stream().filter(msr -> msr.index() != MSR_TSC).toList()))
        .toList();
  }

  private static VcpuState with(VcpuState v, List<CpuidEntry> cpuid, List<MsrValue> msrs) {
    List<MsrValue> withTsc = new ArrayList<>(msrs);
    if (msrs.stream().noneMatch(msr -> msr.index() == MSR_TSC)) {
      withTsc.addFirst(new MsrValue(MSR_TSC, 0));
    }
    return new VcpuState(
        cpuid,
        v.tscKhz(),
        OptionalLong.empty(),
        v.mpState(),
        v.regs(),
        v.sregs(),
        v.sregsHavePointers(),
        v.xsave(),
        v.xcrs(),
        v.debugRegs(),
        withTsc,
        v.lapic(),
        v.nested(),
        v.events());
  }

  private static MachineState with(
      MachineState s, ClockState clock, UnaryOperator<VcpuState> each) {
    return new MachineState(
        s.name(),
        s.platform(),
        s.memoryByteSize(),
        s.diskIds(),
        clock,
        s.interrupts(),
        s.devices(),
        s.vcpus().stream().map(each).toList());
  }

  private static long tsc(MachineState state, int vcpu) {
    return state.vcpus().get(vcpu).msrs().stream()
        .filter(msr -> msr.index() == MSR_TSC)
        .findFirst()
        .orElseThrow()
        .value();
  }

  private static long cycles(MachineState state, long nanos) {
    return nanos / 1000 * state.vcpus().getFirst().tscKhz() / 1000;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void aMachineThatGoesBackInPlaceIsAsItWas(int vcpus) throws InterruptedException {
    try (Vm vm = Vm.create(flat("memory-check", 100, 7, 3_000, 100).vcpus(vcpus).build())) {
      vm.start();
      vm.doorbell().orElseThrow().awaitProgress(300, Duration.ofSeconds(30));
      vm.pause();
      Replica then = Replica.of(vm.machine());
      long progress = vm.doorbell().orElseThrow().progress();
      vm.resume();
      vm.doorbell().orElseThrow().awaitProgress(progress + 500, Duration.ofSeconds(30));
      vm.pause();
      assertThat(then.mismatch(vm.machine())).isNotEqualTo(-1);
      then.restoreTo(vm.machine(), GuestClock.CONTINUE);

      MachineState now = vm.machine().capture();
      assertThat(withoutTime(now)).isEqualTo(withoutTime(then.state()));
      assertThat(now.devices()).isEqualTo(then.state().devices());
      assertThat(then.mismatch(vm.machine())).isEqualTo(-1);
      assertThat(vm.doorbell().orElseThrow().progress()).isEqualTo(progress);
      vm.resume();
      assertThat(vm.awaitExit()).isEqualTo(new VmExit.GuestExited(0, 0));
    }
  }

  @Test
  void theRegistersOfTheFloatingPointUnitComeBack() {
    try (Vm vm = Vm.create(flat("spin").build())) {
      vm.start();
      vm.pause();
      setXmm(vm, (byte) 0x5a);
      MachineState then = vm.machine().capture();
      setXmm(vm, (byte) 0x11);
      vm.machine().restore(vm.machine().recorder().prepare(then), GuestClock.CONTINUE);
      assertThat(xmm(vm)).containsOnly(0x5a);
    }
  }

  private static void setXmm(Vm vm, byte value) {
    vm.vcpus()
        .getFirst()
        .whilePaused(
            fd -> {
              Xsave xsave = new Xsave(MORE_THAN_ANY_XSAVE);
              fd.getXsave(xsave);
              xsave.segment().asSlice(XMM_OFFSET, 256).fill(value);
              long inUse = xsave.segment().get(JAVA_LONG, XSAVE_HEADER_OFFSET);
              xsave.segment().set(JAVA_LONG, XSAVE_HEADER_OFFSET, inUse | X87_AND_SSE);
              fd.setXsave(xsave);
              return null;
            });
  }

  private static byte[] xmm(Vm vm) {
    Xsave xsave = new Xsave(MORE_THAN_ANY_XSAVE);
    vm.vcpus()
        .getFirst()
        .whilePaused(
            fd -> {
              fd.getXsave(xsave);
              return null;
            });
    return xsave.segment().asSlice(XMM_OFFSET, 256).toArray(JAVA_BYTE);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void aMachineBuiltFromAStateGoesOnBesideItsModel(int vcpus) throws InterruptedException {
    try (Vm vm = Vm.create(flat("memory-check", 100, 7, 3_000, 100).vcpus(vcpus).build())) {
      vm.start();
      vm.doorbell().orElseThrow().awaitProgress(500, Duration.ofSeconds(30));
      vm.pause();
      Replica then = Replica.of(vm.machine());
      try (Replica.Running replica = then.rebuild(GuestClock.CONTINUE)) {
        MachineState copied = replica.machine().capture();
        assertThat(withoutTime(copied)).isEqualTo(withoutTime(then.state()));
        assertThat(copied.devices()).isEqualTo(then.state().devices());
        replica.start();
        vm.resume();
        assertThat(replica.awaitExit()).isEqualTo(new VmExit.GuestExited(0, 0));
        assertThat(vm.awaitExit()).isEqualTo(new VmExit.GuestExited(0, 0));
      }
    }
  }

  @Property(tries = 12, shrinking = ShrinkingMode.OFF)
  void whereverItIsCapturedAGuestFinishesItsSelfCheck(
      @ForAll @IntRange(min = 1, max = 2) int vcpus,
      @ForAll @IntRange(max = 20_000) int runMicros,
      @ForAll @IntRange(min = 1, max = 4) int generations)
      throws InterruptedException {
    try (Vm vm = Vm.create(flat("memory-check", 40, 9, 1_500, 50).vcpus(vcpus).build())) {
      vm.start();
      TimeUnit.MICROSECONDS.sleep(runMicros);
      // As Vm.pause() does, but a guest that has ended by now counts as paused.
      vm.machine().vcpus().pause(true);
      if (vm.state() == VmState.STOPPED) {
        assertThat(vm.awaitExit()).isEqualTo(new VmExit.GuestExited(0, 0));
        return;
      }
      Replica replica = Replica.of(vm.machine());
      for (int i = 0; i < generations; i++) {
        try (Replica.Running next = replica.rebuild(GuestClock.CONTINUE)) {
          next.start();
          TimeUnit.MICROSECONDS.sleep(runMicros);
          next.pause();
          if (next.exit().isDone()) {
            assertThat(next.awaitExit()).isEqualTo(new VmExit.GuestExited(0, 0));
            return;
          }
          replica = Replica.of(next.machine());
        }
      }
      try (Replica.Running last = replica.rebuild(GuestClock.CONTINUE)) {
        last.start();
        assertThat(last.awaitExit()).isEqualTo(new VmExit.GuestExited(0, 0));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void aMachineWithInterruptControllersAndADiskGoesOn(int vcpus)
      throws IOException, InterruptedException {
    Path disk = Files.write(folder.resolve("disk.img"), new byte[1 << 20]);
    Path copy = Files.write(folder.resolve("copy.img"), new byte[1 << 20]);
    try (Vm vm =
        Vm.create(flat("page-writer", 0, 3, 0, 4_000).vcpus(vcpus).disk(disk, false).build())) {
      vm.start();
      vm.doorbell().orElseThrow().awaitProgress(5, Duration.ofSeconds(30));
      vm.pause();
      Replica then = Replica.of(vm.machine());
      assertThat(then.state().hasInterruptControllers()).isTrue();
      assertThat(then.state().diskIds()).containsExactly("vda");
      try (Replica.Running replica =
          then.rebuild(GuestClock.CONTINUE, RawFileBackend.open(copy, false))) {
        MachineState copied = replica.machine().capture();
        assertThat(withoutTime(copied)).isEqualTo(withoutTime(then.state()));
        assertThat(copied.interrupts().orElseThrow().ioApic())
            .isEqualTo(then.state().interrupts().orElseThrow().ioApic());
        assertThat(copied.devices()).isEqualTo(then.state().devices());
        replica.start();
        assertThat(replica.awaitExit()).isEqualTo(new VmExit.GuestExited(0, 0));
      }
      vm.resume();
      vm.doorbell().orElseThrow().awaitProgress(20, Duration.ofSeconds(30));
      vm.pause();
      then.restoreTo(vm.machine(), GuestClock.CONTINUE);
      assertThat(withoutTime(vm.machine().capture())).isEqualTo(withoutTime(then.state()));
      vm.resume();
      assertThat(vm.awaitExit()).isEqualTo(new VmExit.GuestExited(0, 0));
    }
  }

  @Test
  void theTimeStampCounterGoesBackWithTheMachineHoweverSoon() {
    try (Vm vm = Vm.create(flat("spin").vcpus(2).build())) {
      vm.start();
      FlatVmTest.awaitCounterAbove(vm, 0);
      vm.pause();
      MachineState then = vm.machine().capture();
      vm.resume();
      FlatVmTest.sleepMillis(300);
      vm.pause();
      MachineState later = vm.machine().capture();
      long start = System.nanoTime();
      vm.machine().restore(vm.machine().recorder().prepare(then), GuestClock.CONTINUE);
      MachineState now = vm.machine().capture();
      long nanos = System.nanoTime() - start + 1_000_000;
      assertThat(now.clock().kvmclockNanos() - then.clock().kvmclockNanos()).isBetween(0L, nanos);
      for (int vcpu = 0; vcpu < 2; vcpu++) {
        assertThat(tsc(now, vcpu)).isGreaterThanOrEqualTo(tsc(then, 0));
        if (tscCanBeSet(vm)) {
          assertThat(tsc(now, vcpu)).isLessThan(tsc(later, vcpu));
        }
      }
    }
  }

  /** Some KVM runs its guests on the host's own counter, which nobody can set. */
  private static boolean tscCanBeSet(Vm vm) {
    return vm.vcpus()
        .getFirst()
        .whilePaused(
            fd -> {
              Msrs tsc = new Msrs(MSR_TSC);
              fd.getMsrs(tsc);
              long far = 1L << 50;
              tsc.setValue(0, tsc.value(0) + far);
              long written = tsc.value(0);
              fd.setMsrs(tsc);
              fd.getMsrs(tsc);
              return Long.compareUnsigned(tsc.value(0), written) >= 0;
            });
  }

  @ParameterizedTest
  @ValueSource(longs = {3_600_000_000_000L, -3_600_000_000_000L})
  void clocksThatCatchUpAdvanceAlikeAndNeverGoBack(long sinceCapture) {
    try (Vm vm = Vm.create(flat("spin").vcpus(2).build())) {
      vm.start();
      vm.pause();
      MachineState then = vm.machine().capture();
      ClockState clock =
          new ClockState(then.clock().kvmclockNanos(), then.clock().realtimeNanos() - sinceCapture);
      vm.machine()
          .restore(vm.machine().recorder().prepare(with(then, clock, v -> v)), GuestClock.CATCH_UP);
      MachineState now = vm.machine().capture();
      long advanced = now.clock().kvmclockNanos() - then.clock().kvmclockNanos();
      assertThat(advanced).isGreaterThanOrEqualTo(Math.max(0, sinceCapture));
      for (int vcpu = 0; vcpu < 2; vcpu++) {
        long cycles = tsc(now, vcpu) - tsc(then, vcpu);
        long expected = tscCanBeSet(vm) ? cycles(then, advanced) : 0;
        // An emulated counter may run at another speed than it says, but only since the restore.
        long tolerance = cycles(then, 10_000_000_000L);
        assertThat(cycles - expected).isBetween(-tolerance, tolerance);
      }
    }
  }

  @Test
  void anMsrThatTheHostDoesNotKnowIsNamed() {
    try (Vm vm = Vm.create(flat("spin").build())) {
      MachineState then = vm.machine().capture();
      MachineState strange =
          with(
              then,
              then.clock(),
              vcpu -> {
                List<MsrValue> msrs = new ArrayList<>(vcpu.msrs());
                msrs.add(new MsrValue(0xdead, 1));
                return with(vcpu, vcpu.cpuid(), msrs);
              });
      assertThatThrownBy(
              () ->
                  vm.machine()
                      .restore(vm.machine().recorder().prepare(strange), GuestClock.CONTINUE))
          .isInstanceOf(KvmException.class)
          .hasMessageContaining("MSR 0xdead is refused");
      Replica replica = new Replica(strange, Replica.of(vm.machine()).memory());
      assertThatThrownBy(() -> replica.rebuild(GuestClock.CONTINUE))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("it lacks MSR 0xdead=0x1");
    }
  }

  @Test
  void aFeatureThatTheHostLacksIsNamed() {
    try (Vm vm = Vm.create(flat("spin").build())) {
      Replica then = Replica.of(vm.machine());
      MachineState foreign =
          with(
              then.state(),
              then.state().clock(),
              vcpu ->
                  with(
                      vcpu,
                      vcpu.cpuid().stream()
                          .map(
                              leaf ->
                                  leaf.function() == 7 && leaf.index() == 0
                                      ? leaf.withAnswers(
                                          leaf.eax(), leaf.ebx() | 1 << 26, leaf.ecx(), leaf.edx())
                                      : leaf)
                          .toList(),
                      vcpu.msrs()));
      assertThatThrownBy(() -> new Replica(foreign, then.memory()).rebuild(GuestClock.CONTINUE))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("this host cannot run the checkpoint of VM 'vm'")
          .hasMessageContaining("it lacks AVX512PF");
    }
  }

  @Test
  void theStateOfAnotherMachineIsRefused() {
    try (Vm one = Vm.create(flat("spin").build());
        Vm two = Vm.create(flat("spin").vcpus(2).build())) {
      MachineState state = one.machine().capture();
      assertThatThrownBy(() -> two.machine().recorder().prepare(state))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("number of vCPUs is 1, here 2");
    }
  }

  @Test
  void aMachineThatRunsIsNotCaptured() {
    try (Vm vm = Vm.create(flat("spin").build())) {
      vm.start();
      assertThatThrownBy(vm.machine()::capture)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("vCPU 0 is not paused");
    }
  }

  @Test
  void theInstructionPointerOfACaptureIsThatOfTheVcpu() {
    try (Vm vm = Vm.create(flat("spin").build())) {
      vm.start();
      FlatVmTest.awaitCounterAbove(vm, 0);
      vm.pause();
      Regs regs = new Regs();
      vm.vcpus()
          .getFirst()
          .whilePaused(
              fd -> {
                fd.getRegs(regs);
                return null;
              });
      byte[] captured = vm.machine().capture().vcpus().getFirst().regs().toArray();
      assertThat(captured).isEqualTo(regs.segment().toArray(JAVA_BYTE));
      assertThat(regs.get(Register.RIP)).isPositive();
    }
  }
}
