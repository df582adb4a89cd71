package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.testing.KvmTest;
import dev.torpor.testing.ProcessResources;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.checkpoint.CheckpointException;
import dev.torpor.vmm.checkpoint.MemorySource;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.AbstractList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Checkpoints between processes, what they leave of a process's resources, and full disks. */
@KvmTest
@Timeout(value = 300, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CheckpointProcessTest {
  private static final int CYCLES = 100;

  /** Threads that wait for the next VM, for a while. */
  private static final String IDLE = "torpor-idle";

  private static final int MOST_THREADS_AT_ONCE = 10;

  @TempDir private Path folder;

  @ParameterizedTest
  @EnumSource(names = {"MAPPED", "PAGED"})
  void anotherProcessFindsTheSameMachine(MemorySource source) throws Exception {
    try (CheckpointRig rig = new CheckpointRig(folder);
        Vm vm = rig.paused()) {
      CheckpointRig.writeDisk(vm, 3, 9);
      UUID checkpoint = vm.checkpoint("v1").awaitDurable().uuid();
      assertThat(inAnotherProcess(checkpoint, source))
          .containsExactly(CheckpointChildMain.digest(vm), "PAUSED");
    }
  }

  private List<String> inAnotherProcess(UUID checkpoint, MemorySource source) throws Exception {
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                CheckpointChildMain.class.getName(),
                folder.toString(),
                checkpoint.toString(),
                source.name())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    List<String> told = child.inputReader().lines().toList();
    assertThat(child.waitFor()).isZero();
    return told;
  }

  private static void cycle(CheckpointRig rig, Vm vm, int round) throws InterruptedException {
    vm.memory().writeLong(CheckpointRig.FREE_GPA + 4096L * (round % 64), round);
    CheckpointRig.writeDisk(vm, round % 8, round);
    Checkpoint checkpoint = vm.checkpoint("c" + round);
    if (round % 5 == 0) {
      checkpoint.cancel();
    }
    try (Vm child = vm.fork("leaky-child")) {
      child.start();
      child.checkpoint("of a child");
    }
    UUID instant = vm.checkpoint("d" + round).awaitDurable().uuid();
    MemorySource source = round % 2 == 0 ? MemorySource.MAPPED : MemorySource.PAGED;
    RestoreConfig config =
        RestoreConfig.named("leaky-restored").memorySource(source).fill(round % 3 == 0).build();
    try (Vm restored = Vm.restore(rig.store, instant, config)) {
      restored.start();
      restored.checkpoint("of a restored one").awaitDurable();
      restored.revertTo(instant);
    }
    vm.revertTo(instant);
  }

  private static void removeAll(CheckpointRig rig) {
    for (var one : rig.store.list().checkpoints()) {
      rig.store.remove(one.uuid());
    }
    rig.store.collectGarbage();
  }

  private static ProcessResources held() {
    return ProcessResources.count(".layer");
  }

  private static long threadsOfVms() {
    return threadNames()
        .filter(name -> name.startsWith("leaky") || name.startsWith("torpor-"))
        .filter(name -> !name.equals(IDLE))
        .count();
  }

  private static Stream<String> threadNames() {
    return Thread.getAllStackTraces().keySet().stream().map(Thread::getName);
  }

  @Test
  void aHundredCyclesLeaveNothing() throws Exception {
    try (CheckpointRig rig = new CheckpointRig(folder)) {
      live(rig, 10);
      ProcessResources before = held();
      long kvm = ProcessResources.count("kvm").mappings();
      live(rig, CYCLES);
      ProcessResources after = held();
      assertThat(after.fileDescriptors()).isEqualTo(before.fileDescriptors());
      assertThat(after.mappings()).isZero();
      assertThat(ProcessResources.count("kvm").mappings()).isEqualTo(kvm).isZero();
      assertThat(threadsOfVms()).isZero();
      assertThat(threadNames().filter(IDLE::equals).count()).isLessThan(MOST_THREADS_AT_ONCE);
      assertThat(rig.store.layers().numbers()).isEmpty();
    }
  }

  private static void live(CheckpointRig rig, int cycles) throws InterruptedException {
    try (Vm vm = Vm.create(rig.config(1).name("leaky").build())) {
      for (int i = 0; i < cycles; i++) {
        cycle(rig, vm, i);
        if (i % 20 == 19) {
          removeAll(rig);
        }
      }
    }
    removeAll(rig);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aBranchThatFailsHalfWayLeavesNoChild(boolean outOfThreads) throws Exception {
    try (CheckpointRig rig = new CheckpointRig(folder);
        Vm vm = rig.paused()) {
      vm.fork("first").close();
      ProcessResources before = ProcessResources.count("kvm");
      assertThatThrownBy(() -> vm.fork(secondFails(outOfThreads)))
          .isInstanceOf(outOfThreads ? OutOfMemoryError.class : CheckpointException.class);
      ProcessResources after = ProcessResources.count("kvm");
      assertThat(after.mappings()).isEqualTo(before.mappings());
      assertThat(after.fileDescriptors()).isLessThanOrEqualTo(before.fileDescriptors());
    }
  }

  /** Two children of whom the second cannot be had, once the first is made. */
  private static List<RestoreConfig> secondFails(boolean outOfThreads) {
    return new AbstractList<>() {
      private int asked;

      @Override
      public RestoreConfig get(int index) {
        // Each is asked for once before any is made.
        if (++asked == 2 * size()) {
          if (outOfThreads) {
            throw new OutOfMemoryError("no thread left");
          }
          throw new IllegalStateException("no room left");
        }
        return RestoreConfig.named("child").build();
      }

      @Override
      public int size() {
        return 2;
      }
    };
  }

  @Test
  void aFullDiskFailsTheCheckpointAndTheNextOneIsComplete() throws Exception {
    Path small = Files.createDirectory(folder.resolve("small"));
    boolean mounted = run("mount", "-t", "tmpfs", "-o", "size=8m", "none", small.toString());
    Assumptions.assumeTrue(mounted, "this test may not mount a small file system");
    try {
      fillAndRecover(small);
    } finally {
      run("umount", small.toString());
    }
  }

  private void fillAndRecover(Path small) throws Exception {
    try (CheckpointRig rig = new CheckpointRig(folder, small.resolve("store"));
        Vm vm = rig.paused()) {
      vm.checkpoint("good").awaitDurable();
      for (int pageCount : List.of(20, 300)) {
        for (int i = 0; i < pageCount; i++) {
          vm.memory().writeLong(CheckpointRig.FREE_GPA + 4096L * i, pageCount + i);
        }
        Path filler = small.resolve("filler");
        fill(filler);
        assertThat(failure(vm)).isNotNull();
        CheckpointRig.runFor(vm, 1);
        Files.delete(filler);
        UUID next = vm.checkpoint("next").awaitDurable().uuid();
        try (Vm same = rig.restore(next, MemorySource.MAPPED)) {
          assertThat(CheckpointRig.contents(same)).isEqualTo(CheckpointRig.contents(vm));
        }
      }
    }
  }

  /** Refused when it is taken, or failed later, after what could be copied ahead. */
  private static Throwable failure(Vm vm) throws InterruptedException {
    try {
      vm.checkpoint("bad").awaitDurable();
      return null;
    } catch (CheckpointException e) {
      return e.getCause();
    }
  }

  /** Leaves room for a header, but not for twenty pages. */
  private static void fill(Path file) throws IOException {
    byte[] page = new byte[4096];
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
      while (true) {
        bytes.write(page);
      }
    } catch (IOException full) {
      try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
        bytes.setLength(bytes.length() - 10L * page.length);
      }
    }
  }

  private static boolean run(String... command) throws Exception {
    return new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start()
            .waitFor()
        == 0;
  }
}
