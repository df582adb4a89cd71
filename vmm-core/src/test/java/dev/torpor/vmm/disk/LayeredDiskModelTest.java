package dev.torpor.vmm.disk;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.snapshot.Image;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/** A disk, driven at random, against an array of bytes. */
class LayeredDiskModelTest {
  private static final int STEPS = 120;

  @Property(tries = 60)
  void diskAndArrayAgree(
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 200) int sectors,
      @ForAll boolean survivesItsProcess)
      throws IOException {
    Path root = DiskUnderTest.scratch();
    try (DiskUnderTest under = new DiskUnderTest(root, sectors * 512, seed)) {
      if (survivesItsProcess) {
        under.create();
      } else {
        under.open();
      }
      Model model = new Model(under, new Random(seed), survivesItsProcess);
      for (int i = 0; i < STEPS; i++) {
        model.step();
        assertThat(under.readAll()).as("after step %d", i).isEqualTo(model.now);
      }
      model.assertEarlierImages();
    } finally {
      DiskUnderTest.deleteTree(root);
    }
  }

  private static final class Model {
    private final DiskUnderTest under;
    private final Random random;
    private final boolean reopens;
    private final List<SealedLayer> pasts = new ArrayList<>();
    private final List<byte[]> pastContents = new ArrayList<>();
    private final List<Image> images = new ArrayList<>();
    private final List<byte[]> imageContents = new ArrayList<>();
    private byte[] now;

    Model(DiskUnderTest under, Random random, boolean reopens) {
      this.under = under;
      this.random = random;
      this.reopens = reopens;
      this.now = under.content.clone();
      images.add(under.empty());
      imageContents.add(now.clone());
    }

    void step() {
      switch (random.nextInt(16)) {
        case 0, 1, 2, 3 -> write();
        case 4 -> writeWhatIsThere();
        case 5 -> under.disk.flush();
        case 6 -> zero();
        case 7 -> discard();
        case 8 -> readSome();
        case 9 -> under.disk.prepareSeal();
        case 10, 11 -> seal();
        case 12 -> makeImage(false);
        case 13 -> makeImage(true);
        case 14 -> revert();
        default -> reopen();
      }
    }

    private int offset() {
      int at = random.nextInt(now.length);
      return random.nextBoolean() ? at / 4096 * 4096 : at;
    }

    private int lengthFrom(int offset) {
      int length = random.nextBoolean() ? 4096 * random.nextInt(1, 8) : random.nextInt(1, 9000);
      return Math.min(length, now.length - offset);
    }

    private void write() {
      int at = offset();
      byte[] bytes = DiskUnderTest.random(random, lengthFrom(at));
      if (random.nextInt(4) == 0) {
        Arrays.fill(bytes, (byte) 0);
      }
      under.write(at, bytes);
      System.arraycopy(bytes, 0, now, at, bytes.length);
    }

    private void writeWhatIsThere() {
      int at = offset();
      under.write(at, Arrays.copyOfRange(now, at, at + lengthFrom(at)));
    }

    private void zero() {
      int at = offset();
      int length = lengthFrom(at);
      under.disk.writeZeroes(at, length, random.nextBoolean());
      Arrays.fill(now, at, at + length, (byte) 0);
    }

    /** What was discarded reads as it did or as zero; which, the model learns. */
    private void discard() {
      int at = offset();
      int length = lengthFrom(at);
      byte[] before = now;
      under.disk.discard(at, length);
      now = under.readAll();
      for (int i = 0; i < now.length; i++) {
        boolean inside = i >= at && i < at + length;
        if (now[i] != before[i] && !(inside && now[i] == 0)) {
          throw new AssertionError("discard of %d at %d changed byte %d".formatted(length, at, i));
        }
      }
    }

    private void readSome() {
      int at = offset();
      int length = lengthFrom(at);
      assertThat(under.read(at, length)).isEqualTo(Arrays.copyOfRange(now, at, at + length));
    }

    private void seal() {
      pasts.add(under.disk.seal());
      pastContents.add(now.clone());
    }

    /** Of any sealed layer, in any order, perhaps again. */
    private void makeImage(boolean durable) {
      if (pasts.isEmpty()) {
        return;
      }
      int i = random.nextInt(pasts.size());
      Image image = pasts.get(i).toImage();
      if (durable) {
        pasts.get(i).sync();
      }
      images.add(image);
      imageContents.add(pastContents.get(i));
      assertThat(under.contentOf(image)).isEqualTo(pastContents.get(i));
    }

    private void revert() {
      int i = random.nextInt(images.size());
      under.disk.revertTo(images.get(i));
      now = imageContents.get(i).clone();
    }

    private void reopen() {
      if (!reopens) {
        return;
      }
      under.disk.flush();
      under.disk.close();
      pasts.clear();
      pastContents.clear();
      under.reopen();
      images.replaceAll(image -> Image.open(under.layers, image.root()));
    }

    void assertEarlierImages() {
      for (int i = 0; i < images.size(); i++) {
        assertThat(under.contentOf(images.get(i))).isEqualTo(imageContents.get(i));
      }
    }
  }
}
