package dev.torpor.benchmarks;

import com.sun.management.ThreadMXBean;
import dev.torpor.kvm.Cpuid;
import dev.torpor.kvm.Kvm;
import dev.torpor.kvm.MemorySlot;
import dev.torpor.kvm.VcpuFd;
import dev.torpor.kvm.VmFd;
import dev.torpor.vmm.boot.BootState;
import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.cpu.VcpuGroup;
import dev.torpor.vmm.cpu.VcpuRegisters;
import dev.torpor.vmm.device.Bus;
import dev.torpor.vmm.device.BusDevice;
import dev.torpor.vmm.device.Doorbell;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import java.lang.management.ManagementFactory;
import java.util.concurrent.Semaphore;

/**
 * A guest with one vCPU that writes to a device again and again, which notes when.
 *
 * <p>The vCPU is put together by hand, so that the device can be one that measures. For one thread.
 */
public final class ExitingGuest implements AutoCloseable {
  private static final long MEMORY_BYTES = 256L << 20;

  /** The argument of doorbell-echo that makes it write only. */
  private static final long WRITE_ONLY = 1;

  private final GuestMemory memory;
  private final Kvm kvm;
  private final VmFd vm;
  private final VcpuGroup vcpus;
  private final Clockwork clockwork = new Clockwork();

  /** The device: notes when it is written, until the round is full. */
  private static final class Clockwork implements BusDevice {
    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final Semaphore full = new Semaphore(0);
    private long[] samples = {};
    private int next;
    private long last;
    private long allocatedAtStart;
    private long allocatedBytes;

    @Override
    public long read(long offset, int byteCount) {
      return 0;
    }

    @Override
    public void write(long offset, int byteCount, long value) {
      if (next > samples.length) {
        return;
      }
      long now = System.nanoTime();
      if (next == 0) {
        allocatedAtStart = threads.getCurrentThreadAllocatedBytes();
        now = System.nanoTime();
      } else {
        samples[next - 1] = now - last;
      }
      last = now;
      if (next++ == samples.length) {
        allocatedBytes = threads.getCurrentThreadAllocatedBytes() - allocatedAtStart;
        full.release();
      }
    }

    /** Arms a round, while the vCPU is paused. */
    void arm(long[] toFill) {
      samples = toFill;
      next = 0;
    }
  }

  /** Makes the guest, which does not run yet. */
  public ExitingGuest() {
    kvm = Kvm.open();
    vm = kvm.createVm();
    memory = GuestMemory.allocate(MEMORY_BYTES, MemoryBacking.ANONYMOUS, true);
    vm.setMemorySlot(new MemorySlot(0, 0, 0, MEMORY_BYTES, memory.hva(0, MEMORY_BYTES)));
    Bus mmio = new Bus("MMIO");
    mmio.attach(Doorbell.GPA, Doorbell.BYTE_SIZE, clockwork);
    vcpus =
        new VcpuGroup(
            "exit-benchmark",
            new Bus("I/O port"),
            mmio,
            () -> {
              throw new AssertionError("a dirty ring is full, but there are none");
            },
            exit -> {
              throw new AssertionError("the guest ended: " + exit.describe());
            });
    VcpuFd vcpu = vm.createVcpu(0);
    vcpus.add(vcpu);
    vcpu.setCpuid(Cpuid.of(kvm.supportedCpuid().entries()));
    BootState boot = FlatGuest.named("doorbell-echo", 0, WRITE_ONLY).load(memory, 1);
    VcpuRegisters.load(vcpu, boot.entry(0).orElseThrow());
    vcpus.start();
  }

  /**
   * Lets the guest run for so many exits.
   *
   * @param samplesNanos filled with the nanoseconds from each exit to the next
   * @throws InterruptedException if the thread is interrupted; the guest is then of no more use
   */
  public void run(long[] samplesNanos) throws InterruptedException {
    clockwork.arm(samplesNanos);
    vcpus.resume();
    clockwork.full.acquire();
    vcpus.pause(false);
  }

  /**
   * What each exit of the last run allocated on Java's heap, on the vCPU's thread.
   *
   * @return bytes
   */
  public double allocatedBytesPerExit() {
    return (double) clockwork.allocatedBytes / clockwork.samples.length;
  }

  @Override
  public void close() {
    vcpus.close();
    vm.close();
    kvm.close();
    memory.close();
  }
}
