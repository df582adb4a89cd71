/** Checkpoint, restore, fork and revert of a whole machine. */
package dev.torpor.vmm.checkpoint;
