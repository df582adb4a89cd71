package dev.torpor.vmm.device.virtio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Timeout.ThreadMode.SEPARATE_THREAD;

import dev.torpor.vmm.GuestProtocolException;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Rings that are half right, wrong, and changed while they are read. Whatever the driver does, the
 * queue throws nothing but {@link GuestProtocolException}, hands out nothing but guest memory, and
 * ends.
 *
 * <p>A failure names the ring's seed; {@code -Dtorpor.fuzzSeed=...} begins with it again.
 */
@Timeout(value = 180, threadMode = SEPARATE_THREAD)
class VirtQueueFuzzTest {
  private static final long RAM_BYTES = 4L << 20;
  private static final long RING = 0x1000;
  private static final long TABLES = 0x4000;
  private static final int TABLE_BYTES = 512;

  private final long firstSeed = Long.getLong("torpor.fuzzSeed", System.nanoTime());
  private final GuestMemory memory =
      GuestMemory.allocate(RAM_BYTES, MemoryBacking.ANONYMOUS, false);
  private final DescriptorChain chain = new DescriptorChain();
  private long delivered;
  private long breaches;

  @AfterEach
  void close() {
    memory.close();
  }

  @Test
  void aMillionRandomRingsDoNoHarm() {
    fuzz(1_000_000, true);

    assertThat(delivered).as("requests delivered").isGreaterThan(500_000);
    assertThat(breaches).as("breaches found").isGreaterThan(300_000);
  }

  @Test
  void ringsThatAnotherProcessorRewritesMeanwhileDoNoHarm() throws InterruptedException {
    AtomicBoolean done = new AtomicBoolean();
    Thread scribbler = Thread.ofPlatform().start(() -> scribble(done));
    try {
      fuzz(150_000, false);
    } finally {
      done.set(true);
      scribbler.join();
    }
    assertThat(delivered).isPositive();
    assertThat(breaches).isPositive();
  }

  private void scribble(AtomicBoolean done) {
    SplittableRandom random = new SplittableRandom(firstSeed);
    while (!done.get()) {
      mutate(random);
    }
  }

  private void fuzz(int ringCount, boolean alone) {
    for (int i = 0; i < ringCount; i++) {
      long seed = firstSeed + i;
      try {
        process(new SplittableRandom(seed), alone);
      } catch (Throwable t) {
        throw new AssertionError("ring with -Dtorpor.fuzzSeed=" + seed, t);
      }
    }
  }

  private void process(SplittableRandom random, boolean alone) {
    DriverSide driver = new DriverSide(memory, RING, 1 << random.nextInt(6));
    int startIndex = random.nextInt(1 << 16);
    VirtQueue queue = new VirtQueue(memory, 0, 32);
    fill(driver, random, startIndex);
    boolean mutating = random.nextBoolean();
    try {
      queue.restore(damaged(driver.state(startIndex), random));
      queue.activate(randomFeatures(random));
      // One chance more than a driver has that stands still.
      for (int taken = 0; taken <= driver.size && queue.next(chain); taken++) {
        assertThat(alone && !mutating && taken == driver.size).as("one request too many").isFalse();
        check(driver.size);
        delivered++;
        queue.complete(chain.head(), random.nextInt());
        queue.shouldInterrupt();
        if (mutating) {
          mutate(random);
        }
      }
    } catch (GuestProtocolException expected) {
      breaches++;
    }
  }

  private void check(int size) {
    if (chain.bufferCount() > size || chain.head() >= size) {
      throw new AssertionError("a chain of " + chain.bufferCount() + " at " + chain.head());
    }
    long total = 0;
    for (int i = 0; i < chain.bufferCount(); i++) {
      if (!memory.contains(chain.address(i), chain.byteCount(i))) {
        throw new AssertionError("buffer at 0x" + Long.toHexString(chain.address(i)));
      }
      total += chain.byteCount(i);
    }
    if (total != chain.readable().remaining() + chain.writable().remaining()) {
      throw new AssertionError("totals differ from " + total);
    }
  }

  private static long randomFeatures(SplittableRandom random) {
    return (random.nextInt(8) == 0 ? 0 : VirtioFeatures.INDIRECT_DESCRIPTORS)
        | (random.nextBoolean() ? VirtioFeatures.EVENT_INDEX : 0);
  }

  /** Now and then a queue that could not have been set up so. */
  private static VirtQueueState damaged(VirtQueueState state, SplittableRandom random) {
    if (random.nextInt(32) != 0) {
      return state;
    }
    return new VirtQueueState(
        random.nextBoolean() ? state.size() : random.nextInt(),
        true,
        random.nextBoolean() ? state.descriptorTable() : address(random),
        random.nextBoolean() ? state.availableRing() : address(random),
        random.nextBoolean() ? state.usedRing() : address(random),
        state.nextAvailable(),
        state.nextUsed());
  }

  private void fill(DriverSide driver, SplittableRandom random, int startIndex) {
    for (int i = 0; i < driver.size; i++) {
      descriptor(driver, driver.descriptorTable + 16L * i, driver.size, random);
      int head = random.nextInt(64) == 0 ? random.nextInt(1 << 16) : random.nextInt(driver.size);
      memory.writeShort(driver.availableRing + 4 + 2L * i, (short) head);
    }
    for (int offset = 0; offset < TABLE_BYTES; offset += 16) {
      descriptor(driver, TABLES + offset, driver.size, random);
    }
    driver.usedEvent(random.nextInt());
    driver.availableFlags(random.nextInt());
    driver.availableIndex(
        random.nextInt(32) == 0
            ? random.nextInt(1 << 16)
            : startIndex + random.nextInt(driver.size + 1));
  }

  private void descriptor(DriverSide driver, long gpa, int size, SplittableRandom random) {
    int next = random.nextInt(16) == 0 ? random.nextInt(1 << 16) : random.nextInt(size);
    driver.descriptorAt(gpa, address(random), byteCount(random), flags(random), next);
  }

  private static long address(SplittableRandom random) {
    return switch (random.nextInt(64)) {
      case 0 -> random.nextLong();
      case 1 -> RAM_BYTES - random.nextInt(64);
      case 2 -> -random.nextLong(1L << 16);
      case 3 -> RING + random.nextInt(1024);
      case 4, 5, 6, 7, 8, 9, 10, 11 -> TABLES;
      default -> random.nextInt(1 << 21);
    };
  }

  private static int byteCount(SplittableRandom random) {
    return switch (random.nextInt(32)) {
      case 0 -> 0;
      case 1 -> random.nextInt();
      case 2 -> -1;
      default -> 16 * random.nextInt(32);
    };
  }

  private static int flags(SplittableRandom random) {
    return switch (random.nextInt(16)) {
      case 0 -> random.nextInt(1 << 16);
      case 1, 2 -> DriverSide.INDIRECT;
      case 3, 4, 5, 6, 7, 8, 9 -> DriverSide.WRITE | random.nextInt(2);
      default -> random.nextInt(2);
    };
  }

  /** Changes 16 bits of what the device reads. */
  private void mutate(SplittableRandom random) {
    long base = random.nextBoolean() ? RING : TABLES;
    memory.writeShort(base + 2L * random.nextInt(TABLE_BYTES), (short) random.nextInt());
  }
}
