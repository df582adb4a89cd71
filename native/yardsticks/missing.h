/*
 * A scatter-writer whose workspace is missing: userfaultfd tells which page the guest stops at,
 * and whoever reads that brings it in.
 */
#ifndef MISSING_H
#define MISSING_H

#include "flat.h"
#include "runner.h"
#include "scatter.h"
#include "state.h"

struct missing {
    int faultFd;
    uint8_t *source; /* what the memory holds once it is there */
    struct flatVm vm;
    struct runner runner;
    struct scatter scatter;
    struct machineState entry;
};

/* The guest waits before its first instruction. As for scatterAddVcpu. */
void missingOpen(struct missing *missing, const char *image, size_t byteSize, uint64_t pages,
                 uint64_t stride);

/* Wherever the guest is: a page that it waits for is zero then. */
void missingClose(struct missing *missing);

/* Waits until the guest stops at a page; an index into the VM's mapping, as all pages here. */
size_t missingAwaitFault(const struct missing *missing);

/* Brings in pages that are missing, and wakes the guest if it waits for one of them. */
void missingBringIn(const struct missing *missing, size_t firstPage, size_t pageCount);

/* Stops the guest, which must have no page to wait for, and starts anew as after missingOpen. */
void missingStartOver(struct missing *missing);

#endif
