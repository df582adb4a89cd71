package dev.torpor.benchmarks.cost;

import dev.torpor.benchmarks.ChildJvm;
import dev.torpor.benchmarks.PrivateMemory;
import dev.torpor.benchmarks.ScratchStore;
import dev.torpor.benchmarks.WarmVm;
import dev.torpor.benchmarks.report.Note;
import dev.torpor.vmm.vm.RestoreConfig;
import dev.torpor.vmm.vm.Vm;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How much memory the VMM has resident beside that of its guests: with one guest of 256 MiB, and
 * with forks of it that could run, and have run to their first exit.
 *
 * <p>Each number of forks has a JVM of its own: where others have lived, new ones take what those
 * gave back, and seem to need nothing.
 */
public final class ForksInMemory {
  private static final long MEMORY_BYTES = 256L << 20;
  private static final double MIB = 1 << 20;
  private static final double KIB = 1 << 10;
  private static final String SEPARATOR = "\t";

  private ForksInMemory() {}

  static Outcome measure(Path folder, List<Integer> counts)
      throws IOException, InterruptedException {
    List<Note> notes = new ArrayList<>();
    for (int count : counts) {
      String printed =
          ChildJvm.run(
              List.of("-XX:+UseSerialGC"),
              ForksInMemory.class,
              List.of(folder.toString(), Integer.toString(count)));
      printed.lines().map(ForksInMemory::parse).forEach(notes::add);
    }
    return new Outcome(List.of(), notes);
  }

  private static Note parse(String line) {
    String[] fields = line.split(SEPARATOR, -1);
    return new Note(fields[0], Double.parseDouble(fields[1]), fields[2]);
  }

  /**
   * Weighs in a JVM where nothing else has lived, and prints a line for each note.
   *
   * @param arguments the folder for the store, and how many forks, 0 for none
   * @throws InterruptedException if the thread is interrupted
   */
  public static void main(String[] arguments) throws InterruptedException {
    int count = Integer.parseInt(arguments[1]);
    try (ScratchStore scratch = new ScratchStore(Path.of(arguments[0]));
        Vm parent = WarmVm.create(scratch.store(), MEMORY_BYTES)) {
      parent.checkpoint("").awaitDurable();
      parent.fork("first").close(); // what is made once is not of one child
      List<Note> notes = count == 0 ? List.of(alone(parent)) : forks(parent, count);
      notes.forEach(
          note ->
              System.out.println(
                  String.join(SEPARATOR, note.name(), Double.toString(note.value()), note.unit())));
    }
  }

  private static Note alone(Vm parent) throws InterruptedException {
    return new Note("resident beside the guest, no forks", resident(List.of(parent)) / MIB, "MiB");
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
