#define _GNU_SOURCE
#include "cores.h"

#include "samples.h"
#include "flat.h"

#include <pthread.h>
#include <sched.h>

static int processors[2]; /* the first and the last that the process may use */

static void findProcessors(void)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
        fail("sched_getaffinity");
    }
    processors[CALLERS_CORE] = CPU_SETSIZE;
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &allowed)) {
            processors[VCPU_CORE] = i;
            if (processors[CALLERS_CORE] > i) {
                processors[CALLERS_CORE] = i;
            }
        }
    }
}

void keepOnCore(enum core core)
{
    static pthread_once_t found = PTHREAD_ONCE_INIT; /* before the first thread is kept anywhere */
    pthread_once(&found, findProcessors);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processors[core], &one);
    if (sched_setaffinity(0, sizeof(one), &one) != 0) {
        fail("sched_setaffinity to processor %d", processors[core]);
    }
}
