/** What checkpoints cost over time: the guest's work, the store's bytes, the VMM's memory. */
package dev.torpor.benchmarks.cost;
