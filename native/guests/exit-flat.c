/* Stopping a flat guest: the doorbell is all there is. */
#include "guest.h"

void reportDetail(uint64_t detail)
{
    ringDoorbell(DOORBELL_DETAIL, detail);
}

_Noreturn void stop(uint64_t code)
{
    ringDoorbell(DOORBELL_EXIT, code);
    for (;;) {
        pauseCpu();
    }
}
