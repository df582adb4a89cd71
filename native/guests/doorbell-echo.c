/*
 * Leaves the guest as often as it can.
 *
 *   rdx   iterations, then EXIT 0 (0 = forever)
 *   rcx   0: read a value from ECHO and write back that value plus one, two exits an iteration
 *         1: write the iteration's number, from 1, to PROGRESS, one exit an iteration
 */
#include "guest.h"

_Noreturn void program(uint64_t workspace, uint64_t byteSize, uint64_t iterations,
                       uint64_t writeOnly, uint64_t r8, uint64_t r9)
{
    (void)workspace, (void)byteSize, (void)r8, (void)r9;
    for (uint64_t i = 1; iterations == 0 || i <= iterations; i++) {
        if (writeOnly) {
            reportProgress(i);
        } else {
            ringDoorbell(DOORBELL_ECHO, readDoorbell(DOORBELL_ECHO) + 1);
        }
    }
    stop(EXIT_DONE);
}
