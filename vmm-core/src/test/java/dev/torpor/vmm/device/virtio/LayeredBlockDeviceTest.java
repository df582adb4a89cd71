package dev.torpor.vmm.device.virtio;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.Layers;
import dev.torpor.vmm.device.EventLoop;
import dev.torpor.vmm.disk.DiskBase;
import dev.torpor.vmm.disk.DiskPlace;
import dev.torpor.vmm.disk.LayerKeeper;
import dev.torpor.vmm.disk.LayeredDisk;
import dev.torpor.vmm.disk.SealedLayer;
import dev.torpor.vmm.disk.SurvivingDisks;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A disk of layers behind the device that guests see. */
class LayeredBlockDeviceTest {
  private static final int SECTORS = 8 * 20 + 3;

  @TempDir private Path folder;

  @Test
  void aGuestsRequestsReachTheLayers() throws IOException {
    Random random = new Random(5);
    byte[] content = new byte[SECTORS * 512];
    random.nextBytes(content);
    Path base = Files.write(folder.resolve("base.raw"), content);
    try (Layers layers = Layers.open(folder.resolve("layers"));
        GuestMemory memory = GuestMemory.allocate(8L << 20, MemoryBacking.ANONYMOUS, false);
        EventLoop loop = new EventLoop("layered-block")) {
      LayeredDisk disk =
          SurvivingDisks.create(
              new DiskPlace(folder.resolve("vm"), "disk-0", LayerKeeper.NONE),
              layers,
              DiskBase.of(base),
              Image.empty(layers, 21));
      BlockDevice device = new BlockDevice(disk, "layered");
      try (VirtioMmioTransport transport =
          new VirtioMmioTransport(device, memory, () -> {}, loop)) {
        BlockDriver driver = new BlockDriver(transport, memory, device.deviceFeatures());
        write(driver, content, 3, random, 512 * 30);
        write(driver, content, SECTORS - 2, random, 1024);
        assertThat(driver.flush()).isZero();
        assertThat(driver.writeZeroes(5, 20, 1)).isZero();
        Arrays.fill(content, 5 * 512, 25 * 512, (byte) 0);
        SealedLayer sealed = disk.seal();
        write(driver, content, 20, random, 512 * 9);
        sealed.sync();
        assertThat(driver.read(0, content.length).data()).isEqualTo(content);
        assertThat(device.metrics().errorCount()).isZero();
        assertThat(Files.readAllBytes(base)).isNotEqualTo(content);
      }
    }
  }

  @Test
  void aDamagedBlockIsAnIoErrorForTheGuest() throws IOException {
    Path base = Files.write(folder.resolve("base.raw"), new byte[SECTORS * 512]);
    try (Layers layers = Layers.open(folder.resolve("layers"));
        GuestMemory memory = GuestMemory.allocate(8L << 20, MemoryBacking.ANONYMOUS, false);
        EventLoop loop = new EventLoop("layered-block")) {
      Image image = imageOfNoise(layers, base);
      try (RandomAccessFile layer = new RandomAccessFile(layers.path(1).toFile(), "rw")) {
        layer.seek(4096 + 17);
        layer.write(1);
      }
      BlockDevice device =
          new BlockDevice(LayeredDisk.open(layers, DiskBase.of(base), image), "damaged");
      try (VirtioMmioTransport transport =
          new VirtioMmioTransport(device, memory, () -> {}, loop)) {
        BlockDriver driver = new BlockDriver(transport, memory, device.deviceFeatures());
        assertThat(driver.read(0, 512).status()).isEqualTo(BlockRequest.STATUS_IO_ERROR);
        assertThat(driver.read(8, 512).status()).isZero();
      }
    }
  }

  /** Block 0 is stored; all others are the base's. */
  private static Image imageOfNoise(Layers layers, Path base) {
    try (LayeredDisk disk = LayeredDisk.open(layers, DiskBase.of(base), Image.empty(layers, 21));
        java.lang.foreign.Arena arena = java.lang.foreign.Arena.ofConfined()) {
      disk.write(0, arena.allocate(4096).fill((byte) 0x5a).address(), 4096);
      SealedLayer sealed = disk.seal();
      sealed.sync();
      return sealed.toImage();
    }
  }

  private static void write(
      BlockDriver driver, byte[] content, int sector, Random random, int byteCount) {
    byte[] data = new byte[byteCount];
    random.nextBytes(data);
    assertThat(driver.write(sector, data)).isZero();
    System.arraycopy(data, 0, content, sector * 512, byteCount);
  }
}
