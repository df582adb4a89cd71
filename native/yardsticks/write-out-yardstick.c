/*
 * How fast pages that were copied out of a guest go to a file:
 *
 *   write-out-yardstick GUESTS_DIR ITERATIONS|--stdin folder=DIR [way=plain|checked] [pages=P]
 *                       [map=KIB] [piece=KIB] [sync=0|1]
 *
 * One sample is one new file: P pages in pieces, as many KiB behind them as a checkpoint's map of
 * them has, and the header once more. Checked means that each page is searched for something that
 * is not zero and gets a CRC32C, as the map does. The file before stays until this one is written,
 * as a checkpoint's parent does. Neither creating files nor deleting them is in the sample.
 */
#define _GNU_SOURCE
#include "flat.h"
#include "options.h"
#include "page-check.h"
#include "samples.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    WARM_UP_FILES = 1,
};

struct writeOut {
    char paths[2][4096]; /* in turns */
    uint8_t *contents; /* the pages, then the map */
    size_t pagesByteSize, mapByteSize, pieceByteSize;
    uint32_t *checksums;
    int folderFd, checked, sync, turn;
};

static void writeAll(int fd, const uint8_t *bytes, size_t byteSize, off_t offset)
{
    while (byteSize > 0) {
        ssize_t written = pwrite(fd, bytes, byteSize, offset);
        if (written <= 0) {
            fail("pwrite of %zu bytes at %lld", byteSize, (long long)offset);
        }
        bytes += written;
        byteSize -= written;
        offset += written;
    }
}

/*
 * A file system that cannot allocate before, or begin with the disk early, does without. The disk
 * begins early only if it is waited for: else that costs time and is no part of the sample.
 */
static void writePiece(const struct writeOut *writeOut, int fd, const uint8_t *bytes,
                       size_t byteSize, off_t offset)
{
    (void)!fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, byteSize);
    writeAll(fd, bytes, byteSize, offset);
    if (writeOut->sync) {
        (void)!sync_file_range(fd, offset, byteSize, SYNC_FILE_RANGE_WRITE);
    }
}

static void checkPages(const struct writeOut *writeOut, size_t offset, size_t byteSize)
{
    size_t first = offset / FLAT_PAGE_BYTES, count = byteSize / FLAT_PAGE_BYTES;
    if (countZeroPages(writeOut->contents + offset, count) != 0) {
        errno = 0;
        fail("a page that is zero, and none was written");
    }
    checksumPages(writeOut->contents + offset, count, writeOut->checksums + first);
}

/* Pieces end at multiples of their size in the file, so that the page cache has large folios. */
static void writePieces(const struct writeOut *writeOut, int fd, size_t from, size_t end)
{
    for (size_t at = from; at < end;) {
        size_t room = writeOut->pieceByteSize - (FLAT_PAGE_BYTES + at) % writeOut->pieceByteSize;
        size_t byteSize = end - at < room ? end - at : room;
        if (writeOut->checked) {
            checkPages(writeOut, at, byteSize);
        }
        writePiece(writeOut, fd, writeOut->contents + at, byteSize, FLAT_PAGE_BYTES + at);
        at += byteSize;
    }
}

static void writeFile(const struct writeOut *writeOut, int fd)
{
    writePieces(writeOut, fd, 0, writeOut->pagesByteSize);
    writePieces(writeOut, fd, writeOut->pagesByteSize,
                writeOut->pagesByteSize + writeOut->mapByteSize);
    writeAll(fd, writeOut->contents, FLAT_PAGE_BYTES, 0);
    if (writeOut->sync
        && (fdatasync(fd) != 0 || fsync(writeOut->folderFd) != 0)) { /* its name as well */
        fail("fsync of %s", writeOut->paths[writeOut->turn]);
    }
}

static int createFile(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        fail("create %s", path);
    }
    return fd;
}

/* The guest has written to each page since. */
static void changePages(const struct writeOut *writeOut)
{
    for (size_t at = 0; at < writeOut->pagesByteSize; at += FLAT_PAGE_BYTES) {
        *(uint64_t *)(writeOut->contents + at) += 1;
    }
}

static void measureFiles(void *context, uint64_t *samples, size_t count)
{
    struct writeOut *writeOut = context;
    for (size_t i = 0; i < count; i++) {
        changePages(writeOut);
        int fd = createFile(writeOut->paths[writeOut->turn]);
        writeAll(fd, writeOut->contents, FLAT_PAGE_BYTES, 0);
        uint64_t start = nowNanos();
        writeFile(writeOut, fd);
        samples[i] = nowNanos() - start;
        close(fd);
        writeOut->turn = 1 - writeOut->turn;
        unlink(writeOut->paths[writeOut->turn]);
    }
}

/* Pages of random words: such as no file system stores smaller than they are. */
static uint8_t *randomContents(size_t byteSize)
{
    uint64_t *words = (uint64_t *)flatAllocate(byteSize);
    uint64_t state = 0x9e3779b97f4a7c15;
    for (size_t i = 0; i < byteSize / sizeof(*words); i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        words[i] = state;
    }
    return (uint8_t *)words;
}

int main(int argc, char **argv)
{
    struct option options[] = {{"folder", "/tmp", "where the files go"},
                               {"way", "plain", "plain or checked"},
                               {"pages", "2000", "how many pages"},
                               {"map", "0", "KiB of the map behind them, a multiple of 4"},
                               {"piece", "1024", "KiB that are written at once, a multiple of 4"},
                               {"sync", "0", "1 to have each file on the disk"}};
    parseOptions(argc, argv, options, 6);
    static const char *const ways[] = {"plain", "checked", NULL};
    static struct writeOut writeOut;
    writeOut.folderFd = open(options[0].value, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (writeOut.folderFd < 0) {
        fail("open %s", options[0].value);
    }
    for (int i = 0; i < 2; i++) {
        snprintf(writeOut.paths[i], sizeof(writeOut.paths[i]), "%s/write-out-yardstick-%d-%d",
                 options[0].value, (int)getpid(), i);
    }
    writeOut.checked = choiceOption(&options[1], ways);
    writeOut.pagesByteSize = numberOption(&options[2], 1, 1 << 22) * FLAT_PAGE_BYTES;
    writeOut.mapByteSize = (numberOption(&options[3], 0, 1 << 22) & ~3ul) << 10;
    writeOut.pieceByteSize = (numberOption(&options[4], 4, 1 << 20) & ~3ul) << 10;
    writeOut.sync = numberOption(&options[5], 0, 1);
    size_t byteSize = writeOut.pagesByteSize + writeOut.mapByteSize;
    writeOut.contents = randomContents(byteSize);
    writeOut.checksums = calloc(byteSize / FLAT_PAGE_BYTES, sizeof(*writeOut.checksums));
    if (writeOut.checksums == NULL) {
        fail("memory for the checksums of %zu bytes", byteSize);
    }
    uint64_t warmUp[WARM_UP_FILES];
    measureFiles(&writeOut, warmUp, WARM_UP_FILES);
    int status = runYardstick("write-out", argv[2], measureFiles, &writeOut);
    unlink(writeOut.paths[1 - writeOut.turn]);
    free(writeOut.checksums);
    munmap(writeOut.contents, byteSize);
    return status;
}
