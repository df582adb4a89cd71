package dev.torpor.vmm.vm;

import dev.torpor.snapshot.Store;
import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.checkpoint.CheckpointListener;
import dev.torpor.vmm.checkpoint.CheckpointStage;
import dev.torpor.vmm.checkpoint.MemorySource;
import dev.torpor.vmm.disk.LayeredDisk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * Runs a VM that checks itself, writes to its disk and takes checkpoints as fast as it can, until
 * it is killed. Begins when it is told on its input: with nothing but its disks, or with the UUID
 * of a checkpoint and a memory source. Prints each checkpoint that has become durable.
 */
final class KilledVmMain {
  static final long MEMORY_BYTES = 8L << 20;

  private KilledVmMain() {}

  static Path home(Path root) {
    return root.resolve("store/vms/web");
  }

  /** Every number that was flushed, 8 bytes each; the last one counts. */
  static Path flushed(Path root) {
    return root.resolve("flushed");
  }

  private static VmConfig.Builder guest() {
    return VmConfig.boot(FlatGuest.named("memory-check", 500, 1, 0, 64)).memory(MEMORY_BYTES);
  }

  /** With the scratch folder. */
  public static void main(String[] args) throws Exception {
    Path root = Path.of(args[0]);
    Vm.create(guest().build()).close(); // the classes are there when it counts
    String[] order = readLine().split(" ", -1);
    Store store = Store.open(root.resolve("store"));
    CheckpointListener listener =
        checkpoint -> {
          if (checkpoint.stage() == CheckpointStage.DURABLE) {
            System.out.println(checkpoint.uuid());
          }
        };
    Vm vm =
        order.length == 2 ? restored(root, store, order, listener) : fresh(root, store, listener);
    Thread writer = new Thread(() -> writeDisk(root, vm), "disk-writer");
    writer.setDaemon(true);
    writer.start();
    vm.start();
    for (int i = 0; ; i++) {
      Checkpoint checkpoint = vm.checkpoint("k" + i);
      if (i % 7 == 3) {
        checkpoint.cancel();
      }
    }
  }

  private static String readLine() throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = System.in.read(); c != '\n'; c = System.in.read()) {
      if (c < 0) {
        System.exit(0); // not needed any more
      }
      line.append((char) c);
    }
    return line.toString();
  }

  private static Vm fresh(Path root, Store store, CheckpointListener listener) {
    return Vm.create(
        guest()
            .name("web")
            .disk(root.resolve("base.raw"), false)
            .store(store)
            .diskFolder(home(root))
            .checkpointListener(listener)
            .build());
  }

  private static Vm restored(Path root, Store store, String[] order, CheckpointListener listener) {
    return Vm.restore(
        store,
        UUID.fromString(order[0]),
        RestoreConfig.named("web")
            .memorySource(MemorySource.valueOf(order[1]))
            .diskFolder(home(root))
            .listener(listener)
            .build());
  }

  private static void writeDisk(Path root, Vm vm) {
    LayeredDisk layered = vm.machine().disks().layered().getFirst();
    try (NumberedDisk disk = new NumberedDisk(layered);
        FileChannel log = openLog(root)) {
      long number = disk.last();
      record(log, number);
      while (true) {
        disk.write(++number);
        layered.flush();
        record(log, number);
      }
    } catch (Throwable e) {
      e.printStackTrace();
      System.exit(3);
    }
  }

  static FileChannel openLog(Path root) throws IOException {
    FileChannel log =
        FileChannel.open(flushed(root), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    log.position(Files.size(flushed(root)) / Long.BYTES * Long.BYTES);
    return log;
  }

  static void record(FileChannel log, long number) throws IOException {
    log.write(ByteBuffer.allocate(Long.BYTES).putLong(0, number));
    log.force(false);
  }
}
