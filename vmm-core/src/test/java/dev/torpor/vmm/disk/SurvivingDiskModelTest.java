package dev.torpor.vmm.disk;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.snapshot.Blocks;
import dev.torpor.snapshot.CheckpointHold;
import dev.torpor.snapshot.DiskImage;
import dev.torpor.snapshot.FieldWriter;
import dev.torpor.snapshot.Garbage;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.MachineStateBytes;
import dev.torpor.snapshot.Manifest;
import dev.torpor.snapshot.Store;
import dev.torpor.snapshot.Summary;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/**
 * A disk that survives its process, in a store that others collect the garbage of. Its process is
 * killed between two operations, or in the midst of one: the folder is copied at that moment, and
 * the copy is what the next process finds.
 */
class SurvivingDiskModelTest {
  private static final int BLOCKS = 24;
  private static final int STEPS = 90;

  @Property(tries = 40)
  void noLayerThatTheDiskNeedsIsCollectedAndNoneIsLeftInTheEnd(@ForAll long seed)
      throws IOException {
    Path root = DiskUnderTest.scratch();
    try (Arena arena = Arena.ofConfined();
        Model model = new Model(root, new Random(seed), arena)) {
      for (int i = 0; i < STEPS; i++) {
        model.step();
      }
      model.deleteEverything();
    } finally {
      DiskUnderTest.deleteTree(root);
    }
  }

  /** What a checkpoint holds, as a manifest and as the model knows it. */
  private record Kept(DiskImage image, List<Long> content) {}

  private static final class Model implements AutoCloseable {
    private final Path root;
    private final Path baseFile;
    private final Random random;
    private final MemorySegment block;

    /** In the order of their making: the same seed has to choose the same ones. */
    private final Map<UUID, Kept> checkpoints = new LinkedHashMap<>();

    /** Each block's value now, and those that it may have after a crash. */
    private List<Long> now = new ArrayList<>(Collections.nCopies(BLOCKS, 0L));

    private final List<Set<Long>> allowed = new ArrayList<>();
    private int generation;
    private Path home;
    private Store store;
    private LayeredDisk disk;

    /** What the disk was reverted to; null for nothing. Who reverts keeps it, as a VM does. */
    private CheckpointHold entered;

    /** How many calls of the keeper are left until the process is killed in one; then where to. */
    private int killIn = -1;

    private Path killed;

    Model(Path root, Random random, Arena arena) throws IOException {
      this.root = root;
      this.random = random;
      this.block = arena.allocate(Blocks.BYTES, Blocks.BYTES);
      this.baseFile = root.resolve("base.raw");
      Files.write(baseFile, new byte[BLOCKS * Blocks.BYTES]);
      home = root.resolve("host-0");
      store = Store.open(home.resolve("store"));
      disk = SurvivingDisks.create(place(), store.layers(), DiskBase.of(baseFile), empty());
      flushed();
    }

    private DiskPlace place() {
      return new DiskPlace(home.resolve("store/vms/web"), "disk0", this::keep);
    }

    private Image empty() {
      return Image.empty(store.layers(), BLOCKS);
    }

    /** As the store does, and perhaps the last thing that the process did, or nearly did. */
    private void keep(UUID owner, Collection<Integer> layers) {
      boolean kill = killIn == 0;
      killIn--;
      if (kill && random.nextBoolean()) {
        snapshot();
      }
      store.pin(owner, layers);
      if (kill && killed == null) {
        snapshot();
      }
    }

    void step() throws IOException {
      killIn = random.nextInt(3) == 0 ? random.nextInt(2) : -1;
      switch (random.nextInt(16)) {
        case 0, 1, 2, 3, 4 -> write();
        case 5, 6 -> {
          disk.flush();
          if (killed == null) {
            flushed();
          }
        }
        case 7, 8 -> checkpoint();
        case 9 -> revert();
        case 10 -> removeCheckpoint();
        case 11, 12 -> collectGarbage();
        case 13 -> close();
        case 14 -> replace();
        default -> snapshot();
      }
      if (killed != null) {
        crash();
      } else if (disk == null) {
        reopen();
      }
      assertThat(content(disk)).isEqualTo(now);
    }

    private void write() {
      int first = random.nextInt(BLOCKS);
      int end = Math.min(BLOCKS, first + random.nextInt(1, 4));
      for (int i = first; i < end; i++) {
        long value = random.nextInt(4) == 0 ? 0 : random.nextLong();
        fill(value);
        disk.write((long) i * Blocks.BYTES, block.address(), Blocks.BYTES);
        now.set(i, value);
        allowed.get(i).add(value);
      }
    }

    private void fill(long value) {
      for (int i = 0; i < Blocks.BYTES / Long.BYTES; i++) {
        block.setAtIndex(ValueLayout.JAVA_LONG, i, value);
      }
    }

    private List<Long> content(LayeredDisk of) {
      List<Long> found = new ArrayList<>();
      for (int i = 0; i < BLOCKS; i++) {
        of.read((long) i * Blocks.BYTES, block.address(), Blocks.BYTES);
        found.add(block.get(ValueLayout.JAVA_LONG, 0));
        fill(found.getLast() + 1);
      }
      return found;
    }

    private void flushed() {
      allowed.clear();
      for (long value : now) {
        allowed.add(new HashSet<>(Set.of(value)));
      }
    }

    private void checkpoint() {
      SealedLayer sealed = disk.seal();
      UUID uuid = UUID.randomUUID();
      DiskBase base = disk.base();
      DiskImage image =
          new DiskImage(
              "vda",
              base.path(),
              base.byteSize(),
              base.modifiedNanos(),
              false,
              sealed.toImage().root());
      Summary.Metrics metrics = new Summary.Metrics(0, 0, 0, 0);
      Manifest manifest =
          Manifest.of(
              store.layers(),
              new Summary(uuid, Optional.empty(), "web", "", Instant.now(), metrics),
              empty().root(),
              List.of(image),
              MachineStateBytes.of(new FieldWriter().u32(1, 1)));
      store.publish(manifest, List.of(sealed::sync)).close();
      if (killed == null) {
        checkpoints.put(uuid, new Kept(image, List.copyOf(now)));
      }
    }

    private Optional<UUID> anyCheckpoint() {
      List<UUID> all = List.copyOf(checkpoints.keySet());
      return all.isEmpty() ? Optional.empty() : Optional.of(all.get(random.nextInt(all.size())));
    }

    private void revert() {
      Optional<UUID> to = anyCheckpoint();
      if (to.isEmpty()) {
        return;
      }
      Kept kept = checkpoints.get(to.get());
      CheckpointHold before = entered;
      entered = store.hold(to.get());
      disk.revertTo(Image.open(store.layers(), kept.image().image()));
      goTo(kept.content());
      if (before != null) {
        before.close();
      }
    }

    private void leave() {
      if (entered != null) {
        entered.close();
        entered = null;
      }
    }

    private void goTo(List<Long> content) {
      now = new ArrayList<>(content);
      for (int i = 0; i < BLOCKS; i++) {
        allowed.get(i).add(now.get(i));
      }
    }

    /** In place of the disk, one that begins at a checkpoint, as a restored VM's does. */
    private void replace() {
      Optional<UUID> from = anyCheckpoint();
      if (from.isEmpty()) {
        return;
      }
      Kept kept = checkpoints.get(from.get());
      disk.close();
      leave();
      Image image = Image.open(store.layers(), kept.image().image());
      disk = SurvivingDisks.replace(place(), store.layers(), DiskBase.of(baseFile), image);
      goTo(kept.content());
      if (killed == null) {
        flushed();
      }
    }

    private void removeCheckpoint() {
      anyCheckpoint()
          .ifPresent(
              uuid -> {
                checkpoints.remove(uuid);
                try (Store other = Store.open(store.directory())) {
                  assertThat(other.remove(uuid).damaged()).isEmpty();
                }
              });
    }

    private void collectGarbage() {
      try (Store other = Store.open(store.directory())) {
        assertThat(other.collectGarbage().damaged()).isEmpty();
      }
    }

    /** A process that ends in good order, and does not flush. */
    @Override
    public void close() {
      if (disk != null) {
        disk.close();
        leave();
        store.close();
        disk = null;
      }
    }

    private void snapshot() {
      killed = root.resolve("host-" + ++generation);
      try {
        copyTree(home, killed);
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }

    private void crash() throws IOException {
      close();
      DiskUnderTest.deleteTree(home);
      home = killed;
      killed = null;
      reopen();
    }

    private void reopen() {
      killIn = -1;
      if (random.nextInt(4) > 0) {
        collectGarbageOf(home);
      }
      store = Store.open(home.resolve("store"));
      requireAllListed();
      disk = SurvivingDisks.reopen(place(), store.layers());
      List<Long> found = content(disk);
      for (int i = 0; i < BLOCKS; i++) {
        assertThat(allowed.get(i)).as("block %d", i).contains(found.get(i));
      }
      now = found;
      flushed();
    }

    /** What was published is there; one more may be, whose publisher was killed before it knew. */
    private void requireAllListed() {
      Set<UUID> listed = new HashSet<>();
      store.list().checkpoints().forEach(one -> listed.add(one.uuid()));
      assertThat(listed).containsAll(checkpoints.keySet());
    }

    private static void collectGarbageOf(Path home) {
      try (Store other = Store.open(home.resolve("store"))) {
        assertThat(other.collectGarbage().damaged()).isEmpty();
      }
    }

    /** Perhaps killed in the midst of it, and then once more. */
    void deleteEverything() throws IOException {
      disk.close();
      leave();
      disk = null;
      killIn = random.nextInt(2);
      SurvivingDisks.delete(place());
      if (killed != null) {
        store.close();
        DiskUnderTest.deleteTree(home);
        home = killed;
        store = Store.open(home.resolve("store"));
        SurvivingDisks.delete(place());
      }
      for (Summary one : store.list().checkpoints()) {
        store.remove(one.uuid());
      }
      store.close();
      try (Store other = Store.open(home.resolve("store"))) {
        Garbage garbage = other.collectGarbage();
        assertThat(garbage.damaged()).isEmpty();
        assertThat(other.layers().numbers()).isEmpty();
      }
      try (Stream<Path> pins = Files.list(home.resolve("store/pins"));
          Stream<Path> left = Files.list(home.resolve("store/vms/web"))) {
        assertThat(pins).isEmpty();
        assertThat(left.map(file -> file.getFileName().toString())).containsExactly("disk0.lock");
      }
    }
  }

  private static void copyTree(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(from.relativize(file)));
      }
    }
  }
}
