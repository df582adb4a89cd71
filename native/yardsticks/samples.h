/* Latency samples, the clock they come from, and the line of JSON they end in. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <stdint.h>
#include <stddef.h>

uint64_t nowNanos(void);

/*
 * Prints one line: operation, count, and the 50th, 90th and 99th percentile, extremes and mean in
 * nanoseconds. Sorts the samples.
 */
void printSummary(const char *operation, uint64_t *samples, size_t count);

/* Measures count times into samples. No guest runs before, nor when it returns: others measure then. */
typedef void measureFunction(void *context, uint64_t *samples, size_t count);

/*
 * Runs a yardstick: once with the number in argument, or, if that is "--stdin", once for every
 * line "go N" read until end of file, so that two programs can take turns. "all N" does the same and
 * prints the samples themselves. Returns the process's exit status.
 */
int runYardstick(const char *operation, const char *argument, measureFunction *measure,
                 void *context);

#endif
