package dev.torpor.vmm.vm;

import dev.torpor.linux.LinuxException;
import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.cpu.Vcpu;
import dev.torpor.vmm.device.Doorbell;
import dev.torpor.vmm.device.EventLoop;
import dev.torpor.vmm.device.SerialPort;
import dev.torpor.vmm.memory.GuestMemory;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A virtual machine.
 *
 * <pre>{@code
 * try (Vm vm = Vm.create(VmConfig.boot(new LinuxGuest(kernel, initrd, "console=ttyS0")).build())) {
 *   vm.start();
 *   VmExit exit = vm.awaitExit();
 * }
 * }</pre>
 *
 * <p>Its life is that of {@link VmState}. Methods are safe from every thread but the VM's own vCPU
 * and device threads; those that change its state wait for one another. A VM that is not closed
 * keeps its memory, threads and descriptors for ever.
 */
public final class Vm implements AutoCloseable {
  private final VmConfig config;
  private final Machine machine;
  private final CompletableFuture<VmExit> exit = new CompletableFuture<>();

  /** Serialises changes of state. Never taken by a vCPU or device thread. */
  private final ReentrantLock lifecycle = new ReentrantLock();

  private VmState state = VmState.CREATED;

  private Vm(VmConfig config) {
    this.config = config;
    this.machine = Machine.build(config, this::end);
  }

  /**
   * Builds a VM: allocates its memory, loads its guest, creates its vCPUs. No guest code runs yet.
   *
   * @param config what it is made of
   * @return the VM, which the caller closes
   * @throws IllegalArgumentException if a file is not what it should be, or the host lacks what the
   *     CPU template needs
   * @throws IllegalStateException if there is no KVM to use; the message says what to do
   * @throws LinuxException if the host refuses memory or a disk
   */
  public static Vm create(VmConfig config) {
    return new Vm(config);
  }

  /**
   * What it is made of.
   *
   * @return the description it was created from
   */
  public VmConfig config() {
    return config;
  }

  /**
   * Where it is in its life.
   *
   * @return its state at this moment; a running guest may end at any time
   */
  public VmState state() {
    lifecycle.lock();
    try {
      noticeEnd();
      return state;
    } finally {
      lifecycle.unlock();
    }
  }

  /**
   * Starts the guest.
   *
   * @throws IllegalStateException unless it was just created
   */
  public void start() {
    lifecycle.lock();
    try {
      require("start", VmState.CREATED);
      machine.vcpus().start();
      machine.eventLoop().ifPresent(EventLoop::resume);
      machine.vcpus().resume();
      state = VmState.RUNNING;
    } finally {
      lifecycle.unlock();
    }
  }

  /**
   * Pauses the guest. Returns once every vCPU is out of KVM_RUN and no device is half-way through a
   * request.
   *
   * @throws IllegalStateException unless it runs
   */
  public void pause() {
    lifecycle.lock();
    try {
      require("pause", VmState.RUNNING);
      // vCPUs first: what they still ask of devices on their way out is waited for in turn.
      machine.vcpus().pause(false);
      machine.eventLoop().ifPresent(EventLoop::quiesce);
      state = VmState.PAUSED;
      require("pause", VmState.PAUSED);
    } finally {
      lifecycle.unlock();
    }
  }

  /**
   * Lets a paused guest go on.
   *
   * @throws IllegalStateException unless it is paused
   */
  public void resume() {
    lifecycle.lock();
    try {
      require("resume", VmState.PAUSED);
      machine.eventLoop().ifPresent(EventLoop::resume);
      machine.vcpus().resume();
      state = VmState.RUNNING;
    } finally {
      lifecycle.unlock();
    }
  }

  /**
   * Makes every vCPU leave the guest once and go back at once.
   *
   * @throws IllegalStateException unless it runs
   */
  public void kick() {
    lifecycle.lock();
    try {
      require("kick", VmState.RUNNING);
      machine.vcpus().kick();
    } finally {
      lifecycle.unlock();
    }
  }

  /**
   * Ends the guest as if its power failed, and waits until its threads have ended. Does nothing to
   * a VM that has ended.
   *
   * @throws IllegalStateException if it is closed
   */
  public void stop() {
    lifecycle.lock();
    try {
      noticeEnd();
      if (state == VmState.CLOSED) {
        throw wrongState("stop");
      }
      end(new VmExit.Stopped());
      noticeEnd();
    } finally {
      lifecycle.unlock();
    }
  }

  /**
   * Waits until the guest has ended, for as long as it takes.
   *
   * @return why it ended
   * @throws InterruptedException if the thread is interrupted
   */
  public VmExit awaitExit() throws InterruptedException {
    try {
      VmExit reason = exit.get();
      state();
      return reason;
    } catch (ExecutionException e) {
      throw new AssertionError("the exit is never completed with a failure", e);
    }
  }

  /**
   * Waits until the guest has ended, for a limited time.
   *
   * @param timeout how long at most
   * @return why it ended; empty if it has not
   * @throws InterruptedException if the thread is interrupted
   */
  public Optional<VmExit> awaitExit(Duration timeout) throws InterruptedException {
    try {
      exit.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
      return Optional.of(awaitExit());
    } catch (TimeoutException e) {
      return Optional.empty();
    } catch (ExecutionException e) {
      throw new AssertionError("the exit is never completed with a failure", e);
    }
  }

  /**
   * The guest's memory.
   *
   * @return the memory, valid until the VM is closed
   */
  public GuestMemory memory() {
    return machine.memory();
  }

  /**
   * The guest's vCPUs.
   *
   * @return the vCPUs, by their number
   */
  public List<Vcpu> vcpus() {
    return machine.vcpus().vcpus();
  }

  /**
   * The serial port of a Linux guest.
   *
   * @return the port, for input; empty for a flat guest
   */
  public Optional<SerialPort> serialPort() {
    return machine.serial();
  }

  /**
   * The doorbell of a flat guest.
   *
   * @return the doorbell; empty for a Linux guest
   */
  public Optional<Doorbell> doorbell() {
    return machine.doorbell();
  }

  /** The parts, for tests. */
  Machine machine() {
    return machine;
  }

  /** Ends the guest if it runs, and gives everything back. A second call does nothing. */
  @Override
  public void close() {
    lifecycle.lock();
    try {
      if (state == VmState.CLOSED) {
        return;
      }
      end(new VmExit.Stopped());
      state = VmState.CLOSED;
      machine.close();
    } finally {
      lifecycle.unlock();
    }
  }

  /** The guest's end, told from any thread; the first reason counts. */
  private void end(VmExit reason) {
    if (exit.complete(reason) && machine != null) {
      machine.vcpus().requestStop();
    }
  }

  /** Brings the state up to date with an end that a vCPU has told. */
  private void noticeEnd() {
    if (exit.isDone() && state != VmState.STOPPED && state != VmState.CLOSED) {
      machine.vcpus().join();
      machine.eventLoop().ifPresent(EventLoop::quiesce);
      state = VmState.STOPPED;
    }
  }

  private void require(String action, VmState wanted) {
    noticeEnd();
    if (state != wanted) {
      throw wrongState(action);
    }
  }

  private IllegalStateException wrongState(String action) {
    String ended = exit.isDone() ? ": " + exit.join().describe() : "";
    return new IllegalStateException(
        "cannot %s VM '%s': it is %s%s"
            .formatted(action, config.name(), state.name().toLowerCase(Locale.ROOT), ended));
  }
}
