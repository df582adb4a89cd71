package dev.torpor.vmm.cpu;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/**
 * Where the vCPU threads of one VM stop together and go on together.
 *
 * <pre>
 *              resume                    a kick, then the gate
 *   waiting --------------> in the guest ----------------------> waiting, or ended
 *     | ^
 *     +-+ a task
 * </pre>
 *
 * <p>A thread comes here only after a kick has ended its KVM_RUN, so the run loop itself never
 * asks. {@link #resume} counts every thread as being in the guest before any of them wakes; each
 * counts itself out when it comes back. So a pause that follows at once waits for those too that
 * have not woken yet.
 *
 * <p>Waking a thread from sleep costs some 50 µs, more than all that a pause should do. So whoever
 * waits here looks for a while before it sleeps, at volatile fields that the other side changes
 * without the lock; the lock is for going to sleep and for waking sleepers. Whoever changes a field
 * looks for sleepers afterwards, and a sleeper is counted before it looks at the field: one of the
 * two sees the other. In a long pause the vCPU threads sleep at once. Safe from every thread.
 */
final class VcpuGate {
  private enum Request {
    RUN,
    PAUSE,
    STOP
  }

  /** How long a thread looks before it sleeps: as long as a kick takes and a vCPU's capture. */
  private static final long SPIN_NANOS = 200_000;

  private static final int LOOKS_PER_READING_OF_THE_CLOCK = 64;
  private static final int PROCESSORS = Runtime.getRuntime().availableProcessors();

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final AtomicInteger sleepers = new AtomicInteger();
  private final List<Vcpu> members = new CopyOnWriteArrayList<>();

  /** Threads that are, or are about to be, in the guest. */
  private final AtomicInteger running = new AtomicInteger();

  /** Written under the lock, as the next. */
  private volatile Request request = Request.PAUSE;

  /** Whether the threads look for a while before they sleep; at first too, until the start. */
  private volatile boolean brief = true;

  /** What the threads do once they are out, for who asks for it; under the lock, as the next. */
  private VcpuTask early;

  private List<Vcpu.Task> earlyTasks = List.of();

  /** A vCPU joins, whose thread is about to come. */
  void join(Vcpu vcpu) {
    members.add(vcpu);
  }

  /**
   * Waits on the vCPU's thread while the VM is paused, doing what is asked of the vCPU meanwhile.
   *
   * @return true when the guest may run; false when the thread shall end
   */
  boolean await(Vcpu vcpu) {
    while (true) {
      // Before the request: who is counted in by a resume, and then finds a pause, finds a later
      // one. The other way round it could be the one that the resume has ended.
      boolean countedIn = vcpu.inGuest;
      // Once: when it is looked at again, the next pause may have come, and that is no end.
      Request wanted = request;
      if (wanted != Request.PAUSE) {
        return wanted == Request.RUN;
      }
      if (countedIn) {
        countOut(vcpu);
      } else if (vcpu.runTask()) {
        wakeSleepers();
      } else {
        awaitChange(() -> request != Request.PAUSE || vcpu.inGuest || vcpu.hasTask(), brief);
      }
    }
  }

  /** The thread ends. */
  void leave(Vcpu vcpu) {
    lock.lock();
    try {
      members.remove(vcpu);
      vcpu.dropTask();
    } finally {
      lock.unlock();
    }
    countOut(vcpu);
    wakeSleepers();
  }

  private void countOut(Vcpu vcpu) {
    if (vcpu.inGuest) {
      vcpu.inGuest = false;
      if (running.decrementAndGet() == 0) {
        wakeSleepers();
      }
    }
  }

  /** Lets the threads into the guest. Who still waits for a task to begin waits in vain. */
  void resume() {
    lock.lock();
    try {
      if (request == Request.PAUSE) {
        // First: a thread that finds itself counted in, but not resumed, counts itself out.
        request = Request.RUN;
        for (Vcpu vcpu : members) {
          vcpu.dropTask();
          vcpu.inGuest = true;
          running.incrementAndGet();
        }
        early = null;
        earlyTasks = List.of();
      }
    } finally {
      lock.unlock();
    }
    wakeSleepers();
  }

  /** Asks the threads to wait, and kicks them. */
  void requestPause(boolean willBeBrief) {
    ask(Request.PAUSE, willBeBrief);
  }

  /** Asks the threads to end, and kicks them. Cannot be taken back. */
  void requestStop() {
    ask(Request.STOP, false);
  }

  private void ask(Request wanted, boolean willBeBrief) {
    lock.lock();
    try {
      if (request != Request.STOP) {
        brief = willBeBrief;
        request = wanted;
      }
      members.forEach(Vcpu::kick);
    } finally {
      lock.unlock();
    }
    wakeSleepers();
  }

  /**
   * Hands over what each thread does as soon as it is out, in the pause that follows. If one is
   * still at something that it was handed before, nobody gets it early.
   */
  void prepare(VcpuTask action) {
    lock.lock();
    try {
      List<Vcpu.Task> tasks = new ArrayList<>(members.size());
      for (Vcpu vcpu : members) {
        Vcpu.Task task = new Vcpu.Task(vcpu, action);
        if (request != Request.RUN || vcpu.offer(task) != null) {
          tasks.forEach(Vcpu.Task::cancel);
          return;
        }
        tasks.add(task);
      }
      early = action;
      earlyTasks = tasks;
    } finally {
      lock.unlock();
    }
  }

  /** Makes every thread leave the guest once and go back. */
  void kick() {
    members.forEach(Vcpu::kick);
  }

  /** Returns once no thread is in the guest. */
  void awaitQuiet() {
    awaitChange(() -> running.get() == 0, true);
  }

  /**
   * Hands a task to waiting threads, unless they got it early, and returns when all have done it.
   *
   * @param meanwhile what the calling thread does in the meantime
   * @throws IllegalStateException if a vCPU is not paused, or is resumed before it has begun
   */
  void runOn(List<Vcpu> vcpus, VcpuTask action, Runnable meanwhile) {
    List<Vcpu.Task> handed = takeEarly(action);
    if (handed.size() != vcpus.size()) {
      handed = new ArrayList<>(vcpus.size()); // no stream: the guest waits
      for (Vcpu vcpu : vcpus) {
        handed.add(handOver(vcpu, action));
      }
    }
    try {
      meanwhile.run();
    } finally {
      handed.forEach(this::awaitEnd);
    }
    handed.forEach(Vcpu.Task::rethrow);
  }

  private List<Vcpu.Task> takeEarly(VcpuTask action) {
    lock.lock();
    try {
      if (early != action) {
        return List.of();
      }
      List<Vcpu.Task> tasks = earlyTasks;
      early = null;
      earlyTasks = List.of();
      return tasks;
    } finally {
      lock.unlock();
    }
  }

  private void awaitEnd(Vcpu.Task task) {
    awaitChange(task::isOver, true);
  }

  private Vcpu.Task handOver(Vcpu vcpu, VcpuTask action) {
    Vcpu.Task task = new Vcpu.Task(vcpu, action);
    Vcpu.Task earlier;
    while ((earlier = offer(vcpu, task)) != null) {
      awaitEnd(earlier);
    }
    wakeSleepers();
    return task;
  }

  /** Hands the task over, or cancels it; or returns the one that is still to end before. */
  private Vcpu.Task offer(Vcpu vcpu, Vcpu.Task task) {
    lock.lock();
    try {
      if (request != Request.PAUSE || running.get() != 0 || !members.contains(vcpu)) {
        task.cancel();
        return null;
      }
      return vcpu.offer(task);
    } finally {
      lock.unlock();
    }
  }

  private void wakeSleepers() {
    if (sleepers.get() != 0) {
      lock.lock();
      try {
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  /** Looks for a while if it is told to, and then sleeps until what it waits for has come. */
  private void awaitChange(BooleanSupplier hasCome, boolean looksFirst) {
    if (looksFirst && spin(hasCome)) {
      return;
    }
    sleepers.incrementAndGet();
    lock.lock();
    try {
      while (!hasCome.getAsBoolean()) {
        changed.awaitUninterruptibly();
      }
    } finally {
      lock.unlock();
      sleepers.decrementAndGet();
    }
  }

  /** Never by yielding: on a busy host that gives the processor to strangers, for milliseconds. */
  private boolean spin(BooleanSupplier hasCome) {
    if (members.size() >= PROCESSORS) {
      return false; // the thread that is waited for may need this processor
    }
    long start = System.nanoTime();
    do {
      for (int i = 0; i < LOOKS_PER_READING_OF_THE_CLOCK; i++) {
        if (hasCome.getAsBoolean()) {
          return true;
        }
        Thread.onSpinWait();
      }
    } while (System.nanoTime() - start < SPIN_NANOS);
    return false;
  }
}
