package dev.torpor.vmm.disk;

import dev.torpor.snapshot.Blocks;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.Layers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Writes numbered blocks to a disk and says which were flushed, until it is killed. */
final class DiskWriterMain {
  static final int BLOCK_COUNT = 64;

  private DiskWriterMain() {}

  static LayeredDisk open(Path root, Layers layers) {
    DiskPlace place = new DiskPlace(root.resolve("vm"), "disk-0", LayerKeeper.NONE);
    return place.hasDisk()
        ? SurvivingDisks.reopen(place, layers)
        : SurvivingDisks.create(
            place, layers, DiskBase.of(root.resolve("base.raw")), Image.empty(layers, BLOCK_COUNT));
  }

  /** With the scratch folder, the first number, and a seed. */
  public static void main(String[] args) {
    Path root = Path.of(args[0]);
    long number = Long.parseLong(args[1]);
    Random random = new Random(Long.parseLong(args[2]));
    Layers layers = Layers.open(root.resolve("layers"));
    LayeredDisk disk = open(root, layers);
    ExecutorService background = Executors.newSingleThreadExecutor();
    MemorySegment block = Arena.global().allocate(Blocks.BYTES, Blocks.BYTES);
    while (true) {
      for (int i = 0; i < Blocks.BYTES / Long.BYTES; i++) {
        block.setAtIndex(ValueLayout.JAVA_LONG, i, number);
      }
      disk.write(number % BLOCK_COUNT * Blocks.BYTES, block.address(), Blocks.BYTES);
      disk.flush();
      System.out.println(number);
      number++;
      if (random.nextInt(20) == 0) {
        disk.prepareSeal();
        SealedLayer sealed = disk.seal();
        background.execute(sealed::sync);
      }
    }
  }
}
