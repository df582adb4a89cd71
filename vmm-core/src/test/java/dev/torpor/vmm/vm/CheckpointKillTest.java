package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.snapshot.CheckpointHold;
import dev.torpor.snapshot.Garbage;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.Listing;
import dev.torpor.snapshot.ManifestLayer;
import dev.torpor.snapshot.Store;
import dev.torpor.snapshot.Summary;
import dev.torpor.testing.KvmTest;
import dev.torpor.vmm.checkpoint.MemorySource;
import dev.torpor.vmm.device.Doorbell;
import dev.torpor.vmm.disk.DiskPlace;
import dev.torpor.vmm.disk.LayerKeeper;
import dev.torpor.vmm.disk.LayeredDisk;
import dev.torpor.vmm.disk.SurvivingDisks;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Kills a process that takes checkpoints, at a random moment, again and again over one store. With
 * -Dtorpor.kills=200 for the long run.
 */
@KvmTest
@Timeout(value = 3600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CheckpointKillTest {
  private static final int KILLS = Integer.getInteger("torpor.kills", 20);
  private static final int MAX_RESTORED = 3;

  /** Long enough for the lab beside other work; who needs longer stands still. */
  private static final Duration PATIENCE = Duration.ofMinutes(5);

  private final Random random = new Random();
  private final List<UUID> reported = new ArrayList<>();
  private Path root;
  private Victim next;
  private int restores;

  @BeforeEach
  void prepare() throws IOException {
    Path memory = Path.of("/dev/shm");
    root =
        Files.isWritable(memory)
            ? Files.createTempDirectory(memory, "torpor-kill")
            : Files.createTempDirectory("torpor-kill");
    Files.write(root.resolve("base.raw"), new byte[NumberedDisk.BLOCKS * 4096]);
  }

  @AfterEach
  void cleanUp() throws Exception {
    if (next != null) {
      next.kill();
    }
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  @Test
  void whateverAKilledProcessReportedIsThereAndNothingElse() throws Exception {
    next = new Victim(root);
    for (int i = 0; i < KILLS; i++) {
      Victim victim = next;
      String order = order();
      long flushes = flushes();
      victim.begin(order);
      List<UUID> told = victim.killAtRandom(random);
      next = new Victim(root); // starts while the store is looked at
      boolean diskIsKnown = order.isEmpty() || flushes() > flushes;
      verify(told, diskIsKnown);
    }
    assertThat(reported.size()).as("checkpoints reported").isGreaterThan(KILLS / 2);
    assertThat(restores).as("restored VMs").isGreaterThan(KILLS / 2);
    System.out.printf(
        "%d kills: %d checkpoints reported, %d VMs restored, %d numbers flushed%n",
        KILLS, reported.size(), restores, Files.size(KilledVmMain.flushed(root)) / Long.BYTES);
  }

  /** Mostly it goes on with the disk; sometimes with a checkpoint, which replaces the disk. */
  private String order() {
    try (Store store = Store.open(root.resolve("store"))) {
      List<Summary> all = store.list().checkpoints();
      if (all.isEmpty() || random.nextInt(3) > 0) {
        return "";
      }
      return all.get(random.nextInt(all.size())).uuid()
          + (random.nextBoolean() ? " PAGED" : " BEST");
    }
  }

  private long flushes() throws IOException {
    Path log = KilledVmMain.flushed(root);
    return Files.exists(log) ? Files.size(log) / Long.BYTES : 0;
  }

  /** With whether the disk was not just about to be replaced by another one. */
  private void verify(List<UUID> told, boolean diskIsKnown) throws Exception {
    reported.addAll(told);
    try (Store store = Store.open(root.resolve("store"))) {
      Listing listing = store.list();
      assertThat(listing.damaged()).isEmpty();
      List<UUID> listed = listing.checkpoints().stream().map(Summary::uuid).toList();
      assertThat(listed).as("listed").containsAll(told);
      assertThat(store.collectGarbage().damaged()).isEmpty();
      restoreSome(store, listed, told);
      requireFlushed(store, diskIsKnown);
      // Now that the disk was opened, which lets go of what a kill left pinned.
      requireNothingHalfMade(store, listed);
      removeAllBut(store, listed);
    }
  }

  private void requireNothingHalfMade(Store store, List<UUID> listed) throws IOException {
    Garbage garbage = store.collectGarbage();
    assertThat(garbage.damaged()).isEmpty();
    Set<Integer> needed = new TreeSet<>(diskLayers());
    for (UUID uuid : listed) {
      store.read(uuid).layers().stream().map(ManifestLayer::number).forEach(needed::add);
    }
    assertThat(IntStream.of(store.layers().numbers()).boxed().toList())
        .as("layers")
        .containsExactlyElementsOf(needed);
    assertThat(names("store/manifests")).as("manifests").hasSize(listed.size());
    assertThat(names("store/leases")).as("leases").hasSize(1);
    assertThat(names("store/working-sets")).isEmpty();
    // The mark of a deleted layer stays while no layer has a higher number.
    assertThat(names("store/layers"))
        .filteredOn(name -> !name.endsWith(".layer"))
        .hasSizeLessThanOrEqualTo(1);
  }

  private Set<Integer> diskLayers() {
    Set<Integer> layers = new TreeSet<>();
    if (place(LayerKeeper.NONE).hasDisk()) {
      var state = SurvivingDisks.stateOf(KilledVmMain.home(root), "disk0");
      layers.addAll(state.openLayers());
      state.image().layers().forEach(use -> layers.add(use.layer()));
    }
    return layers;
  }

  private List<String> names(String folder) throws IOException {
    try (Stream<Path> files = Files.list(root.resolve(folder))) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }

  /** The newest, and some others; as another host would, which has verified nothing. */
  private void restoreSome(Store store, List<UUID> listed, List<UUID> told) throws Exception {
    for (String stamp : names("store/verified")) {
      Files.delete(root.resolve("store/verified").resolve(stamp));
    }
    List<UUID> some = new ArrayList<>(told);
    Collections.shuffle(some, random);
    some = new ArrayList<>(some.subList(0, Math.min(MAX_RESTORED - 1, some.size())));
    if (!listed.isEmpty()) {
      some.add(listed.getLast());
    }
    for (UUID one : told) {
      try (CheckpointHold hold = store.hold(one)) { // all layers are there
        Image memory = Image.open(store.layers(), hold.manifest().memory());
        store.verifyForMapping(memory, bytes -> {}); // all blocks too
      }
    }
    for (UUID one : some) {
      restore(store, one, MemorySource.BEST);
      restore(store, one, MemorySource.PAGED);
    }
  }

  private void restore(Store store, UUID checkpoint, MemorySource source) throws Exception {
    RestoreConfig config = RestoreConfig.named("restored").memorySource(source).build();
    try (Vm vm = Vm.restore(store, checkpoint, config);
        NumberedDisk disk = new NumberedDisk(vm.machine().disks().layered().getFirst())) {
      disk.last();
      Doorbell doorbell = vm.doorbell().orElseThrow();
      vm.start();
      // More steps than there are nodes: the guest has compared all of its memory.
      boolean goesOn = doorbell.awaitProgress(doorbell.progress() + 1100, Duration.ofSeconds(30));
      assertThat(goesOn).as("%s %s: %s", checkpoint, source, vm.awaitExit(Duration.ZERO)).isTrue();
      restores++;
    }
  }

  private DiskPlace place(LayerKeeper keeper) {
    return new DiskPlace(KilledVmMain.home(root), "disk0", keeper);
  }

  private void requireFlushed(Store store, boolean diskIsKnown) throws IOException {
    if (!place(store::pin).hasDisk()) {
      assertThat(flushes()).isZero();
      return;
    }
    try (LayeredDisk layered = SurvivingDisks.reopen(place(store::pin), store.layers());
        NumberedDisk disk = new NumberedDisk(layered)) {
      long last = disk.last();
      if (diskIsKnown && flushes() > 0) {
        byte[] log = Files.readAllBytes(KilledVmMain.flushed(root));
        long flushed = ByteBuffer.wrap(log).getLong((int) (flushes() - 1) * Long.BYTES);
        assertThat(last).as("the disk's last number").isBetween(flushed, flushed + 1);
      }
      layered.flush();
      try (FileChannel log = KilledVmMain.openLog(root)) {
        KilledVmMain.record(log, last);
      }
    }
  }

  private void removeAllBut(Store store, List<UUID> listed) {
    for (UUID one : listed) {
      if (random.nextInt(4) > 0) {
        store.remove(one);
      }
    }
  }

  /** A process that is going to be killed. */
  private static final class Victim {
    private final Process process;
    private final List<UUID> told = new ArrayList<>();
    private final Thread reader;

    Victim(Path root) throws IOException {
      process =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "--enable-native-access=ALL-UNNAMED",
                  "--sun-misc-unsafe-memory-access=allow",
                  "-XX:TieredStopAtLevel=1",
                  "-XX:+UseSerialGC",
                  "-cp",
                  System.getProperty("java.class.path"),
                  KilledVmMain.class.getName(),
                  root.toString())
              .redirectError(root.resolve("errors").toFile())
              .start();
      reader = new Thread(this::read, "reader");
      reader.start();
    }

    private void read() {
      try (BufferedReader lines = process.inputReader(StandardCharsets.US_ASCII)) {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          if (line.length() == 36) { // the kill may have cut the last one
            synchronized (told) {
              told.add(UUID.fromString(line));
              told.notifyAll();
            }
          }
        }
      } catch (IOException e) {
        // It was killed.
      }
    }

    void begin(String order) throws IOException {
      process.getOutputStream().write((order + "\n").getBytes(StandardCharsets.US_ASCII));
      process.getOutputStream().flush();
    }

    /** Once it has reported some checkpoints, or at some moment on the way to the first. */
    List<UUID> killAtRandom(Random random) throws Exception {
      int wanted = random.nextInt(7);
      synchronized (told) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (told.size() < wanted && process.isAlive() && System.nanoTime() < deadline) {
          told.wait(100);
        }
      }
      Thread.sleep(0, random.nextInt(1_000_000));
      Thread.sleep(random.nextInt(wanted == 0 ? 1500 : 40));
      assertThat(process.isAlive()).as("the process is alive until it is killed").isTrue();
      kill();
      synchronized (told) {
        assertThat(told.size()).isGreaterThanOrEqualTo(wanted);
        return List.copyOf(told);
      }
    }

    void kill() throws Exception {
      process.destroyForcibly().waitFor();
      reader.join();
    }
  }
}
