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

/* Writes the memory of a machine that has stopped to a file, which is replaced, and to its disk. */
void freeze(struct frozen *frozen, const struct flatVm *vm, const struct flatVcpu *vcpu,
            const char *memoryPath);

/*
 * Freezes doorbell-echo, which writes to a doorbell without end, at its first write. All of its
 * memory is in use.
 */
void freezeDoorbellGuest(struct frozen *frozen, const char *image, const char *memoryPath,
                         size_t byteSize);

/* Maps memory copy-on-write from the file. */
uint8_t *mapFrozen(const struct frozen *frozen, int memoryFd);

/* Builds a VM around memory that has the frozen contents, and loads the state. */
struct child thaw(const struct frozen *frozen, uint8_t *memory, enum flatTracking tracking);

/* Lets it run to its first exit, which must be its next write to the doorbell. */
void runToFirstExit(const struct child *child);

void closeChild(struct child *child);

#endif
