package dev.torpor.vmm.disk;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.snapshot.Image;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/**
 * A host that stops at any moment, and keeps of what was not made durable whatever it likes: old
 * sectors among new ones, files cut short, files without a name.
 */
class LayeredDiskCrashTest {
  private static final int SECTOR = 512;
  private static final int STEPS = 40;
  private static final int CRASHES = 5;

  @Property(tries = 60)
  void whatWasFlushedIsThereAfterACrash(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 120) int sectors) throws IOException {
    Path root = DiskUnderTest.scratch();
    try (DiskUnderTest under = new DiskUnderTest(root, sectors * SECTOR, seed)) {
      under.create();
      CrashModel model = new CrashModel(under, new Random(seed));
      for (int crash = 0; crash < CRASHES; crash++) {
        for (int i = model.random.nextInt(STEPS); i > 0; i--) {
          model.step();
        }
        model.crash();
      }
    } finally {
      DiskUnderTest.deleteTree(root);
    }
  }

  private static final class CrashModel {
    private final DiskUnderTest under;
    private final Random random;

    /** For each sector, what it may be after a crash: what was flushed, and all it was since. */
    private final List<List<byte[]>> allowed = new ArrayList<>();

    private final List<SealedLayer> pasts = new ArrayList<>();
    private final List<Image> images = new ArrayList<>();
    private Map<Path, byte[]> durable;

    CrashModel(DiskUnderTest under, Random random) throws IOException {
      this.under = under;
      this.random = random;
      flushed();
    }

    /** The host has made everything durable; the strictest test asks for no more than that. */
    private void flushed() throws IOException {
      durable = files(under.root);
      allowed.clear();
      byte[] now = under.readAll();
      for (int i = 0; i < now.length; i += SECTOR) {
        allowed.add(new ArrayList<>(List.of(Arrays.copyOfRange(now, i, i + SECTOR))));
      }
    }

    private void changed() {
      byte[] now = under.readAll();
      for (int i = 0; i < allowed.size(); i++) {
        allowed.get(i).add(Arrays.copyOfRange(now, i * SECTOR, (i + 1) * SECTOR));
      }
    }

    void step() throws IOException {
      int sectors = allowed.size();
      int first = random.nextInt(sectors);
      int count = Math.min(random.nextInt(1, 24), sectors - first);
      switch (random.nextInt(12)) {
        case 0, 1, 2, 3 -> under.write((long) first * SECTOR, bytes(count));
        case 4 -> under.disk.writeZeroes((long) first * SECTOR, (long) count * SECTOR, true);
        case 5 -> under.disk.discard((long) first * SECTOR, (long) count * SECTOR);
        case 6 -> pasts.add(under.disk.seal());
        case 7 -> image(false);
        case 8 -> image(true);
        case 9 -> revert();
        default -> {
          under.disk.flush();
          flushed();
        }
      }
      changed();
    }

    private byte[] bytes(int sectors) {
      return DiskUnderTest.random(random, sectors * SECTOR);
    }

    private void image(boolean sync) throws IOException {
      if (!pasts.isEmpty()) {
        SealedLayer past = pasts.get(random.nextInt(pasts.size()));
        images.add(past.toImage());
        if (sync) {
          past.sync();
          // What was synced stays; the rest of what is in memory may stay too.
          durable = files(under.root);
        }
      }
    }

    private void revert() {
      if (!images.isEmpty()) {
        under.disk.revertTo(images.get(random.nextInt(images.size())));
      }
    }

    void crash() throws IOException {
      Map<Path, byte[]> now = files(under.root);
      under.disk.close();
      under.layers.close();
      pasts.clear();
      images.clear();
      for (Path file : files(under.root).keySet()) {
        Files.delete(file);
      }
      for (Path file : now.keySet()) {
        writeSurvivor(file, now.get(file), durable.get(file));
      }
      under.reopen();
      byte[] found = under.readAll();
      for (int i = 0; i < allowed.size(); i++) {
        byte[] sector = Arrays.copyOfRange(found, i * SECTOR, (i + 1) * SECTOR);
        assertThat(allowed.get(i))
            .as("sector %d", i)
            .anyMatch(value -> Arrays.equals(value, sector));
      }
      flushed();
    }

    private void writeSurvivor(Path file, byte[] now, byte[] before) throws IOException {
      String name = file.getFileName().toString();
      if (name.endsWith(".state")) {
        Files.write(file, now); // replaced as a whole, durably
      } else if (before != null) {
        Files.write(file, mixed(name, now, before));
      } else if (random.nextBoolean()) {
        Files.write(file, mixed(name, now, new byte[0]));
      }
    }

    /** As long as one of them, or as anything between; sectors of either, or zero behind both. */
    private byte[] mixed(String name, byte[] now, byte[] before) {
      int length = before.length + random.nextInt(Math.max(now.length - before.length, 0) + 1);
      byte[] mix = Arrays.copyOf(before, random.nextBoolean() ? now.length : length);
      if (now.length < before.length) {
        mix = before.clone();
      }
      // A layer's header is one block, of which the disk keeps the old or the new.
      int step = name.endsWith(".layer") && mix.length >= 4096 ? 4096 : SECTOR;
      for (int i = 0; i < mix.length; i += i == 0 ? step : SECTOR) {
        int end = Math.min(Math.min(i + (i == 0 ? step : SECTOR), mix.length), now.length);
        if (end > i && random.nextBoolean()) {
          System.arraycopy(now, i, mix, i, end - i);
        }
      }
      return mix;
    }

    private static Map<Path, byte[]> files(Path root) throws IOException {
      Map<Path, byte[]> contents = new HashMap<>();
      try (Stream<Path> all = Files.walk(root)) {
        for (Path file : all.filter(CrashModel::isWritten).toList()) {
          contents.put(file, Files.readAllBytes(file));
        }
      }
      return contents;
    }

    private static boolean isWritten(Path file) {
      return Files.isRegularFile(file) && !file.toString().endsWith(".raw");
    }
  }
}
