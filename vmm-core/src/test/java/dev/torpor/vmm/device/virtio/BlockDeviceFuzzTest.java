package dev.torpor.vmm.device.virtio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Timeout.ThreadMode.SEPARATE_THREAD;

import dev.torpor.testing.Allocation;
import dev.torpor.vmm.GuestProtocolException;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The block device alone, its queue processed on the test's thread.
 *
 * <p>A failure names the request's seed; {@code -Dtorpor.fuzzSeed=...} begins with it again.
 */
@Timeout(value = 120, threadMode = SEPARATE_THREAD)
class BlockDeviceFuzzTest {
  private static final long RAM_BYTES = 4L << 20;
  private static final int DISK_BYTES = 64 << 10;
  private static final long HEADER = 0x10_0000;
  private static final int QUEUE_SIZE = 16;

  @TempDir private Path folder;
  private final GuestMemory memory =
      GuestMemory.allocate(RAM_BYTES, MemoryBacking.ANONYMOUS, false);
  private BlockDevice device;
  private DriverSide driver;
  private VirtQueue queue;

  private static final class SilentNotifier implements DriverNotifier {
    @Override
    public void usedBuffers(VirtQueue queue) {
      queue.shouldInterrupt();
    }

    @Override
    public void configurationChanged() {
      throw new AssertionError("a disk's configuration does not change");
    }
  }

  @BeforeEach
  void open() throws IOException {
    Path disk = Files.write(folder.resolve("disk"), new byte[DISK_BYTES]);
    device = new BlockDevice(RawFileBackend.open(disk, false), "fuzz");
    driver = new DriverSide(memory, 0x1000, QUEUE_SIZE);
  }

  @AfterEach
  void close() {
    device.close();
    memory.close();
  }

  private void activate() {
    queue = driver.activate(device.deviceFeatures());
    device.activate(memory, List.of(queue), device.deviceFeatures(), new SilentNotifier());
  }

  @Test
  void randomRequestsDoNoHarm() {
    long firstSeed = Long.getLong("torpor.fuzzSeed", System.nanoTime());
    int breaches = 0;
    int requests = 50_000;
    for (int i = 0; i < requests; i++) {
      long seed = firstSeed + i;
      activate();
      offerRandomRequest(new SplittableRandom(seed));
      try {
        assertThat(device.processQueue(0)).isFalse();
        assertThat(driver.usedIndex()).isEqualTo(1);
      } catch (GuestProtocolException expected) {
        breaches++;
      } catch (Throwable t) {
        throw new AssertionError("request with -Dtorpor.fuzzSeed=" + seed, t);
      }
    }
    assertThat(breaches).isBetween(requests / 50, requests / 2);
    assertThat(device.metrics().errorCount()).isBetween(requests / 10L, requests * 9L / 10);
    assertThat(device.metrics().readByteCount()).isPositive();
    assertThat(device.metrics().writtenByteCount()).isPositive();
  }

  private void offerRandomRequest(SplittableRandom random) {
    memory.writeInt(HEADER, random.nextInt(16) == 0 ? random.nextInt() : random.nextInt(15));
    memory.writeLong(HEADER + 8, sector(random));
    for (int i = 0; i < 4; i++) {
      long segment = HEADER + 16 + 16L * i;
      memory.writeLong(segment, sector(random));
      memory.writeInt(segment + 8, random.nextInt(8) == 0 ? random.nextInt() : random.nextInt(64));
      memory.writeInt(segment + 12, random.nextInt(4) == 0 ? random.nextInt() : random.nextInt(2));
    }
    int readableCount = random.nextInt(1, 4);
    int count = readableCount + random.nextInt(4);
    for (int i = 0; i < count; i++) {
      boolean writable = i >= readableCount;
      long address = i == 0 ? HEADER : 0x20_0000 + random.nextInt(1 << 20);
      int flags = (writable ? DriverSide.WRITE : 0) | (i + 1 < count ? DriverSide.NEXT : 0);
      driver.descriptor(i, address, byteCount(random, i == 0), flags, i + 1);
    }
    driver.offer(0);
  }

  private static long sector(SplittableRandom random) {
    return random.nextInt(8) == 0 ? random.nextLong() : random.nextInt(DISK_BYTES / 512 + 2);
  }

  private static int byteCount(SplittableRandom random, boolean header) {
    return switch (random.nextInt(8)) {
      case 0 -> random.nextInt(64);
      case 1 -> random.nextInt(1 << 17);
      case 2 -> 1;
      default -> header ? 16 + 16 * random.nextInt(4) : 512 * random.nextInt(8);
    };
  }

  @Test
  void requestsAllocateNothingOnceWarm() {
    activate();
    driver.descriptor(0, HEADER, 16, DriverSide.NEXT, 1);
    driver.descriptor(1, 0x20_0000, 4096, DriverSide.NEXT | DriverSide.WRITE, 2);
    driver.descriptor(2, 0x30_0000, 1, DriverSide.WRITE, 0);
    driver.descriptor(3, HEADER + 0x100, 16, DriverSide.NEXT, 4);
    driver.descriptor(4, 0x20_0000, 4096, DriverSide.NEXT, 5);
    driver.descriptor(5, 0x30_0000, 1, DriverSide.WRITE, 0);
    memory.writeInt(HEADER, BlockRequest.IN);
    memory.writeInt(HEADER + 0x100, BlockRequest.OUT);
    readAndWrite(60_000);

    int rounds = 20_000;
    long allocated = Allocation.bytesOf(() -> readAndWrite(rounds));

    assertThat(allocated / rounds).as("bytes for a read and a write").isZero();
    assertThat(device.metrics().errorCount()).isZero();
  }

  private void readAndWrite(int rounds) {
    for (int i = 0; i < rounds; i++) {
      driver.offer(0);
      driver.offer(3);
      device.processQueue(0);
    }
  }
}
