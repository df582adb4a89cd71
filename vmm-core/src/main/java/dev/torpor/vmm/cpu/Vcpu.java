package dev.torpor.vmm.cpu;

import dev.torpor.kvm.ExitReason;
import dev.torpor.kvm.Register;
import dev.torpor.kvm.Regs;
import dev.torpor.kvm.VcpuFd;
import dev.torpor.kvm.VcpuRun;
import dev.torpor.linux.ThreadSignal;
import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.device.Bus;
import dev.torpor.vmm.thread.Relayed;
import dev.torpor.vmm.thread.Worker;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A virtual CPU and the platform thread that runs it.
 *
 * <p>The thread stays in KVM_RUN, answers what the guest asks of devices, and allocates nothing on
 * that path. To pause, somebody sets the {@link VcpuGate} and {@linkplain #kick kicks}: KVM_RUN
 * first completes a device access that was under way and then returns EINTR, so a paused vCPU is
 * never in the middle of one.
 */
public final class Vcpu implements AutoCloseable {
  private static final int SYSTEM_EVENT_SHUTDOWN = 1;
  private static final int SYSTEM_EVENT_RESET = 2;
  private static final int SUBERROR_EMULATION = 1;

  private final int id;
  private final VcpuFd fd;
  private final VcpuRun run;
  private final Bus ports;
  private final Bus mmio;
  private final VcpuGate gate;
  private final Runnable dirtyRingFull;
  private final Consumer<VmExit> exits;
  private final String threadName;

  /** Null until it is started. */
  private Worker worker;

  /** The thread's kernel id; 0 until it is there, and has yet to look at the gate. */
  private volatile int threadId;

  /** Counted by the gate as being in the guest: set by whoever resumes, cleared by the thread. */
  volatile boolean inGuest;

  /** What the gate has handed over. Put under the gate's lock, taken away by the thread. */
  private final AtomicReference<Task> task = new AtomicReference<>();

  /** Something to be done on a paused vCPU's thread. */
  static final class Task {
    private enum Stage {
      HANDED_OVER,
      BEGUN,
      DONE,
      CANCELLED
    }

    private final Vcpu vcpu;
    private final VcpuTask action;
    private final AtomicReference<Stage> stage = new AtomicReference<>(Stage.HANDED_OVER);
    private Throwable failure;

    Task(Vcpu vcpu, VcpuTask action) {
      this.vcpu = vcpu;
      this.action = action;
    }

    boolean isOver() {
      Stage now = stage.get();
      return now == Stage.DONE || now == Stage.CANCELLED;
    }

    /** Ends it before it has begun; does nothing to one that has. */
    void cancel() {
      stage.compareAndSet(Stage.HANDED_OVER, Stage.CANCELLED);
    }

    private void run() {
      if (!stage.compareAndSet(Stage.HANDED_OVER, Stage.BEGUN)) {
        return;
      }
      try {
        action.run(vcpu.id, vcpu.fd);
      } catch (RuntimeException | Error e) {
        failure = e;
      }
      stage.set(Stage.DONE);
    }

    /** Once it is over: fails as it failed. */
    void rethrow() {
      if (stage.get() == Stage.CANCELLED) {
        throw new IllegalStateException(
            "vCPU " + vcpu.id + " is not paused: pause the VM to reach its registers");
      }
      if (failure != null) {
        throw Relayed.unchecked(failure);
      }
    }
  }

  /**
   * Takes over a vCPU whose registers are set.
   *
   * @param id its number
   * @param fd its descriptor, closed with this object
   * @param ports the devices at I/O ports
   * @param mmio the devices at guest physical addresses
   * @param group the vCPUs that are paused together
   * @param dirtyRingFull makes room in the vCPU's dirty ring, on its thread
   * @param exits told, on the vCPU's thread, why the guest cannot go on
   * @param name the thread's name
   */
  Vcpu(
      int id,
      VcpuFd fd,
      Bus ports,
      Bus mmio,
      VcpuGate group,
      Runnable dirtyRingFull,
      Consumer<VmExit> exits,
      String name) {
    this.id = id;
    this.fd = fd;
    this.run = fd.shared();
    this.ports = ports;
    this.mmio = mmio;
    this.gate = group;
    this.dirtyRingFull = dirtyRingFull;
    this.exits = exits;
    this.threadName = name;
  }

  /**
   * Its number.
   *
   * @return the number, that of its local APIC too
   */
  public int id() {
    return id;
  }

  /** Starts the thread, which comes to the gate in its own time. */
  void start() {
    gate.join(this);
    try {
      worker = Worker.start(threadName, this::loop);
    } catch (OutOfMemoryError e) {
      gate.leave(this);
      throw e;
    }
  }

  /**
   * Makes the vCPU leave the guest once. A thread that is not there yet looks at the gate before it
   * enters the guest. Called by the gate, while the vCPU belongs to it.
   */
  void kick() {
    int id = threadId;
    if (id != 0) {
      ThreadSignal.sendTo(id);
    }
  }

  /**
   * Does something with the vCPU, on its own thread, while the VM is paused.
   *
   * @param action given the vCPU's descriptor, which it must not keep
   * @param <T> what the action returns
   * @return what the action returned
   * @throws IllegalStateException if the VM is not paused
   */
  public <T> T whilePaused(Function<VcpuFd, T> action) {
    Object[] result = new Object[1];
    VcpuTask only = (number, descriptor) -> result[0] = action.apply(descriptor);
    gate.runOn(List.of(this), only, () -> {});
    @SuppressWarnings("unchecked") // what the action returned
    T value = (T) result[0];
    return value;
  }

  /** Whether its thread was started. Until then anybody may make its requests. */
  boolean isStarted() {
    return worker != null;
  }

  /** Does something on the calling thread. Before {@link #start}. */
  void runHere(VcpuTask action) {
    action.run(id, fd);
  }

  boolean hasTask() {
    return task.get() != null;
  }

  /** Puts a task in its place; or returns the one that is there and not over. */
  Task offer(Task next) {
    Task earlier = task.get();
    if (earlier != null && !earlier.isOver()) {
      return earlier;
    }
    task.set(next);
    return null;
  }

  /** Does what was handed over, on the vCPU's thread; returns whether there was anything. */
  boolean runTask() {
    Task pending = task.get();
    if (pending == null) {
      return false;
    }
    pending.run();
    task.compareAndSet(pending, null);
    return true;
  }

  /** Gives up what was handed over, unless it has begun. */
  void dropTask() {
    Task pending = task.get();
    if (pending != null) {
      pending.cancel();
    }
  }

  private void loop() {
    try {
      fd.setSignalMask(ThreadSignal.blockInThisThread() & ~ThreadSignal.MASK_BIT);
      threadId = ThreadSignal.currentThreadId();
      while (gate.await(this)) {
        runUntilKicked();
      }
    } catch (RuntimeException | Error e) {
      exits.accept(new VmExit.Failed(e));
    } finally {
      gate.leave(this);
    }
  }

  private void runUntilKicked() {
    while (fd.run()) {
      handleExit();
    }
    ThreadSignal.dequeue();
  }

  private void handleExit() {
    switch (run.exitReason()) {
      case ExitReason.MMIO -> handleMmio();
      case ExitReason.IO -> handlePortIo();
      case ExitReason.INTR, ExitReason.IRQ_WINDOW_OPEN -> {}
      case ExitReason.DIRTY_RING_FULL -> dirtyRingFull.run();
      case ExitReason.SYSTEM_EVENT -> end(systemEvent());
      // Without its address: AMD processors have reset the vCPU by now.
      case ExitReason.SHUTDOWN -> end(new VmExit.Crashed(id, "triple fault"));
      case ExitReason.HLT ->
          end(crash("halted for good: this VM has no interrupt controller to wake it"));
      case ExitReason.FAIL_ENTRY ->
          end(
              crash(
                  "the processor refused to enter the guest, reason 0x%x"
                      .formatted(run.failEntryReason())));
      case ExitReason.INTERNAL_ERROR -> end(crash(internalError()));
      default -> end(crash("KVM exit reason " + run.exitReason() + ", which no device handles"));
    }
  }

  private void handleMmio() {
    long gpa = run.mmioAddress();
    int byteCount = run.mmioByteCount();
    if (run.mmioIsWrite()) {
      mmio.write(gpa, byteCount, run.mmioValue());
    } else {
      run.setMmioValue(mmio.read(gpa, byteCount));
    }
  }

  private void handlePortIo() {
    int port = run.ioPort();
    int byteCount = run.ioByteCount();
    int count = run.ioCount();
    boolean isWrite = run.ioIsWrite();
    for (int i = 0; i < count; i++) {
      if (isWrite) {
        ports.write(port, byteCount, run.ioValue(i));
      } else {
        run.setIoValue(i, ports.read(port, byteCount));
      }
    }
  }

  /** Tells the VM, which then kicks this vCPU too: the next KVM_RUN returns at once. */
  private void end(VmExit exit) {
    exits.accept(exit);
  }

  private VmExit systemEvent() {
    int type = run.systemEventType();
    return switch (type) {
      case SYSTEM_EVENT_SHUTDOWN -> new VmExit.PoweredOff();
      case SYSTEM_EVENT_RESET -> new VmExit.Reset();
      default -> crash("the guest reported a crash, system event " + type);
    };
  }

  private String internalError() {
    int suberror = run.internalSuberror();
    StringBuilder text = new StringBuilder();
    text.append(
        suberror == SUBERROR_EMULATION
            ? "KVM cannot emulate an instruction"
            : "KVM internal error " + suberror);
    for (long word : run.internalData()) {
      text.append(" 0x").append(Long.toHexString(word));
    }
    return text.toString();
  }

  private VmExit crash(String reason) {
    Regs regs = new Regs();
    fd.getRegs(regs);
    return new VmExit.Crashed(id, "%s, at rip=0x%x".formatted(reason, regs.get(Register.RIP)));
  }

  /** Waits for a limited time until its thread has ended; returns whether it has. */
  boolean endsWithin(long nanos) {
    return worker == null || worker.isCurrent() || worker.joinBefore(nanos);
  }

  /** Waits for the thread, unless it is the caller's own. */
  void join() {
    if (worker != null && !worker.isCurrent()) {
      worker.join();
    }
  }

  /** Closes the descriptor. The thread must have ended, or never have been started. */
  @Override
  public void close() {
    fd.close();
  }
}
