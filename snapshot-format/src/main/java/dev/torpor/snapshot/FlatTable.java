package dev.torpor.snapshot;

/** Blocks at their natural places: a bit and a checksum for each, in pages made when needed. */
final class FlatTable extends BlockTable {
  private static final int PAGE_BITS = 12;
  private static final int PAGE_BLOCKS = 1 << PAGE_BITS;

  private static final class Page {
    final int[] checksums = new int[PAGE_BLOCKS];
    final long[] stored = new long[PAGE_BLOCKS / Long.SIZE];
  }

  private final LayerWriter writer;
  private final Page[] pages;

  FlatTable(LayerWriter writer, long blockCount) {
    this.writer = writer;
    this.pages = new Page[Math.toIntExact(Math.ceilDiv(blockCount, (long) PAGE_BLOCKS))];
  }

  @Override
  long store(long block, int checksum) {
    int number = (int) (block >>> PAGE_BITS);
    Page page = pages[number];
    if (page == null) {
      page = new Page();
      pages[number] = page;
    }
    int index = (int) block & (PAGE_BLOCKS - 1);
    page.stored[index / Long.SIZE] |= 1L << index;
    page.checksums[index] = checksum;
    return writer.slot(block, 1);
  }

  @Override
  long drop(long block, boolean absent) {
    Page page = pages[(int) (block >>> PAGE_BITS)];
    int index = (int) block & (PAGE_BLOCKS - 1);
    long bit = 1L << index;
    if (page == null || (page.stored[index / Long.SIZE] & bit) == 0) {
      return 0;
    }
    page.stored[index / Long.SIZE] &= ~bit;
    return writer.slot(block, 1);
  }

  @Override
  ChangeCursor changes() {
    return new ChangeCursor() {
      private long next;

      @Override
      boolean advance() {
        long found = nextStored(next);
        if (found < 0) {
          return false;
        }
        next = found + 1;
        block = found;
        int checksum =
            pages[(int) (found >>> PAGE_BITS)].checksums[(int) found & (PAGE_BLOCKS - 1)];
        head = BlockRef.head(writer.number(), checksum);
        offset = writer.slot(found, 1);
        return true;
      }
    };
  }

  /** The first stored block that is not before another, or -1. */
  private long nextStored(long from) {
    long block = from;
    while (block >>> PAGE_BITS < pages.length) {
      Page page = pages[(int) (block >>> PAGE_BITS)];
      if (page == null) {
        block = ((block >>> PAGE_BITS) + 1) << PAGE_BITS;
        continue;
      }
      int index = (int) block & (PAGE_BLOCKS - 1);
      long rest = page.stored[index / Long.SIZE] >>> index;
      if (rest != 0) {
        return block + Long.numberOfTrailingZeros(rest);
      }
      block = (block | (Long.SIZE - 1)) + 1;
    }
    return -1;
  }
}
