#include "scatter.h"

#include "samples.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

enum {
    POLL_MICROS = 50,
};

static const uint64_t LONGEST_WAIT_NANOS = 60ul * 1000 * 1000 * 1000;

struct flatVcpu scatterAddVcpu(struct scatter *scatter, const struct flatVm *vm, uint64_t pages,
                               uint64_t stride)
{
    struct flatArguments arguments = flatWorkspace(vm);
    uint64_t room = arguments.workspaceByteSize / FLAT_PAGE_BYTES;
    if (pages > room) {
        errno = 0;
        fail("%" PRIu64 " scattered pages: the guest has %" PRIu64, pages, room);
    }
    arguments.rdx = pages;
    arguments.rcx = stride != 0 ? stride : room / pages * FLAT_PAGE_BYTES;
    *scatter = (struct scatter){.vm = vm, .firstGpa = arguments.workspace, .pages = pages,
                                .stride = arguments.rcx};
    return flatAddVcpu(vm, 0, &arguments);
}

static uint64_t *wordAt(const struct scatter *scatter, uint64_t page)
{
    return (uint64_t *)flatAt(scatter->vm, scatter->firstGpa + page * scatter->stride);
}

size_t scatterPageIndex(const struct scatter *scatter, uint64_t page)
{
    return ((uint8_t *)wordAt(scatter, page) - scatter->vm->memory) / FLAT_PAGE_BYTES;
}

static uint64_t wordOf(const struct scatter *scatter, uint64_t page)
{
    return *(const volatile uint64_t *)wordAt(scatter, page);
}

uint64_t scatterPassOf(const struct scatter *scatter, uint64_t page)
{
    return wordOf(scatter, page) >> 32;
}

void scatterAwaitEndOf(const struct scatter *scatter, uint64_t pass)
{
    uint64_t start = nowNanos();
    while (scatterPassOf(scatter, scatter->pages - 1) < pass) {
        usleep(POLL_MICROS);
        if (nowNanos() - start > LONGEST_WAIT_NANOS) {
            errno = 0;
            fail("the guest did not end pass %" PRIu64, pass);
        }
    }
}

void scatterRequireOneInstant(const struct scatter *scatter)
{
    uint64_t ahead = scatterPassOf(scatter, 0), pass = ahead;
    for (uint64_t page = 0; page < scatter->pages; page++) {
        uint64_t word = wordOf(scatter, page);
        if (word >> 32 == ahead - 1) {
            pass = ahead - 1; /* as all pages from here on */
        }
        if (word != (pass == 0 ? 0 : pass << 32 | page)) {
            errno = 0;
            fail("page %" PRIu64 " holds 0x%" PRIx64 " and should be in pass %" PRIu64, page,
                 word, pass);
        }
    }
}
