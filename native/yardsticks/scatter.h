/* What the flat guest scatter-writer has done, seen in the words that it writes. */
#ifndef SCATTER_H
#define SCATTER_H

#include "flat.h"

struct scatter {
    const struct flatVm *vm;
    uint64_t firstGpa, pages, stride;
};

/*
 * Adds vCPU 0 of a scatter-writer with that many pages, so many bytes apart; with 0, spread over
 * the largest workspace.
 */
struct flatVcpu scatterAddVcpu(struct scatter *scatter, const struct flatVm *vm, uint64_t pages,
                               uint64_t stride);

/* Where a page of the guest's lies: an index of pages into the VM's mapping. */
size_t scatterPageIndex(const struct scatter *scatter, uint64_t page);

/* The pass in which the guest last wrote to a page; 0 for never. */
uint64_t scatterPassOf(const struct scatter *scatter, uint64_t page);

/* Waits until the guest has ended that pass. */
void scatterAwaitEndOf(const struct scatter *scatter, uint64_t pass);

/* Fails unless memory is as it was at one instant. The guest must not run. */
void scatterRequireOneInstant(const struct scatter *scatter);

#endif
