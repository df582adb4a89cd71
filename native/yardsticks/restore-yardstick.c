/*
 * How fast a machine comes back from files:
 *
 *   restore-yardstick GUESTS_DIR ITERATIONS|--stdin [image=FILE] [memory=MIB]
 *
 * FILE gets the memory and FILE.state the state; both are in the page cache when they are read.
 * One sample opens both, reads the state, maps the memory, builds the VM and runs it to its first
 * exit.
 */
#define _GNU_SOURCE
#include "flat.h"
#include "frozen.h"
#include "options.h"
#include "samples.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum {
    WARM_UP_RESTORES = 20,
};

struct saved {
    struct frozen frozen; /* whose state is read from the file again each time */
    char *statePath;
};

static void writeState(const struct saved *saved)
{
    int fd = open(saved->statePath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t byteSize = sizeof(saved->frozen.state);
    if (fd < 0 || write(fd, &saved->frozen.state, byteSize) != byteSize || close(fd) != 0) {
        fail("write %s", saved->statePath);
    }
}

static void readState(struct saved *saved)
{
    int fd = open(saved->statePath, O_RDONLY | O_CLOEXEC);
    ssize_t byteSize = sizeof(saved->frozen.state);
    if (fd < 0 || read(fd, &saved->frozen.state, byteSize) != byteSize) {
        fail("read %s", saved->statePath);
    }
    close(fd);
}

static struct child restore(struct saved *saved)
{
    readState(saved);
    int fd = open(saved->frozen.memoryPath, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fail("open %s", saved->frozen.memoryPath);
    }
    uint8_t *memory = mapFrozen(&saved->frozen, fd);
    close(fd);
    return thaw(&saved->frozen, memory, FLAT_UNTRACKED);
}

static void measureRestores(void *context, uint64_t *samples, size_t count)
{
    struct saved *saved = context;
    for (size_t i = 0; i < count; i++) {
        uint64_t start = nowNanos();
        struct child child = restore(saved);
        runToFirstExit(&child);
        samples[i] = nowNanos() - start;
        closeChild(&child);
    }
}

int main(int argc, char **argv)
{
    struct option options[] = {{"image", "/var/tmp/restore-yardstick", "where to put the memory"},
                               {"memory", "256", "MiB of guest memory"}};
    parseOptions(argc, argv, options, 2);
    static struct saved saved;
    if (asprintf(&saved.statePath, "%s.state", options[0].value) < 0) {
        fail("memory for a path");
    }
    freezeDoorbellGuest(&saved.frozen, imagePath(argv[1], "doorbell-echo"), options[0].value,
                        numberOption(&options[1], 8, 3 << 10) << 20);
    writeState(&saved);

    uint64_t warmUp[WARM_UP_RESTORES];
    measureRestores(&saved, warmUp, WARM_UP_RESTORES);
    int status = runYardstick("restore", argv[2], measureRestores, &saved);
    unlink(saved.statePath);
    unlink(saved.frozen.memoryPath);
    return status;
}
