package dev.torpor.vmm.cpu;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Where the vCPU threads of one VM stop together and go on together.
 *
 * <pre>
 *              resume                    a kick, then the gate
 *   waiting --------------> in the guest ----------------------> waiting, or ended
 * </pre>
 *
 * <p>A thread comes here only after a kick has ended its KVM_RUN, so the run loop itself never
 * asks. {@link #resume} counts every thread as being in the guest before any of them wakes; each
 * counts itself out when it comes back. So a pause that follows at once waits for those too that
 * have not woken yet. Safe from every thread.
 */
final class VcpuGate {
  private enum Request {
    RUN,
    PAUSE,
    STOP
  }

  /** How often the pausing thread looks before it sleeps: some tens of microseconds. */
  private static final int SPINS = 2_000;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final List<Vcpu> members = new ArrayList<>();
  private Request request = Request.PAUSE;

  /** Threads that are, or are about to be, in the guest. Written under the lock. */
  private volatile int running;

  /** A vCPU joins, waiting. */
  void join(Vcpu vcpu) {
    lock.lock();
    try {
      members.add(vcpu);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits on the vCPU's thread while the VM is paused, doing what is asked of the vCPU meanwhile.
   *
   * @return true when the guest may run; false when the thread shall end
   */
  boolean await(Vcpu vcpu) {
    lock.lock();
    try {
      while (request == Request.PAUSE) {
        countOut(vcpu);
        if (vcpu.runTask()) {
          changed.signalAll();
        } else {
          changed.awaitUninterruptibly();
        }
      }
      return request == Request.RUN;
    } finally {
      lock.unlock();
    }
  }

  /** The thread ends. */
  void leave(Vcpu vcpu) {
    lock.lock();
    try {
      countOut(vcpu);
      members.remove(vcpu);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void countOut(Vcpu vcpu) {
    if (vcpu.inGuest) {
      vcpu.inGuest = false;
      int left = running - 1;
      running = left;
      if (left == 0) {
        changed.signalAll();
      }
    }
  }

  /** Lets the threads into the guest. */
  void resume() {
    lock.lock();
    try {
      if (request == Request.PAUSE) {
        request = Request.RUN;
        members.forEach(vcpu -> vcpu.inGuest = true);
        running = members.size();
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Asks the threads to wait, and kicks them. */
  void requestPause() {
    ask(Request.PAUSE);
  }

  /** Asks the threads to end, and kicks them. Cannot be taken back. */
  void requestStop() {
    ask(Request.STOP);
  }

  private void ask(Request wanted) {
    lock.lock();
    try {
      if (request != Request.STOP) {
        request = wanted;
      }
      members.forEach(Vcpu::kick);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Makes every thread leave the guest once and go back. */
  void kick() {
    lock.lock();
    try {
      members.forEach(Vcpu::kick);
    } finally {
      lock.unlock();
    }
  }

  /** Returns once no thread is in the guest. */
  void awaitQuiet() {
    for (int i = 0; i < SPINS; i++) {
      if (running == 0) {
        return;
      }
      Thread.onSpinWait();
    }
    lock.lock();
    try {
      while (running != 0) {
        changed.awaitUninterruptibly();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Hands a task to a waiting thread, and returns when it is done. */
  void runOn(Vcpu vcpu, Vcpu.Task task) {
    lock.lock();
    try {
      while (vcpu.task != null && members.contains(vcpu)) {
        changed.awaitUninterruptibly();
      }
      if (request == Request.PAUSE && running == 0 && members.contains(vcpu)) {
        vcpu.task = task;
        changed.signalAll();
      }
      while (vcpu.task == task && members.contains(vcpu)) {
        changed.awaitUninterruptibly();
      }
      if (!task.isDone()) {
        throw new IllegalStateException(
            "vCPU " + vcpu.id() + " is not paused: pause the VM to reach its registers");
      }
    } finally {
      lock.unlock();
    }
  }
}
