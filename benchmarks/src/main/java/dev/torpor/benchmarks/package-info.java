/**
 * Measurements of Torpor beside C programs that make the same system calls on the same guest,
 * taking turns in one run: what counts is the ratio, not the absolute time.
 */
package dev.torpor.benchmarks;
