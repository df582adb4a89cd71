package dev.torpor.vmm.checkpoint;

import dev.torpor.kvm.ClockData;
import dev.torpor.kvm.CpuidEntry;
import dev.torpor.kvm.KvmException;
import dev.torpor.kvm.VcpuFd;
import dev.torpor.kvm.VmFd;
import dev.torpor.vmm.cpu.VcpuGroup;
import dev.torpor.vmm.cpu.VcpuTask;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/**
 * Captures the state of one machine, and has it go back to one.
 *
 * <p>A capture happens while the guest waits, so it only makes requests, each vCPU's on its own
 * thread and all at the same time; {@link #state} turns what they read into a {@link MachineState}
 * once the guest runs again.
 *
 * <pre>
 *   pause -> capture -> resume -> state
 * </pre>
 *
 * <p>Calls come one at a time. While one captures or restores, the vCPUs are paused, or were never
 * started, and the devices' event loop is quiesced: an interrupt that is sent between the reading
 * of two parts would be in neither.
 */
public final class MachineRecorder {
  private final MachineFacts facts;
  private final VmFd vm;
  private final VcpuGroup vcpus;
  private final DeviceSet devices;
  private final VcpuProfile profile;

  /** Always the same object, by which the vCPUs know what they have begun early. */
  private final VcpuTask vcpuCapture = this::captureVcpu;

  /** Made for the first capture: most machines that were restored never see one. */
  private List<VcpuBuffers> vcpuBuffers;

  private Optional<InterruptBuffers> interrupts;
  private final ClockData clock = new ClockData();
  private DeviceStates deviceStates;
  private long realtimeNanos;

  /**
   * Records one machine.
   *
   * @param facts what does not change while it lives
   * @param vm its descriptor, which outlives the recorder
   * @param vcpus its vCPUs
   * @param devices its devices
   * @param profile what the state of such vCPUs consists of
   */
  public MachineRecorder(
      MachineFacts facts, VmFd vm, VcpuGroup vcpus, DeviceSet devices, VcpuProfile profile) {
    this.facts = facts;
    this.vm = vm;
    this.vcpus = vcpus;
    this.devices = devices;
    this.profile = profile;
  }

  /** Makes the buffers, so that a capture, which happens while the guest waits, need not. */
  private void prepareCapture() {
    if (vcpuBuffers == null) {
      vcpuBuffers =
          IntStream.range(0, facts.cpuids().size())
              .mapToObj(id -> new VcpuBuffers(profile, facts.cpuids().size() > 1))
              .toList();
      interrupts = profile.hasLapic() ? Optional.of(new InterruptBuffers()) : Optional.empty();
    }
  }

  /**
   * What each vCPU may do of the next {@link #capture} as soon as it has left the guest, though
   * others are still there. A local APIC is changed by others; without any, a vCPU's state is
   * changed by nobody but its own thread, so it is that of the machine's instant already. Asked
   * before the pause, as this also makes the buffers.
   *
   * @return what to do, within the same pause; empty if all vCPUs have to stand before
   */
  public Optional<VcpuTask> early() {
    prepareCapture();
    return profile.hasLapic() ? Optional.empty() : Optional.of(vcpuCapture);
  }

  /**
   * Captures the machine into the recorder's buffers.
   *
   * @param meanwhile what the calling thread does while the vCPUs' threads read their state: that
   *     writes nothing to memory
   * @throws KvmException if the host refuses; an MSR that it refuses is named
   * @throws IllegalStateException if the machine is not paused
   */
  public void capture(Runnable meanwhile) {
    prepareCapture();
    interrupts.ifPresent(chips -> chips.capture(vm));
    vcpus.runOnAll(
        vcpuCapture,
        () -> {
          meanwhile.run();
          deviceStates = devices.capture();
        });
  }

  private void captureVcpu(int id, VcpuFd fd) {
    vcpuBuffers.get(id).capture(fd, id == 0 ? this::readClock : this::readNothing);
  }

  /** Together with the first vCPU's counter: a guest compares its clocks, and distrusts them. */
  private void readClock() {
    realtimeNanos = nowNanos();
    vm.getClock(clock);
  }

  private void readNothing() {}

  /**
   * What the last capture read. Not for the time of the pause.
   *
   * @return a state of its own, which later captures do not change
   * @throws IllegalStateException if nothing was captured
   */
  public MachineState state() {
    if (deviceStates == null) {
      throw new IllegalStateException("machine '" + facts.name() + "' was not captured");
    }
    return new MachineState(
        facts.name(),
        facts.platform(),
        facts.memoryByteSize(),
        facts.diskIds(),
        new ClockState(clock.nanos(), capturedAtNanos()),
        interrupts.map(InterruptBuffers::toState),
        deviceStates,
        IntStream.range(0, vcpuBuffers.size()).mapToObj(this::vcpuState).toList());
  }

  private VcpuState vcpuState(int id) {
    List<CpuidEntry> cpuid = facts.cpuids().get(id);
    return vcpuBuffers.get(id).toState(cpuid, facts.tscKhz());
  }

  /** As the kernel read it together with the clock, where it did. */
  private long capturedAtNanos() {
    return (clock.flags() & ClockData.REALTIME) != 0 ? clock.realtimeNanos() : realtimeNanos;
  }

  /**
   * Prepares a state to be taken up by this machine, or by one built alike.
   *
   * @param state the state
   * @return the same for {@link #restore}
   * @throws IllegalArgumentException if it is the state of a machine that differs
   */
  public PreparedState prepare(MachineState state) {
    facts.requireSameMachine(state);
    return PreparedState.of(state, profile);
  }

  /**
   * Takes up a state of this machine, or of one built alike, whose memory and disks are as they
   * were then already.
   *
   * @param prepared the state
   * @param guestClock what its clocks show
   * @throws IllegalArgumentException if it is the state of a machine that differs
   * @throws KvmException if the host refuses; an MSR that it refuses is named
   * @throws IllegalStateException if the machine is not paused
   */
  public void restore(PreparedState prepared, GuestClock guestClock) {
    restore(prepared, guestClock, () -> {});
  }

  /**
   * The same, and brings memory and disks there. Both at once where that is safe: KVM and the
   * devices may look at memory. If this fails, the machine is in no state to run.
   *
   * @param prepared the state
   * @param guestClock what its clocks show
   * @param memoryAndDisks makes them as they were then
   * @throws IllegalArgumentException if it is the state of a machine that differs
   * @throws KvmException if the host refuses; an MSR that it refuses is named
   * @throws IllegalStateException if the machine is not paused
   */
  public void restore(PreparedState prepared, GuestClock guestClock, Runnable memoryAndDisks) {
    MachineState state = prepared.state();
    facts.requireSameMachine(state);
    long elapsedNanos =
        GuestTime.elapsedNanos(guestClock, state.clock().realtimeNanos(), nowNanos());
    long kvmclockNanos = state.clock().kvmclockNanos() + elapsedNanos;
    VcpuRestore restore = prepared.vcpus();
    restore.begin(elapsedNanos);
    boolean single = state.vcpuCount() == 1;
    boolean atOnce = !restore.touchesMemory();
    if (!atOnce) {
      memoryAndDisks.run();
    }
    vcpus.runOnAll(
        (id, fd) -> {
          restore.restore(id, fd);
          if (single) {
            setClock(kvmclockNanos + restore.nanosSinceTscWasSet(fd));
          }
        },
        atOnce ? memoryAndDisks : () -> {});
    state.interrupts().ifPresent(chips -> InterruptBuffers.restore(vm, chips));
    if (!single) {
      vcpus.runOnAll(
          (id, fd) -> {
            if (id == 0) {
              setClock(kvmclockNanos + restore.nanosSinceTscWasSet(fd));
            }
          });
    }
    devices.restore(state.devices());
  }

  /**
   * Without the wall clock, by which KVM would advance it: whether it advances is the caller's to
   * say, and the time stamp counters have to advance alike. After the counters, because KVM looks
   * then whether they match; they have run since, and the clock is set to as much later.
   */
  private void setClock(long nanos) {
    ClockData target = new ClockData();
    target.setNanos(nanos);
    vm.setClock(target);
  }

  private static long nowNanos() {
    Instant now = Instant.now();
    return TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano();
  }
}
