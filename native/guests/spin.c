/*
 * Counts in the first word of its workspace without ever leaving the guest, so that only a kick
 * can stop it.
 *
 *   rdx   number of counts, then EXIT 0 (0 = forever)
 */
#include "guest.h"

_Noreturn void program(uint64_t workspace, uint64_t byteSize, uint64_t limit, uint64_t rcx,
                       uint64_t r8, uint64_t r9)
{
    (void)rcx, (void)r8, (void)r9;
    if (byteSize < sizeof(uint64_t)) {
        stop(EXIT_WORKSPACE_TOO_SMALL);
    }
    volatile uint64_t *counter = (volatile uint64_t *)workspace;
    for (uint64_t count = 1; limit == 0 || count <= limit; count++) {
        *counter = count;
    }
    stop(EXIT_DONE);
}
