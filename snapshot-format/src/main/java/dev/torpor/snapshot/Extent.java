package dev.torpor.snapshot;

/**
 * A run of consecutive blocks that lie one behind the other in one layer, so that one mapping of
 * the layer's file brings them all.
 *
 * @param firstBlock the first block's index in the image
 * @param blockCount how many blocks, at least 1
 * @param layer the number of the layer that holds them
 * @param offset where the first begins, in bytes from the start of the layer's file; block-aligned
 */
public record Extent(long firstBlock, long blockCount, int layer, long offset) {}
