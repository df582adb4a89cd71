/**
 * The format of checkpoints. An {@link dev.torpor.snapshot.Image} is a row of blocks at one
 * instant; each is zero or lives in a {@link dev.torpor.snapshot.Layer}, an immutable file, and a
 * block map says which.
 */
package dev.torpor.snapshot;
