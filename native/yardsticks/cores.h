/*
 * Where a host has several processors, threads that work with each other are kept on one each:
 * whether the scheduler happens to have put two on the same, or on two, changes what it costs to
 * stop or to wake one from the other by half.
 */
#ifndef CORES_H
#define CORES_H

enum core {
    CALLERS_CORE, /* of who controls the vCPU */
    VCPU_CORE,
};

/* The calling thread stays there; does nothing where the process has only one processor. */
void keepOnCore(enum core core);

#endif
