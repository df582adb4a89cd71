package dev.torpor.benchmarks.cost;

import dev.torpor.benchmarks.PrivateMemory;
import dev.torpor.benchmarks.ScratchStore;
import dev.torpor.benchmarks.WarmVm;
import dev.torpor.benchmarks.report.Note;
import dev.torpor.vmm.vm.RestoreConfig;
import dev.torpor.vmm.vm.Vm;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How much memory the VMM has resident beside that of its guests: with one guest of 256 MiB, and
 * with forks of it that could run, and have run to their first exit.
 */
final class ForksInMemory {
  private static final long MEMORY_BYTES = 256L << 20;

  private static final double MIB = 1 << 20;
  private static final double KIB = 1 << 10;

  private ForksInMemory() {}

  static Outcome measure(Path folder, List<Integer> counts) throws InterruptedException {
    try (ScratchStore scratch = new ScratchStore(folder);
        Vm parent = WarmVm.create(scratch.store(), MEMORY_BYTES)) {
      parent.checkpoint("").awaitDurable();
      parent.fork("first").close(); // what is made once is not of one child
      List<Note> notes = new ArrayList<>();
      notes.add(
          new Note("resident beside the guest, no forks", resident(List.of(parent)) / MIB, "MiB"));
      for (int count : counts) {
        notes.addAll(forks(parent, count));
      }
      return new Outcome(List.of(), notes);
    }
  }

  private static List<Note> forks(Vm parent, int count) throws InterruptedException {
    long before = PrivateMemory.bytesInUse();
    List<Vm> children =
        parent.fork(
            IntStream.range(0, count)
                .mapToObj(child -> RestoreConfig.named("child-" + child).build())
                .toList());
    long ready = PrivateMemory.bytesInUse();
    children.forEach(ForksInMemory::runToFirstExit);
    long run = PrivateMemory.bytesInUse();
    List<Vm> all = new ArrayList<>(children);
    all.add(parent);
    String name = count + (count == 1 ? " fork: " : " forks: ");
    List<Note> notes =
        List.of(
            new Note(name + "resident beside the guests", resident(all) / MIB, "MiB"),
            new Note(name + "each has for itself", (ready - before) / KIB / count, "KiB"),
            new Note(name + "each, once it has run", (run - before) / KIB / count, "KiB"));
    children.forEach(Vm::close);
    return notes;
  }

  private static void runToFirstExit(Vm child) {
    WarmVm.runToFirstExit(child);
    child.pause();
  }

  private static double resident(List<Vm> vms) throws InterruptedException {
    PrivateMemory.bytesInUse(); // has given back what nobody uses
    return OwnMemory.residentBytes(
        vms.stream().flatMap(vm -> OwnMemory.of(vm.memory()).stream()).toList());
  }
}
