package dev.torpor.benchmarks;

import dev.torpor.linux.LinuxFile;
import dev.torpor.snapshot.Store;
import dev.torpor.vmm.boot.FlatBoot;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.vm.RestoreConfig;
import dev.torpor.vmm.vm.Vm;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;

/** A chain of checkpoints of a warm VM, the last of which is restored. */
public final class CheckpointChain implements AutoCloseable {
  private static final int PAGE_BYTES = 4096;

  /** How far apart the pages lie that one link of the chain after the other writes: a prime. */
  private static final long SPACING = 8191;

  private final ScratchStore scratch;
  private final UUID last;

  /**
   * Takes the checkpoints.
   *
   * @param folder where their store goes, until this is closed
   * @param memoryByteSize how much memory the VM has
   * @param depth how many, the full one included
   * @param pagesPerLink how many pages each has that its parent had otherwise
   * @throws InterruptedException if the thread is interrupted
   */
  public CheckpointChain(Path folder, long memoryByteSize, int depth, int pagesPerLink)
      throws InterruptedException {
    scratch = new ScratchStore(folder);
    try (Vm vm = WarmVm.create(scratch.store(), memoryByteSize)) {
      Checkpoint newest = vm.checkpoint("");
      for (int link = 1; link < depth; link++) {
        write(vm, link, pagesPerLink);
        newest = vm.checkpoint("");
      }
      last = newest.awaitDurable().uuid();
    }
  }

  private static void write(Vm vm, int link, int pages) {
    long first = FlatBoot.WORKSPACE_GPA / PAGE_BYTES;
    long room = vm.memory().pageCount() - first;
    for (long i = 0; i < pages; i++) {
      long page = first + (link * (long) pages + i) * SPACING % room;
      vm.memory().writeLong(page * PAGE_BYTES, link);
    }
  }

  /**
   * Makes a VM of the last checkpoint.
   *
   * @param config how
   * @return the VM, which the caller closes
   */
  public Vm restore(RestoreConfig config) {
    return restore(scratch.store(), config);
  }

  /**
   * Makes a VM of the last checkpoint, with a store that was opened for it.
   *
   * @param store another one of the same folder
   * @param config how
   * @return the VM, which the caller closes before the store
   */
  public Vm restore(Store store, RestoreConfig config) {
    return Vm.restore(store, last, config);
  }

  /**
   * Opens the store anew, which then remembers nothing of what it has read before.
   *
   * @return the store, which the caller closes
   */
  public Store reopen() {
    return Store.open(scratch.store().directory());
  }

  /**
   * Has the kernel forget the contents of the store's files. Those of which a VM has a mapping
   * stay.
   *
   * @throws UncheckedIOException if the folder cannot be read
   */
  public void dropFromPageCache() {
    try (Stream<Path> files = Files.walk(scratch.folder())) {
      List<Path> regular = files.filter(Files::isRegularFile).toList();
      regular.forEach(CheckpointChain::dropFromPageCache);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + scratch.folder(), e);
    }
  }

  private static void dropFromPageCache(Path path) {
    try (LinuxFile file = LinuxFile.open(path, LinuxFile.O_RDONLY)) {
      file.dropFromPageCache();
    }
  }

  @Override
  public void close() {
    scratch.close();
  }
}
