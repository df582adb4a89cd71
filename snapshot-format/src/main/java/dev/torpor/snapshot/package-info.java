/** The format of checkpoints, of which only the unit, the block, is settled so far. */
package dev.torpor.snapshot;
