/*
 * A machine that stands still: its memory in a file, to be mapped copy-on-write, and its state.
 * Any number of children can be built from it, each of which goes on where it stopped.
 */
#ifndef FROZEN_H
#define FROZEN_H

#include "flat.h"
#include "state.h"

struct frozen {
    const char *memoryPath;
    size_t byteSize;
    struct machineState state;
};

struct child {
    struct flatVm vm;
    struct flatVcpu vcpu;
};

/*
 * Boots doorbell-echo, which writes to a doorbell without end, and freezes it at its first write.
 * All of its memory is in use. The file is replaced, and written to the disk it is on.
 */
void freezeDoorbellGuest(struct frozen *frozen, const char *image, const char *memoryPath,
                         size_t byteSize);

/* Maps memory from a file that is open, builds a VM around it, and loads the state. */
struct child thaw(const struct frozen *frozen, int memoryFd, enum flatTracking tracking);

/* Lets it run to its first exit, which must be its next write to the doorbell. */
void runToFirstExit(const struct child *child);

void closeChild(struct child *child);

#endif
