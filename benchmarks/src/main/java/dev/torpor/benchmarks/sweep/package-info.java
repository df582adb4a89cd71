/**
 * The same operations over ranges of their parameters, with JMH: one class for each question, whole
 * distributions, and what each operation allocates on Java's heap.
 */
package dev.torpor.benchmarks.sweep;
