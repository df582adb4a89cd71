package dev.torpor.benchmarks;

import dev.torpor.snapshot.Store;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.checkpoint.CheckpointListener;
import dev.torpor.vmm.vm.Vm;
import dev.torpor.vmm.vm.VmConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * A VM whose guest writes to the same pages again and again, never leaves by itself, and goes on
 * while checkpoints are taken of it. For one thread.
 */
public final class WritingVm implements AutoCloseable {
  private final Scatter scatter;
  private final ScratchStore scratch;
  private final Vm vm;
  private final List<UUID> taken = new ArrayList<>();

  /**
   * What is written, and where.
   *
   * @param memoryByteSize how much memory the guest has
   * @param scatter which pages it writes, with how many vCPUs
   * @param hugePages whether the host may serve its memory in pages of 2 MiB
   */
  public record Shape(long memoryByteSize, Scatter scatter, boolean hugePages) {
    /**
     * Pages spread over all of the memory, written by one vCPU, in huge pages where the host can.
     *
     * @param memoryByteSize how much memory the guest has
     * @param pages how many it writes
     * @return the shape
     */
    public static Shape of(long memoryByteSize, long pages) {
      return new Shape(memoryByteSize, Scatter.allOver(memoryByteSize, pages), true);
    }

    private VmConfig config(Store store, CheckpointListener listener) {
      return VmConfig.boot(scatter.guest())
          .name("writer")
          .memory(memoryByteSize)
          .vcpus(scatter.vcpus())
          .transparentHugePages(hugePages)
          .store(store)
          .checkpointListener(listener)
          .build();
    }
  }

  /**
   * Starts the guest, which has written to every page when this returns.
   *
   * @param folder where its store goes, until this is closed
   * @param shape what it writes
   * @param listener is told of its checkpoints
   */
  public WritingVm(Path folder, Shape shape, CheckpointListener listener) {
    scatter = shape.scatter();
    scratch = new ScratchStore(folder);
    vm = Vm.create(shape.config(scratch.store(), listener));
    vm.start();
    scatter.awaitEndOf(vm.memory(), 1);
  }

  /**
   * The machine.
   *
   * @return the same each time; closed with this
   */
  public Vm vm() {
    return vm;
  }

  /**
   * Where its checkpoints go.
   *
   * @return the store; closed with this
   */
  public Store store() {
    return scratch.store();
  }

  /**
   * How often every page was written since the beginning.
   *
   * @return passes
   */
  public long passes() {
    return scatter.lastPass(vm.memory());
  }

  /** Waits until the guest has written to every page after this was called. */
  public void awaitAllDirty() {
    scatter.awaitAllWritten(vm.memory());
  }

  /**
   * Takes a checkpoint.
   *
   * @return the checkpoint, on its way to the store
   * @throws InterruptedException if the thread is interrupted
   */
  public Checkpoint checkpoint() throws InterruptedException {
    Checkpoint checkpoint = vm.checkpoint("");
    taken.add(checkpoint.uuid());
    return checkpoint;
  }

  /**
   * Checks that a checkpoint has all pages that the guest writes.
   *
   * @param checkpoint one that was taken when all of them were dirty
   * @throws IllegalStateException if it has not
   */
  public void requireAllPages(Checkpoint checkpoint) {
    if (checkpoint.dirtyPages() < scatter.pages()) {
      throw new IllegalStateException(
          "a checkpoint of %d pages, of which the guest wrote %d"
              .formatted(checkpoint.dirtyPages(), scatter.pages()));
    }
  }

  /**
   * Removes its oldest checkpoints from the store, all of which are durable.
   *
   * @param kept how many of the newest stay
   */
  public void removeAllBut(int kept) {
    while (taken.size() > kept) {
      scratch.store().remove(taken.removeFirst());
    }
  }

  @Override
  public void close() {
    vm.close();
    scratch.close();
  }
}
