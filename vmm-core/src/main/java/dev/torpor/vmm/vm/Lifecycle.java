package dev.torpor.vmm.vm;

import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.checkpoint.MachineLostException;
import dev.torpor.vmm.cpu.VcpuTask;
import dev.torpor.vmm.device.EventLoop;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The life of one machine, from {@link VmState} to state. Changes wait for one another. Safe from
 * every thread but the machine's own vCPU and device threads, which may only tell its {@linkplain
 * #end end}.
 */
final class Lifecycle {
  /** How long a vCPU may take to come back from the guest. */
  private static final Duration PATIENCE = Duration.ofSeconds(2);

  private static final String CHECKPOINT = "take or enter a checkpoint of";

  private final String name;
  private final CompletableFuture<VmExit> exit = new CompletableFuture<>();

  /** Serialises changes of state. Never taken by a vCPU or device thread. */
  private final ReentrantLock lock = new ReentrantLock();

  private final Machine machine;
  private VmState state = VmState.CREATED;

  /**
   * Begins with a machine.
   *
   * @param name the VM's name, for messages
   * @param build makes the machine, which tells its end to what it is given
   */
  Lifecycle(String name, Function<Consumer<VmExit>, Machine> build) {
    this.name = name;
    this.machine = build.apply(this::end);
  }

  Machine machine() {
    return machine;
  }

  VmState state() {
    lock.lock();
    try {
      noticeEnd();
      return state;
    } finally {
      lock.unlock();
    }
  }

  /** Lets the guest begin, after something else has. */
  void start(Runnable first) {
    lock.lock();
    try {
      require("start", VmState.CREATED);
      machine.vcpus().start();
      first.run();
      goOn();
      state = VmState.RUNNING;
    } finally {
      lock.unlock();
    }
  }

  void pause() {
    lock.lock();
    try {
      require("pause", VmState.RUNNING);
      standStill(false);
      state = VmState.PAUSED;
      require("pause", VmState.PAUSED);
    } finally {
      lock.unlock();
    }
  }

  void resume() {
    lock.lock();
    try {
      require("resume", VmState.PAUSED);
      goOn();
      state = VmState.RUNNING;
    } finally {
      lock.unlock();
    }
  }

  void kick() {
    lock.lock();
    try {
      require("kick", VmState.RUNNING);
      machine.vcpus().kick();
    } finally {
      lock.unlock();
    }
  }

  void stop() {
    lock.lock();
    try {
      noticeEnd();
      if (state == VmState.CLOSED) {
        throw wrongState("stop");
      }
      end(new VmExit.Stopped());
      noticeEnd();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Ends the guest for good.
   *
   * @param release has vCPUs come back that wait for something
   * @return false if that was done before
   */
  boolean close(Runnable release) {
    lock.lock();
    try {
      if (state == VmState.CLOSED) {
        return false;
      }
      end(new VmExit.Stopped());
      if (!machine.vcpus().endsWithin(PATIENCE)) {
        release.run();
      }
      noticeEnd();
      state = VmState.CLOSED;
      return true;
    } finally {
      lock.unlock();
    }
  }

  VmExit awaitExit() throws InterruptedException {
    try {
      VmExit reason = exit.get();
      state();
      return reason;
    } catch (ExecutionException e) {
      throw new AssertionError("the exit is never completed with a failure", e);
    }
  }

  Optional<VmExit> awaitExit(Duration timeout) throws InterruptedException {
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
   * Does something while neither vCPUs nor devices move. If that loses the machine, it has ended.
   *
   * @param first what each vCPU of a running guest does as soon as it stands
   * @return how long the guest stood still for it; zero if it stood before
   */
  Duration whileHeld(Optional<VcpuTask> first, Runnable action) {
    lock.lock();
    try {
      noticeEnd();
      switch (state) {
        case RUNNING -> {
          first.ifPresent(machine.vcpus()::prepare); // the guest still runs
          long start = System.nanoTime();
          holdRunning(action);
          return Duration.ofNanos(System.nanoTime() - start);
        }
        case CREATED, PAUSED -> act(action);
        case STOPPED, CLOSED -> throw wrongState(CHECKPOINT);
      }
      return Duration.ZERO;
    } finally {
      lock.unlock();
    }
  }

  private void holdRunning(Runnable action) {
    standStill(true);
    try {
      if (exit.isDone()) {
        throw wrongState(CHECKPOINT);
      }
      act(action);
    } finally {
      goOn();
    }
  }

  private void act(Runnable action) {
    try {
      action.run();
    } catch (MachineLostException e) {
      end(new VmExit.Failed(e));
      throw e;
    }
  }

  /** vCPUs first: what they still ask of devices on their way out is waited for in turn. */
  private void standStill(boolean briefly) {
    machine.vcpus().pause(briefly);
    machine.eventLoop().ifPresent(EventLoop::quiesce);
  }

  private void goOn() {
    machine.eventLoop().ifPresent(EventLoop::resume);
    machine.vcpus().resume();
  }

  /** The guest's end, told from any thread, also while the machine is built; the first counts. */
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
            .formatted(action, name, state.name().toLowerCase(Locale.ROOT), ended));
  }
}
