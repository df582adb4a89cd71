package dev.torpor.vmm.cpu;

import dev.torpor.kvm.VcpuFd;
import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.device.Bus;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * The vCPUs of one VM, paused and resumed together. Calls come one at a time, as the VM's lifecycle
 * makes them; only {@link #requestStop} may come from anywhere, a vCPU's thread included.
 */
public final class VcpuGroup implements AutoCloseable {
  private final VcpuGate gate = new VcpuGate();
  private final List<Vcpu> vcpus = new ArrayList<>();
  private final String vmName;
  private final Bus ports;
  private final Bus mmio;
  private final Runnable dirtyRingFull;
  private final Consumer<VmExit> exits;

  /**
   * A group without vCPUs.
   *
   * @param vmName for the threads' names
   * @param ports the devices at I/O ports
   * @param mmio the devices at guest physical addresses
   * @param dirtyRingFull makes room in the dirty rings, on a vCPU's thread
   * @param exits told, on a vCPU's thread, why the guest cannot go on
   */
  public VcpuGroup(
      String vmName, Bus ports, Bus mmio, Runnable dirtyRingFull, Consumer<VmExit> exits) {
    this.vmName = vmName;
    this.ports = ports;
    this.mmio = mmio;
    this.dirtyRingFull = dirtyRingFull;
    this.exits = exits;
  }

  /**
   * Adds a vCPU whose registers are set. Before {@link #start}.
   *
   * @param fd its descriptor, which the group closes
   */
  public void add(VcpuFd fd) {
    int id = vcpus.size();
    vcpus.add(new Vcpu(id, fd, ports, mmio, gate, dirtyRingFull, exits, vmName + "-vcpu" + id));
  }

  /**
   * The vCPUs.
   *
   * @return the vCPUs, by their number
   */
  public List<Vcpu> vcpus() {
    return List.copyOf(vcpus);
  }

  /** Starts the threads. No guest runs before {@link #resume}, which best follows at once. */
  public void start() {
    vcpus.forEach(Vcpu::start);
  }

  /** Lets the guest run. */
  public void resume() {
    gate.resume();
  }

  /**
   * Returns once every vCPU is out of KVM_RUN, with no device access under way.
   *
   * @param brief whether something for the vCPU threads will follow within some tens of
   *     microseconds: they then look for it for so long before they sleep
   */
  public void pause(boolean brief) {
    gate.requestPause(brief);
    gate.awaitQuiet();
  }

  /**
   * Has each vCPU's thread do something as soon as the next pause has brought it out of the guest,
   * while others may still be there. {@link #runOnAll} of the same task, in that pause, waits for
   * it and does not do it again; if nobody calls that, what came of the task is nobody's.
   *
   * @param first what to do
   */
  public void prepare(VcpuTask first) {
    gate.prepare(first);
  }

  /**
   * Does something with every vCPU while they are paused, or before they are started; on their own
   * threads and at the same time in the first case, one after the other in the second.
   *
   * @param task what to do
   * @throws IllegalStateException if the vCPUs run, or have ended
   */
  public void runOnAll(VcpuTask task) {
    runOnAll(task, () -> {});
  }

  /**
   * The same, with something else for the calling thread.
   *
   * @param task what to do with every vCPU
   * @param meanwhile what the calling thread does in the meantime, or first
   * @throws IllegalStateException if the vCPUs run, or have ended
   */
  public void runOnAll(VcpuTask task, Runnable meanwhile) {
    if (vcpus.getFirst().isStarted()) {
      gate.runOn(vcpus, task, meanwhile);
    } else {
      meanwhile.run();
      vcpus.forEach(vcpu -> vcpu.runHere(task));
    }
  }

  /** Makes every vCPU leave the guest once and go back. */
  public void kick() {
    gate.kick();
  }

  /** Makes the threads end, without waiting for them. */
  public void requestStop() {
    gate.requestStop();
  }

  /** Waits until the threads have ended. Not from a vCPU's thread. */
  public void join() {
    vcpus.forEach(Vcpu::join);
  }

  /**
   * Waits for a limited time until the threads have ended. Not from a vCPU's thread.
   *
   * @param timeout how long at most
   * @return whether all have ended
   */
  public boolean endsWithin(Duration timeout) {
    long end = System.nanoTime() + timeout.toNanos();
    return vcpus.stream().allMatch(vcpu -> vcpu.endsWithin(end - System.nanoTime()));
  }

  /** Ends the threads and closes the vCPUs. */
  @Override
  public void close() {
    requestStop();
    join();
    vcpus.forEach(Vcpu::close);
  }
}
