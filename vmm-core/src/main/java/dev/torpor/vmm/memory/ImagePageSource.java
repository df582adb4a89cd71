package dev.torpor.vmm.memory;

import dev.torpor.snapshot.BlockReader;
import dev.torpor.snapshot.BlockRef;
import dev.torpor.snapshot.Blocks;
import dev.torpor.snapshot.Image;
import java.lang.foreign.MemorySegment;

/**
 * The pages of a memory image, each verified when it is read. Pages that lie one behind the other
 * in a layer are read in one step. What is damaged throws {@link
 * dev.torpor.snapshot.SnapshotFormatException} with file and offset; what cannot be read throws
 * {@link java.io.UncheckedIOException}.
 */
public final class ImagePageSource implements PageSource {
  private final Image image;

  /**
   * Makes a source of an image's pages.
   *
   * @param image the image; its layers stay open for as long as pages are read
   */
  public ImagePageSource(Image image) {
    this.image = image;
  }

  @Override
  public long pageCount() {
    return image.blockCount();
  }

  @Override
  public Reader reader(MemorySegment buffer) {
    return new ImageReader(image, buffer);
  }

  private static final class ImageReader implements Reader {
    private final Image image;
    private final BlockReader blocks;
    private final BlockRef place = new BlockRef();

    ImageReader(Image image, MemorySegment buffer) {
      this.image = image;
      this.blocks = new BlockReader(image, buffer);
    }

    @Override
    public int read(long firstPage, int maxPages) {
      int max = (int) Math.min(maxPages, image.blockCount() - firstPage);
      image.find(firstPage, place);
      if (!place.isStored()) {
        return -zeroRun(firstPage, max);
      }
      int count = storedRun(firstPage, max);
      blocks.read(firstPage, count);
      return count;
    }

    private int zeroRun(long firstPage, int max) {
      int count = 1;
      while (count < max) {
        image.find(firstPage + count, place);
        if (place.isStored()) {
          break;
        }
        count++;
      }
      return count;
    }

    /** How many pages from the first on lie one behind the other. */
    private int storedRun(long firstPage, int max) {
      int layer = place.layer();
      long offset = place.offset();
      int count = 1;
      while (count < max) {
        image.find(firstPage + count, place);
        offset += Blocks.BYTES;
        if (place.layer() != layer || place.offset() != offset) {
          break;
        }
        count++;
      }
      return count;
    }
  }
}
