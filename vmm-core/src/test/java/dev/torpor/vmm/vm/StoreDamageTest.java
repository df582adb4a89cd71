package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.torpor.snapshot.BlockRef;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.ImageRoot;
import dev.torpor.snapshot.Manifest;
import dev.torpor.snapshot.MapRoot;
import dev.torpor.snapshot.SnapshotFormatException;
import dev.torpor.snapshot.Store;
import dev.torpor.snapshot.WorkingSet;
import dev.torpor.testing.KvmTest;
import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.boot.FlatBoot;
import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.checkpoint.CheckpointException;
import dev.torpor.vmm.checkpoint.MemorySource;
import dev.torpor.vmm.device.Doorbell;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * One bit flipped in each kind of file, a layer cut short, a layer gone: a guest that checks all of
 * its memory either never notices, or never runs on it.
 */
@KvmTest
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class StoreDamageTest {
  private static final int NODES = 300;
  private static final int DISK_BYTES = NumberedDisk.BLOCKS * 4096;

  @TempDir private Path folder;
  private Store store;
  private Vm vm;

  /** The first has a flat layer; the second builds on it with a packed one. */
  private UUID first;

  private UUID second;

  /** The file that is damaged, and the checkpoint that needs it. */
  private record Place(Path file, long offset, UUID checkpoint) {}

  enum Needed {
    MANIFEST,
    FLAT_BLOCK,
    FLAT_HEADER,
    PACKED_BLOCK,
    PACKED_NODE,
    PACKED_HEADER,
    DISK_BLOCK,
    DISK_NODE,
    DISK_HEADER
  }

  enum Helpful {
    WORKING_SET,
    VERIFIED_STAMP,
    PIN,
    LEASE
  }

  @BeforeEach
  void takeTwoCheckpoints() throws Exception {
    Path base = Files.write(folder.resolve("base.raw"), new byte[DISK_BYTES]);
    store = Store.open(folder.resolve("store"));
    vm =
        Vm.create(
            VmConfig.boot(FlatGuest.named("memory-check", NODES, 1, 0, 16))
                .memory(8 << 20)
                .disk(base, false)
                .store(store)
                .diskFolder(folder.resolve("vm"))
                .build());
    vm.start();
    first = checkpointAfterSomeSteps(1);
    second = checkpointAfterSomeSteps(2);
    requireGoesOn(vm);
  }

  private UUID checkpointAfterSomeSteps(int round) throws InterruptedException {
    requireGoesOn(vm);
    try (NumberedDisk disk = new NumberedDisk(vm.machine().disks().layered().getFirst())) {
      for (int i = 1; i <= NumberedDisk.BLOCKS; i++) {
        disk.write((round - 1L) * NumberedDisk.BLOCKS + i);
      }
    }
    return vm.checkpoint("").awaitDurable().uuid();
  }

  @AfterEach
  void close() {
    vm.close();
    store.close();
  }

  /** Twice as many steps as it has nodes: it has compared all of its memory. */
  private static boolean goesOn(Vm vm) throws InterruptedException {
    Doorbell doorbell = vm.doorbell().orElseThrow();
    long goal = doorbell.progress() + 2 * NODES + 16;
    long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (vm.state() == VmState.RUNNING && System.nanoTime() < deadline) {
      if (doorbell.awaitProgress(goal, Duration.ofMillis(50))) {
        return true;
      }
    }
    return false;
  }

  private static void requireGoesOn(Vm vm) throws InterruptedException {
    assertThat(goesOn(vm)).as("%s", vm.awaitExit(Duration.ZERO)).isTrue();
  }

  private Place place(Needed kind) throws IOException {
    Manifest manifest = store.read(second);
    ImageRoot disk = manifest.disks().getFirst().image();
    return switch (kind) {
      case MANIFEST -> {
        Path file = only("manifests", second.toString());
        yield new Place(file, Files.size(file) / 2, second);
      }
      case FLAT_BLOCK -> blockOf(first, store.read(first).memory(), workspacePage(), 0);
      case FLAT_HEADER -> headerOf(first, place(Needed.FLAT_BLOCK));
      case PACKED_BLOCK -> blockOf(second, manifest.memory(), workspacePage(), layerOfFirst());
      case PACKED_NODE -> nodeOf(second, manifest.memory().map());
      case PACKED_HEADER -> headerOf(second, place(Needed.PACKED_BLOCK));
      case DISK_BLOCK -> blockOf(second, disk, 5, 0);
      case DISK_NODE -> nodeOf(second, disk.map());
      case DISK_HEADER -> headerOf(second, place(Needed.DISK_BLOCK));
    };
  }

  private static long workspacePage() {
    return FlatBoot.WORKSPACE_GPA / 4096 + 20;
  }

  private int layerOfFirst() {
    BlockRef ref = new BlockRef();
    Image.open(store.layers(), store.read(first).memory()).find(workspacePage(), ref);
    return ref.layer();
  }

  /** The first block from there on that is not in some layer. */
  private Place blockOf(UUID checkpoint, ImageRoot root, long from, int exceptLayer) {
    Image image = Image.open(store.layers(), root);
    BlockRef ref = new BlockRef();
    for (long block = from; block < image.blockCount(); block++) {
      image.find(block, ref);
      if (ref.isStored() && ref.layer() != exceptLayer) {
        return new Place(store.layers().path(ref.layer()), ref.offset() + 1234, checkpoint);
      }
    }
    return fail("no such block");
  }

  private Place nodeOf(UUID checkpoint, MapRoot root) {
    return new Place(store.layers().path(root.layer()), root.offset() + 77, checkpoint);
  }

  private static Place headerOf(UUID checkpoint, Place block) {
    return new Place(block.file(), 17, checkpoint);
  }

  private Path only(String part, String start) throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve("store").resolve(part))) {
      return files
          .filter(file -> file.getFileName().toString().startsWith(start))
          .findFirst()
          .orElseThrow();
    }
  }

  private static void flip(Path file, long at) throws IOException {
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
      bytes.seek(at);
      int value = bytes.read();
      bytes.seek(at);
      bytes.write(value ^ 0x04);
    }
  }

  /** Empty if the VM goes on as it should; else what stopped it before it read anything wrong. */
  private Optional<Throwable> restore(UUID checkpoint, MemorySource source) throws Exception {
    RestoreConfig config = RestoreConfig.named("restored").memorySource(source).build();
    try (Store fresh = Store.open(folder.resolve("store"));
        Vm restored = Vm.restore(fresh, checkpoint, config);
        NumberedDisk disk = new NumberedDisk(restored.machine().disks().layered().getFirst())) {
      restored.start();
      if (goesOn(restored)) {
        assertThat(disk.last()).isEqualTo(checkpoint.equals(first) ? 64 : 128);
        return Optional.empty();
      }
      VmExit exit = restored.awaitExit(Duration.ofSeconds(1)).orElseThrow();
      if (exit instanceof VmExit.Failed failed) {
        return Optional.of(failed.cause());
      }
      return fail("%s %s: the guest found %s", checkpoint, source, exit.describe());
    } catch (SnapshotFormatException e) {
      return Optional.of(e);
    }
  }

  private static void requireNames(Throwable error, Path file) {
    Throwable cause = error;
    while (!(cause instanceof SnapshotFormatException) && cause.getCause() != null) {
      cause = cause.getCause();
    }
    assertThat(cause).isInstanceOf(SnapshotFormatException.class);
    assertThat(error).hasMessageContaining(file.getFileName() + " at byte ");
  }

  private void requireRefused(Place place) throws Exception {
    for (MemorySource source : List.of(MemorySource.BEST, MemorySource.PAGED)) {
      Optional<Throwable> refusal = restore(place.checkpoint(), source);
      assertThat(refusal).as("%s of %s", source, place).isPresent();
      requireNames(refusal.get(), place.file());
    }
  }

  /** It may have what it needs in memory; else it stays where it is. */
  private void requireRevertIsRefusedOrRight(Place place) throws Exception {
    try {
      vm.revertTo(place.checkpoint());
    } catch (CheckpointException e) {
      requireNames(e, place.file());
    }
    requireGoesOn(vm);
  }

  @ParameterizedTest
  @EnumSource
  void whatACheckpointNeedsIsRefusedIfABitIsWrong(Needed kind) throws Exception {
    Place place = place(kind);
    assertThat(restore(place.checkpoint(), MemorySource.BEST)).isEmpty();
    flip(place.file(), place.offset());
    requireRefused(place);
    requireRevertIsRefusedOrRight(place);
    flip(place.file(), place.offset());
    assertThat(restore(place.checkpoint(), MemorySource.PAGED)).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(names = {"FLAT_BLOCK", "PACKED_BLOCK", "DISK_BLOCK"})
  void aLayerThatIsCutShortOrGoneIsNamed(Needed kind) throws Exception {
    Place place = place(kind);
    try (RandomAccessFile layer = new RandomAccessFile(place.file().toFile(), "rw")) {
      layer.setLength(layer.length() - 1);
    }
    requireRefused(place);
    Files.delete(place.file());
    requireRefused(place);
    requireRevertIsRefusedOrRight(place);
  }

  @ParameterizedTest
  @EnumSource
  void whatOnlyHelpsDoesNoHarmIfABitIsWrong(Helpful kind) throws Exception {
    store.writeWorkingSet(
        second, new WorkingSet(List.of(new WorkingSet.Run(workspacePage(), 100))));
    Path file =
        switch (kind) {
          case WORKING_SET -> only("working-sets", second.toString());
          case VERIFIED_STAMP -> only("verified", "0");
          case PIN -> only("pins", "");
          case LEASE ->
              Files.write(
                  folder.resolve("store/leases").resolve(UUID.randomUUID() + ".lease"),
                  new byte[] {1, 0, 0, 0, 2, 0, 0, 0, 9});
        };
    for (long at = 0; at < Files.size(file); at += 1 + Files.size(file) / 7) {
      flip(file, at);
      for (MemorySource source : List.of(MemorySource.BEST, MemorySource.PAGED)) {
        assertThat(restore(second, source)).as("%s, byte %d", source, at).isEmpty();
      }
      store.collectGarbage(); // keeps all, or says that it cannot know
      flip(file, at);
      if (!Files.exists(file)) {
        break; // a dead process's lease is collected
      }
    }
    vm.revertTo(second);
    requireGoesOn(vm);
    assertThat(restore(first, MemorySource.PAGED)).isEmpty();
  }
}
