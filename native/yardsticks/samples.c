#include "samples.h"

#include "flat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const size_t MAXIMUM_COUNT = 100 * 1000 * 1000;

uint64_t nowNanos(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int compareSamples(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The smallest sample that at least that share of all samples do not exceed. */
static uint64_t percentile(const uint64_t *sorted, size_t count, unsigned percent)
{
    return sorted[(count * percent + 99) / 100 - 1];
}

void printSummary(const char *operation, uint64_t *samples, size_t count)
{
    qsort(samples, count, sizeof(*samples), compareSamples);
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += samples[i];
    }
    printf("{\"operation\":\"%s\",\"count\":%zu,\"minNanos\":%" PRIu64 ",\"p50Nanos\":%" PRIu64
           ",\"p90Nanos\":%" PRIu64 ",\"p99Nanos\":%" PRIu64 ",\"maxNanos\":%" PRIu64
           ",\"meanNanos\":%.0f}\n",
           operation, count, samples[0], percentile(samples, count, 50),
           percentile(samples, count, 90), percentile(samples, count, 99), samples[count - 1],
           sum / count);
    fflush(stdout);
}

/* Every sample in the order in which it was taken, for who puts several rounds together. */
static void printSamples(const char *operation, uint64_t *samples, size_t count)
{
    printf("{\"operation\":\"%s\",\"samplesNanos\":[", operation);
    for (size_t i = 0; i < count; i++) {
        printf("%s%" PRIu64, i == 0 ? "" : ",", samples[i]);
    }
    printf("]}\n");
    fflush(stdout);
}

typedef void printFunction(const char *operation, uint64_t *samples, size_t count);

static size_t parseCount(const char *text)
{
    char *end;
    unsigned long long count = strtoull(text, &end, 10);
    if (end == text || *end != '\0' || count == 0 || count > MAXIMUM_COUNT) {
        errno = 0;
        fail("expected a number of iterations from 1 to %zu, not '%s'", MAXIMUM_COUNT, text);
    }
    return count;
}

static void measureOnce(const char *operation, size_t count, measureFunction *measure,
                        void *context, printFunction *print)
{
    uint64_t *samples = calloc(count, sizeof(*samples));
    if (samples == NULL) {
        fail("memory for %zu samples", count);
    }
    memset(samples, 0xff, count * sizeof(*samples)); /* no page faults while measuring */
    measure(context, samples, count);
    print(operation, samples, count);
    free(samples);
}

int runYardstick(const char *operation, const char *argument, measureFunction *measure,
                 void *context)
{
    if (strcmp(argument, "--stdin") != 0) {
        measureOnce(operation, parseCount(argument), measure, context, printSummary);
        return 0;
    }
    char line[64];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "go ", 3) == 0) {
            measureOnce(operation, parseCount(line + 3), measure, context, printSummary);
        } else if (strncmp(line, "all ", 4) == 0) {
            measureOnce(operation, parseCount(line + 4), measure, context, printSamples);
        } else {
            errno = 0;
            fail("expected 'go N' or 'all N', not '%s'", line);
        }
    }
    return 0;
}
