package dev.torpor.vmm.vm;

import dev.torpor.snapshot.CheckpointHold;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.Store;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.checkpoint.CheckpointException;
import dev.torpor.vmm.checkpoint.CheckpointStage;
import dev.torpor.vmm.checkpoint.MemorySource;
import dev.torpor.vmm.memory.TrackerKind;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CancellationException;

/**
 * Machines, their checkpoints in one store, and a model of each: random operations on them, each
 * followed by a comparison.
 */
final class FidelityWorld implements AutoCloseable {
  /** What is done, and how often compared with the others. */
  enum Operation {
    RUN(14),
    SCRIBBLE(8),
    USE_DISK(10),
    CHECKPOINT(20),
    CHECKPOINT_RUNNING(8),
    CANCEL(6),
    RESTORE(9),
    FORK(6),
    REVERT(12),
    REVERT_RUNNING(3),
    REMOVE(4);

    private final int weight;

    Operation(int weight) {
      this.weight = weight;
    }

    static Operation random(Random random) {
      int left = random.nextInt(List.of(values()).stream().mapToInt(o -> o.weight).sum());
      for (Operation operation : values()) {
        left -= operation.weight;
        if (left < 0) {
          return operation;
        }
      }
      throw new AssertionError();
    }
  }

  /** A checkpoint and what it should hold. */
  private static final class Taken {
    final UUID uuid;
    final int depth;

    /** Null while it is on its way, and for one that is found in the store. */
    Checkpoint pending;

    /** Null while nobody knows: the guest ran when it was taken. */
    FidelityInstant instant;

    /** The disk is known all the same. */
    final byte[] disk;

    Taken(Checkpoint pending, int depth, FidelityInstant instant, byte[] disk) {
      this.uuid = pending.uuid();
      this.pending = pending;
      this.depth = depth;
      this.instant = instant;
      this.disk = disk;
    }
  }

  private static final int MAX_MACHINES = 3;

  /** More are removed: each keeps pages of its model. */
  private static final int MAX_TAKEN = 130;

  private static final int DISK_BYTES = (300 << 10) + 512;
  private static final int MAX_UNDURABLE = 3;

  final Map<Operation, Integer> counts = new EnumMap<>(Operation.class);
  int deepest;
  private final FidelitySetup setup;
  private final Random random;
  private final Store store;
  private final List<FidelityMachine> machines = new ArrayList<>();
  private final List<Taken> taken = new ArrayList<>();
  private int nameCount;

  FidelityWorld(Path folder, FidelitySetup setup, Random random) throws IOException {
    this.setup = setup;
    this.random = random;
    Path base = folder.resolve("base.raw");
    byte[] disk = new byte[DISK_BYTES];
    random.nextBytes(disk);
    Files.write(base, disk);
    store = Store.open(folder.resolve("store"));
    VmConfig config =
        VmConfig.boot(setup.flatGuest())
            .name("root")
            .memory(setup.byteSize())
            .memoryBacking(setup.backing())
            .transparentHugePages(setup.hugePages())
            .vcpus(setup.vcpuCount())
            .dirtyTracker(setup.tracker())
            .disk(base, false)
            .pauseBudget(budget())
            .store(store)
            .build();
    machines.add(FidelityMachine.created(Vm.create(config), setup, random, disk));
  }

  /** Takes checkpoints one after the other, so that there is a long chain. */
  void growChain(int count) throws InterruptedException {
    FidelityMachine machine = machines.getFirst();
    for (int i = 0; i < count; i++) {
      machine.run();
      machine.scribbleMemory();
      take(machine);
      count(Operation.CHECKPOINT);
    }
  }

  /** Does something, and compares. */
  void step() throws InterruptedException {
    Operation operation = Operation.random(random);
    FidelityMachine machine = machines.get(random.nextInt(machines.size()));
    try {
      perform(operation, machine);
      for (FidelityMachine one : machines) {
        one.requireAlive();
      }
    } catch (RuntimeException | AssertionError e) {
      throw new AssertionError(
          "%s of %s (%s): %s".formatted(operation, machine.vm.name(), setup, e.getMessage()), e);
    }
    count(operation);
    while (taken.size() > MAX_TAKEN) {
      remove(taken.get(random.nextInt(taken.size() / 2)));
    }
  }

  private void count(Operation operation) {
    counts.merge(operation, 1, Integer::sum);
  }

  private void perform(Operation operation, FidelityMachine machine) throws InterruptedException {
    switch (operation) {
      case RUN -> machine.run();
      case SCRIBBLE -> {
        machine.scribbleMemory();
        machine.scribbleRegisters();
      }
      case USE_DISK -> machine.useDisk();
      case CHECKPOINT -> takeStanding(machine);
      case CHECKPOINT_RUNNING -> takeRunning(machine);
      case CANCEL -> cancel(machine);
      case RESTORE -> restore();
      case FORK -> fork(machine);
      case REVERT -> revert(machine);
      case REVERT_RUNNING -> revertRunning(machine);
      case REMOVE -> {
        if (taken.size() > 2) {
          remove(taken.get(random.nextInt(taken.size())));
        }
      }
    }
  }

  private Taken take(FidelityMachine machine) throws InterruptedException {
    Checkpoint checkpoint = machine.vm.checkpoint("c" + taken.size());
    return add(machine, new Taken(checkpoint, machine.depth + 1, machine.now(), machine.disk()));
  }

  private Taken add(FidelityMachine machine, Taken one) {
    taken.add(one);
    machine.depth = one.depth;
    deepest = Math.max(deepest, one.depth);
    return one;
  }

  private void takeStanding(FidelityMachine machine) throws InterruptedException {
    Taken one = take(machine);
    machine.requireAsModelled("after a checkpoint");
    if (random.nextInt(MAX_UNDURABLE) == 0) {
      settle(one);
      requireStored(one);
    }
  }

  private void takeRunning(FidelityMachine machine) throws InterruptedException {
    List<Taken> several = new ArrayList<>();
    machine.go();
    for (int i = random.nextInt(1, MAX_UNDURABLE); i > 0; i--) {
      Thread.sleep(0, random.nextInt(999_999));
      Checkpoint checkpoint = machine.vm.checkpoint("running");
      byte[] disk = machine.disk().clone();
      several.add(add(machine, new Taken(checkpoint, machine.depth + 1, null, disk)));
    }
    machine.halt();
    if (random.nextBoolean()) {
      learn(several.get(random.nextInt(several.size())));
    }
  }

  /** Whatever the stage it meets: what it held is in the next one. */
  private void cancel(FidelityMachine machine) throws InterruptedException {
    boolean running = random.nextBoolean();
    if (running) {
      machine.go();
    }
    FidelityInstant instant = running ? null : machine.now();
    byte[] disk = machine.disk().clone();
    Checkpoint checkpoint = machine.vm.checkpoint("cancelled");
    Taken one = new Taken(checkpoint, machine.depth + 1, instant, disk);
    if (random.nextInt(4) == 0) {
      Thread.sleep(0, random.nextInt(999_999));
    }
    checkpoint.cancel();
    try {
      checkpoint.awaitDurable();
      add(machine, one);
    } catch (CheckpointException e) {
      if (!(checkpoint.failure().orElseThrow() instanceof CancellationException)) {
        throw e;
      }
    }
    if (running) {
      machine.halt();
    }
  }

  private void restore() throws InterruptedException {
    Taken from = any();
    if (from == null) {
      return;
    }
    FidelityInstant instant = learn(from);
    MemorySource source = anySource();
    Vm vm = restored(from, source, random.nextInt(4) == 0);
    FidelityMachine machine = FidelityMachine.at(vm, setup, random, instant);
    machine.depth = from.depth;
    adopt(machine);
    if (source == MemorySource.PAGED && random.nextBoolean()) {
      machine.requireAtButMemory(instant, "after a restore");
    } else {
      machine.requireAt(instant, "after a restore, " + source);
    }
  }

  private void adopt(FidelityMachine machine) {
    if (machines.size() == MAX_MACHINES) {
      machines.remove(random.nextInt(MAX_MACHINES)).close();
    }
    machines.add(machine);
  }

  private MemorySource anySource() {
    return random.nextBoolean() ? MemorySource.PAGED : MemorySource.BEST;
  }

  private Vm restored(Taken from, MemorySource source, boolean fill) {
    return Vm.restore(store, from.uuid, config(source, fill));
  }

  /** With next to none, pages are copied behind the guest's back wherever they can be. */
  private Duration budget() {
    return random.nextBoolean() ? Duration.ofNanos(1) : VmConfig.DEFAULT_PAUSE_BUDGET;
  }

  private RestoreConfig config(MemorySource source, boolean fill) {
    return RestoreConfig.named("vm" + nameCount++)
        .memorySource(source)
        .fill(fill)
        .pauseBudget(budget())
        .dirtyTracker(random.nextBoolean() ? TrackerKind.DIRTY_LOG : TrackerKind.DIRTY_RING)
        .build();
  }

  /** Finds out what a checkpoint of a running guest holds: by both sources, which must agree. */
  private FidelityInstant learn(Taken one) throws InterruptedException {
    settle(one);
    if (one.instant == null) {
      FidelityInstant nothing =
          new FidelityInstant(new byte[setup.pageCount()][], List.of(), null, one.disk);
      try (FidelityMachine paged = machineOf(one, MemorySource.PAGED, nothing);
          FidelityMachine mapped = machineOf(one, MemorySource.BEST, nothing)) {
        FidelityInstant found = stored(one, paged);
        mapped.requireAt(found, "restored with a mapping");
        paged.requireAt(found, "restored with a pager");
        setup.requireOneInstant(mapped.vm.memory());
        one.instant = found;
      }
    }
    return one.instant;
  }

  private FidelityMachine machineOf(Taken one, MemorySource source, FidelityInstant nothing) {
    return FidelityMachine.at(restored(one, source, false), setup, random, nothing);
  }

  /** What the store has, block by block, with the rest as a machine made of it has it. */
  private FidelityInstant stored(Taken one, FidelityMachine machine) {
    FidelityInstant rest = machine.readButMemory();
    byte[][] pages = storedPages(one.uuid, machine.now());
    return new FidelityInstant(pages, rest.vcpus(), rest.doorbell(), one.disk);
  }

  /** As the store has them, sharing those that are as known. */
  private byte[][] storedPages(UUID checkpoint, FidelityInstant known) {
    byte[][] pages = new byte[setup.pageCount()][];
    try (CheckpointHold hold = store.hold(checkpoint);
        Arena arena = Arena.ofConfined()) {
      MemorySegment block = arena.allocate(FidelitySetup.PAGE);
      Image image = Image.open(store.layers(), hold.manifest().memory());
      Image nothing = Image.empty(store.layers(), image.blockCount());
      nothing.forEachDifference(
          image,
          page -> {
            image.read(page, block);
            pages[(int) page] = FidelityInstant.page(block, 0, known.pages()[(int) page]);
          });
    }
    return pages;
  }

  private void requireStored(Taken one) {
    FidelityInstant expected = one.instant;
    String difference =
        expected.differenceTo(
            new FidelityInstant(
                storedPages(one.uuid, expected),
                expected.vcpus(),
                expected.doorbell(),
                expected.disk()));
    if (difference != null) {
      throw new AssertionError("in the store: " + difference);
    }
  }

  private void fork(FidelityMachine parent) throws InterruptedException {
    boolean running = random.nextInt(3) == 0;
    if (running) {
      parent.go();
    }
    List<RestoreConfig> configs = new ArrayList<>();
    for (int i = random.nextInt(1, 3); i > 0; i--) {
      configs.add(config(anySource(), false));
    }
    byte[] disk = parent.disk().clone();
    List<Vm> children = parent.vm.fork(configs);
    FidelityInstant instant = parent.now();
    if (running) {
      parent.halt();
    } else {
      parent.requireAsModelled("after a fork");
    }
    parent.depth++;
    if (running) {
      settle(take(parent)); // and with it, what the children are made of
      instant = bornRunning(children.getFirst(), disk);
    }
    for (Vm vm : children) {
      FidelityMachine child = FidelityMachine.at(vm, setup, random, instant);
      child.depth = parent.depth;
      child.requireAt(instant, "a child");
      if (machines.size() == MAX_MACHINES && random.nextBoolean()) {
        child.close();
      } else if (machines.size() == MAX_MACHINES) {
        replaceOther(parent, child);
      } else {
        machines.add(child);
      }
    }
  }

  private void replaceOther(FidelityMachine kept, FidelityMachine next) {
    int index = random.nextInt(MAX_MACHINES);
    if (machines.get(index) == kept) {
      index = (index + 1) % MAX_MACHINES;
    }
    machines.set(index, next).close();
  }

  private FidelityInstant bornRunning(Vm child, byte[] disk) {
    FidelityInstant nothing =
        new FidelityInstant(new byte[setup.pageCount()][], List.of(), null, disk);
    byte[][] pages = storedPages(child.parentCheckpoint().orElseThrow(), nothing);
    FidelityInstant rest = FidelityMachine.at(child, setup, random, nothing).readButMemory();
    setup.requireOneInstant(child.memory());
    return new FidelityInstant(pages, rest.vcpus(), rest.doorbell(), disk);
  }

  private void revert(FidelityMachine machine) throws InterruptedException {
    if (random.nextInt(10) == 0) {
      revertToNothing(machine);
      return;
    }
    Taken to = any();
    if (to != null) {
      FidelityInstant instant = learn(to);
      machine.vm.revertTo(to.uuid);
      machine.moved(instant);
      machine.depth = to.depth;
      machine.requireAsModelled("after a revert");
    }
  }

  private static void revertToNothing(FidelityMachine machine) throws InterruptedException {
    UUID gone = UUID.randomUUID();
    try {
      machine.vm.revertTo(gone);
      throw new AssertionError("went to a checkpoint that there is not");
    } catch (CheckpointException expected) {
      machine.requireAsModelled("after a revert that was refused");
    }
  }

  private void revertRunning(FidelityMachine machine) throws InterruptedException {
    Taken to = any();
    if (to != null) {
      FidelityInstant instant = learn(to);
      machine.go();
      machine.vm.revertTo(to.uuid);
      machine.moved(instant);
      machine.depth = to.depth;
      machine.halt();
    }
  }

  /** Its children, and the machines that stand at it, keep what they need. */
  private void remove(Taken one) throws InterruptedException {
    settle(one);
    store.remove(one.uuid);
    taken.remove(one);
  }

  private void settle(Taken one) throws InterruptedException {
    if (one.pending != null) {
      one.pending.awaitDurable();
      if (one.pending.stage() != CheckpointStage.DURABLE) {
        throw new AssertionError("awaited, and " + one.pending.stage());
      }
      one.pending = null;
    }
  }

  private Taken any() {
    return taken.isEmpty() ? null : taken.get(random.nextInt(taken.size()));
  }

  /** Compares all that there is once more. */
  void finish() throws InterruptedException {
    for (FidelityMachine machine : machines) {
      machine.requireAsModelled("in the end");
    }
    for (Taken one : taken) {
      learn(one);
      requireStored(one);
    }
  }

  @Override
  public void close() {
    machines.forEach(FidelityMachine::close);
    store.close();
  }
}
