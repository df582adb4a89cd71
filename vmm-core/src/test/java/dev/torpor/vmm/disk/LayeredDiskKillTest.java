package dev.torpor.vmm.disk;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.snapshot.Blocks;
import dev.torpor.snapshot.Layers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class LayeredDiskKillTest {
  private static final int ROUNDS = 20;
  private static final int BLOCKS = DiskWriterMain.BLOCK_COUNT;

  @Test
  @Timeout(300)
  void whatAKilledProcessFlushedIsThere() throws Exception {
    Path root = DiskUnderTest.scratch();
    Random random = new Random(3);
    try {
      Files.write(root.resolve("base.raw"), new byte[BLOCKS * Blocks.BYTES]);
      long acknowledged = 0;
      for (int round = 0; round < ROUNDS; round++) {
        long before = acknowledged;
        acknowledged = writeUntilKilled(root, acknowledged + 1, random);
        assertThat(acknowledged).isGreaterThan(before);
        assertFlushed(root, acknowledged);
      }
    } finally {
      DiskUnderTest.deleteTree(root);
    }
  }

  /** Returns the last number that was flushed. */
  private static long writeUntilKilled(Path root, long from, Random random) throws Exception {
    Path acknowledged = root.resolve("acknowledged");
    Process writer =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                DiskWriterMain.class.getName(),
                root.toString(),
                Long.toString(from),
                Long.toString(random.nextLong()))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .redirectOutput(acknowledged.toFile())
            .start();
    try {
      long wanted = random.nextInt(1, 1500);
      while (Files.size(acknowledged) < wanted && writer.isAlive()) {
        Thread.sleep(1);
      }
      assertThat(writer.isAlive()).as("the writer is alive until it is killed").isTrue();
    } finally {
      writer.destroyForcibly().waitFor();
    }
    // The kill may have cut the last line.
    String lines = Files.readString(acknowledged, US_ASCII);
    String whole = lines.substring(0, lines.lastIndexOf('\n') + 1).strip();
    return Long.parseLong(whole.substring(whole.lastIndexOf('\n') + 1));
  }

  private static void assertFlushed(Path root, long acknowledged) {
    try (Layers layers = Layers.open(root.resolve("layers"));
        LayeredDisk disk = DiskWriterMain.open(root, layers);
        Arena arena = Arena.ofConfined()) {
      MemorySegment block = arena.allocate(Blocks.BYTES, Blocks.BYTES);
      for (long i = 0; i < BLOCKS; i++) {
        disk.read(i * Blocks.BYTES, block.address(), Blocks.BYTES);
        long found = block.get(ValueLayout.JAVA_LONG, 0);
        for (int word = 1; word < Blocks.BYTES / Long.BYTES; word++) {
          assertThat(block.getAtIndex(ValueLayout.JAVA_LONG, word)).isEqualTo(found);
        }
        long newest = acknowledged - Math.floorMod(acknowledged - i, BLOCKS);
        long perhaps = (acknowledged + 1) % BLOCKS == i ? acknowledged + 1 : newest;
        assertThat(found).as("block %d", i).isIn(Math.max(newest, 0), Math.max(perhaps, 0));
      }
    }
  }
}
