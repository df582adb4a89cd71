/* KVM's dirty log with manual protection, as a list of pages: indices into the VM's mapping. */
#ifndef DIRTY_LOG_H
#define DIRTY_LOG_H

#include "flat.h"

struct dirtyLog {
    const struct flatVm *vm;
    uint64_t *bitmap; /* all memslots', one behind the other */
    uint32_t *pages;
    size_t pageCount;
};

/* Of a VM that was made with FLAT_DIRTY_LOG. */
struct dirtyLog dirtyLogOpen(const struct flatVm *vm);
void dirtyLogClose(struct dirtyLog *log);

/*
 * Lists the pages written to since the last time, and protects them again: what is written to a
 * page from now on makes it dirty again, so it can be copied while the guest runs.
 */
void dirtyLogCollect(struct dirtyLog *log);

#endif
