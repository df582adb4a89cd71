/*
 * Dirties its workspace in a pattern that can be predicted word for word.
 *
 *   rdx   stride in bytes between writes (default 4096)
 *   rcx   seed of the pattern (default 1)
 *   r8    TSC cycles from one write to the next (0 = as fast as possible)
 *   r9    passes, then EXIT 0 (0 = forever)
 *
 * Let size be the workspace's byte size rounded down to whole pages. Passes count from 1. One
 * pass writes, for i = 0, 1, ... size / 4096 - 1, the 64-bit little-endian word
 *
 *   seed ^ (pass << 40) ^ gpa        at   gpa = workspace + ((i * stride) mod size & ~7)
 *
 * and then reports PROGRESS = pass.
 */
#include "guest.h"

/* Returns the time it stopped waiting. A TSC set back by a restore ends the wait, too. */
static uint64_t waitSince(uint64_t tsc, uint64_t cycles)
{
    uint64_t now = readTsc();
    while (now - tsc < cycles) {
        pauseCpu();
        now = readTsc();
    }
    return now;
}

_Noreturn void program(uint64_t workspace, uint64_t byteSize, uint64_t stride, uint64_t seed,
                       uint64_t cyclesPerWrite, uint64_t passes)
{
    uint64_t pageCount = byteSize / PAGE_SIZE;
    if (pageCount == 0) {
        stop(EXIT_WORKSPACE_TOO_SMALL);
    }
    uint64_t size = pageCount * PAGE_SIZE;
    stride = orDefault(stride, PAGE_SIZE) % size;
    seed = orDefault(seed, 1);
    uint64_t lastWrite = readTsc();
    for (uint64_t pass = 1; passes == 0 || pass <= passes; pass++) {
        uint64_t offset = 0;
        for (uint64_t i = 0; i < pageCount; i++) {
            uint64_t gpa = workspace + (offset & ~7ul);
            *(volatile uint64_t *)gpa = seed ^ (pass << 40) ^ gpa;
            offset += stride;
            offset -= offset >= size ? size : 0;
            if (cyclesPerWrite != 0) {
                lastWrite = waitSince(lastWrite, cyclesPerWrite);
            }
        }
        reportProgress(pass);
    }
    stop(EXIT_DONE);
}
