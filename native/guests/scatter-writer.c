/*
 * Dirties a few pages spread over its workspace, again and again, without ever leaving the guest.
 *
 *   rdx   number of pages (default: as many as the workspace has); more, if the stride is
 *         shorter than a page, so that several share one
 *   rcx   stride in bytes from one page to the next, a multiple of 8 (default: spread over the
 *         whole workspace, that is its byte size divided by the number of pages, rounded down to
 *         whole pages)
 *   r8    TSC cycles from one write to the next (0 = as fast as possible)
 *   r9    passes, then EXIT 0 (0 = forever)
 *
 * Passes count from 1. One pass writes, for page = 0, 1, ... pages - 1, the 64-bit little-endian
 * word
 *
 *   pass << 32 | page        at   gpa = workspace + page * stride
 *
 * So at any instant there is one pass that the first pages are in, and all others are one pass
 * behind them: whoever sees these words otherwise has not seen memory as it was at one instant.
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

_Noreturn void program(uint64_t workspace, uint64_t byteSize, uint64_t pages, uint64_t stride,
                       uint64_t cyclesPerWrite, uint64_t passes)
{
    uint64_t room = byteSize / PAGE_SIZE;
    pages = orDefault(pages, room);
    if (room == 0 || (stride == 0 && pages > room)) {
        stop(EXIT_WORKSPACE_TOO_SMALL);
    }
    stride = orDefault(stride, room / pages * PAGE_SIZE);
    if (stride > byteSize / pages) {
        stop(EXIT_WORKSPACE_TOO_SMALL);
    }
    uint64_t lastWrite = readTsc();
    for (uint64_t pass = 1; passes == 0 || pass <= passes; pass++) {
        uint64_t gpa = workspace;
        for (uint64_t page = 0; page < pages; page++) {
            *(volatile uint64_t *)gpa = pass << 32 | page;
            gpa += stride;
            if (cyclesPerWrite != 0) {
                lastWrite = waitSince(lastWrite, cyclesPerWrite);
            }
        }
    }
    stop(EXIT_DONE);
}
