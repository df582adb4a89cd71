package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;

/** Chains and branches of random images, against plain maps of bytes. */
class ImageModelTest {
  /** Heights from 1 to 5, full and ragged ends. */
  private static final long[] SIZES = {1, 2, 63, 64, 65, 1000, 4096, 4097, 300_001, 1L << 26};

  @Property(tries = 150)
  void everyImageOfAChainHoldsWhatWasPutIntoIt(
      @ForAll long seed, @ForAll @LongRange(max = 9) long size, @ForAll boolean flatBase) {
    Random random = new Random(seed);
    long blockCount = SIZES[(int) size];
    ImageModel.withLayers(
        layers -> {
          List<ImageModel> images = new ArrayList<>();
          images.add(ImageModel.empty(layers, blockCount));
          // Flat layers of huge images would make the check of their extents long.
          boolean flat = flatBase && blockCount <= 4097;
          images.add(
              images
                  .getFirst()
                  .child(
                      layers,
                      flat ? LayerKind.FLAT : LayerKind.PACKED,
                      ImageModel.batches(random, blockCount)));
          for (int i = 0; i < 6; i++) {
            ImageModel parent = images.get(random.nextInt(images.size()));
            images.add(
                parent.child(layers, LayerKind.PACKED, ImageModel.batches(random, blockCount)));
          }
          images.forEach(image -> image.check(random.nextLong(blockCount)));
          reopened(layers, images).forEach(ImageModel::check);
          checkDifferences(images);
        });
  }

  private static List<ImageModel> reopened(Layers layers, List<ImageModel> images) {
    Layers again = Layers.open(layers.directory());
    return images.stream()
        .map(model -> new ImageModel(Image.open(again, model.image().root()), model.blocks()))
        .toList();
  }

  private static void checkDifferences(List<ImageModel> images) {
    for (ImageModel one : images) {
      for (ImageModel two : images) {
        List<Long> found = new ArrayList<>();
        one.image().forEachDifference(two.image(), found::add);
        assertThat(found).isSorted().doesNotHaveDuplicates();
        assertThat(found).containsAll(one.differences(two));
        TreeSet<Long> equal = new TreeSet<>(found);
        equal.removeAll(one.differences(two));
        // The same bytes stored twice: never between an image and itself.
        assertThat(equal.isEmpty() || !one.equals(two)).isTrue();
        assertThat(one.blocks().keySet()).containsAll(equal);
      }
    }
  }
}
