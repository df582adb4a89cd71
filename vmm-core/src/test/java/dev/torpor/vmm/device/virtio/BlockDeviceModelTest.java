package dev.torpor.vmm.device.virtio;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.vmm.device.EventLoop;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AfterContainer;

/** A disk, driven at random through its rings, against an array of bytes. */
class BlockDeviceModelTest {
  private static final GuestMemory MEMORY =
      GuestMemory.allocate(8L << 20, MemoryBacking.ANONYMOUS, false);
  private static final EventLoop LOOP = new EventLoop("block-model");
  private static final int STEPS = 60;

  @AfterContainer
  static void close() {
    LOOP.close();
    MEMORY.close();
  }

  @Property(tries = 60)
  void diskAndArrayAgree(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 64) int sectors, @ForAll boolean indirect)
      throws IOException {
    Path path = Files.createTempFile("torpor-model", ".raw");
    Random random = new Random(seed);
    byte[] content = new byte[sectors * 512];
    random.nextBytes(content);
    Files.write(path, content);
    BlockDevice device = new BlockDevice(RawFileBackend.open(path, false), "model");
    try (VirtioMmioTransport transport = new VirtioMmioTransport(device, MEMORY, () -> {}, LOOP)) {
      long without = indirect ? 0 : VirtioFeatures.INDIRECT_DESCRIPTORS;
      BlockDriver driver = new BlockDriver(transport, MEMORY, device.deviceFeatures() & ~without);
      Model model = new Model(driver, random, content);
      for (int i = 0; i < STEPS; i++) {
        model.step();
      }
      assertThat(driver.read(0, content.length).data()).isEqualTo(content);
      assertThat(device.metrics().requestCount()).isEqualTo(model.requests + 1);
      assertThat(device.metrics().errorCount()).isEqualTo(model.errors);
      assertThat(Files.readAllBytes(path)).isEqualTo(content);
    } finally {
      Files.delete(path);
    }
  }

  private static final class Model {
    private final BlockDriver driver;
    private final Random random;
    private final byte[] content;
    private final int sectors;
    private int requests;
    private int errors;

    Model(BlockDriver driver, Random random, byte[] content) {
      this.driver = driver;
      this.random = random;
      this.content = content;
      this.sectors = content.length / 512;
    }

    void step() {
      // One range in ten ends behind the disk.
      int sector = random.nextInt(sectors + 1);
      int count = random.nextInt(Math.min(sectors - sector, 16) + 1);
      if (random.nextInt(10) == 0) {
        count = sectors - sector + 1;
      }
      boolean fits = sector + count <= sectors;
      int status =
          switch (random.nextInt(6)) {
            case 0, 1 -> read(sector, count, fits);
            case 2 -> write(sector, count, fits);
            case 3 -> zero(sector, count, fits);
            case 4 -> discard(sector, count, fits);
            default -> {
              fits = true;
              yield driver.flush();
            }
          };
      requests++;
      errors += fits ? 0 : 1;
      assertThat(status).isEqualTo(fits ? BlockRequest.STATUS_OK : BlockRequest.STATUS_IO_ERROR);
    }

    private int read(int sector, int count, boolean fits) {
      BlockDriver.Result result =
          driver.submit(BlockRequest.IN, sector, new byte[0], count * 512, random);
      if (fits) {
        assertThat(result.data())
            .isEqualTo(Arrays.copyOfRange(content, sector * 512, (sector + count) * 512));
        assertThat(result.usedByteCount()).isEqualTo(count * 512L + 1);
      }
      return result.status();
    }

    private int write(int sector, int count, boolean fits) {
      byte[] data = new byte[count * 512];
      random.nextBytes(data);
      if (fits) {
        System.arraycopy(data, 0, content, sector * 512, data.length);
      }
      return driver.submit(BlockRequest.OUT, sector, data, 0, random).status();
    }

    private int zero(int sector, int count, boolean fits) {
      if (fits) {
        Arrays.fill(content, sector * 512, (sector + count) * 512, (byte) 0);
      }
      return driver.writeZeroes(sector, count, random.nextInt(2));
    }

    /** A discarded sector reads as it did, or as zeroes; which, the model learns. */
    private int discard(int sector, int count, boolean fits) {
      int status = driver.discard(sector, count, 0);
      for (int i = sector; fits && i < sector + count; i++) {
        byte[] found = driver.read(i, 512).data();
        requests++;
        byte[] before = Arrays.copyOfRange(content, i * 512, (i + 1) * 512);
        assertThat(found).isIn(before, new byte[512]);
        System.arraycopy(found, 0, content, i * 512, 512);
      }
      return status;
    }
  }
}
