package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.testing.KvmTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Reporter;
import net.jqwik.api.ShrinkingMode;

/**
 * Drives machines and a model of plain bytes through random operations, and compares: memory byte
 * for byte, registers, doorbell and disk.
 *
 * <p>How many operations: {@code -Dtorpor.fidelity.operations=10000}.
 */
@KvmTest
class FidelityTest {
  private static final int OPERATIONS = Integer.getInteger("torpor.fidelity.operations", 2400);

  /** A long run makes a long chain with each setup, a short one with the first. */
  private static final int LONG_RUN = 5_000;

  private static final int CHAIN = 102;

  @Property(tries = 1, edgeCases = EdgeCasesMode.NONE, shrinking = ShrinkingMode.OFF)
  void everyMachineIsWhatItWasAtTheInstantThatItComesFrom(@ForAll long seed, Reporter reporter)
      throws IOException, InterruptedException {
    Random seeds = new Random(seed);
    List<FidelitySetup> setups = FidelitySetup.all();
    Map<FidelityWorld.Operation, Integer> counts = new EnumMap<>(FidelityWorld.Operation.class);
    int allParts = setups.stream().mapToInt(FidelitySetup::parts).sum();
    int deepest = 0;
    for (FidelitySetup setup : setups) {
      int chain = setup.equals(setups.getFirst()) || OPERATIONS >= LONG_RUN ? CHAIN : 0;
      int share = Math.ceilDiv(OPERATIONS * setup.parts(), allParts);
      deepest = Math.max(deepest, live(setup, chain, share, seeds.nextLong(), counts));
    }
    int done = counts.values().stream().mapToInt(Integer::intValue).sum();
    reporter.publishReport("operations", done + " " + counts);
    reporter.publishValue("deepest chain", Integer.toString(deepest));
    assertThat(done).isGreaterThanOrEqualTo(OPERATIONS);
    assertThat(deepest).isGreaterThanOrEqualTo(CHAIN);
  }

  /** Returns how long the longest chain was. */
  private static int live(
      FidelitySetup setup,
      int chain,
      int operations,
      long seed,
      Map<FidelityWorld.Operation, Integer> counts)
      throws IOException, InterruptedException {
    Path folder = scratch();
    long start = System.nanoTime();
    try (FidelityWorld world = new FidelityWorld(folder, setup, new Random(seed))) {
      world.growChain(chain);
      for (int i = 0; i < operations; i++) {
        world.step();
      }
      world.finish();
      world.counts.forEach((operation, count) -> counts.merge(operation, count, Integer::sum));
      return world.deepest;
    } catch (AssertionError e) {
      throw new AssertionError("seed %d: %s".formatted(seed, e.getMessage()), e);
    } finally {
      deleteTree(folder);
      System.out.printf(
          "%s: %d s%n", setup, Duration.ofNanos(System.nanoTime() - start).toSeconds());
    }
  }

  /** In memory where there is some: what counts is what is written, not that it is durable. */
  private static Path scratch() throws IOException {
    Path memory = Path.of("/dev/shm");
    return Files.isWritable(memory)
        ? Files.createTempDirectory(memory, "torpor-fidelity")
        : Files.createTempDirectory("torpor-fidelity");
  }

  private static void deleteTree(Path root) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
