#include "dirty-log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum {
    PAGES_PER_WORD = 64,
};

struct dirtyLog dirtyLogOpen(const struct flatVm *vm)
{
    size_t pageCount = vm->byteSize / FLAT_PAGE_BYTES;
    struct dirtyLog log = {.vm = vm};
    log.bitmap = malloc(pageCount / 8);
    log.pages = malloc(pageCount * sizeof(*log.pages));
    if (log.bitmap == NULL || log.pages == NULL) {
        fail("memory for a dirty log of %zu pages", pageCount);
    }
    memset(log.bitmap, 0, pageCount / 8); /* no page faults later */
    memset(log.pages, 0, pageCount * sizeof(*log.pages));
    return log;
}

void dirtyLogClose(struct dirtyLog *log)
{
    free(log->bitmap);
    free(log->pages);
}

static void listPages(struct dirtyLog *log, uint64_t word, uint32_t firstPage)
{
    for (; word != 0; word &= word - 1) {
        log->pages[log->pageCount++] = firstPage + __builtin_ctzll(word);
    }
}

/* Clears from the first to the last word that is not zero. */
static void collectSlot(struct dirtyLog *log, const struct kvm_userspace_memory_region *slot)
{
    uint32_t firstPage = (slot->userspace_addr - (uint64_t)log->vm->memory) / FLAT_PAGE_BYTES;
    uint64_t *bitmap = log->bitmap + firstPage / PAGES_PER_WORD;
    struct kvm_dirty_log get = {.slot = slot->slot, .dirty_bitmap = bitmap};
    IOCTL(log->vm->fd, KVM_GET_DIRTY_LOG, &get);
    size_t words = slot->memory_size / FLAT_PAGE_BYTES / PAGES_PER_WORD, first = words, last = 0;
    for (size_t i = 0; i < words; i++) {
        if (bitmap[i] != 0) {
            listPages(log, bitmap[i], firstPage + i * PAGES_PER_WORD);
            first = first == words ? i : first;
            last = i;
        }
    }
    if (first < words) {
        struct kvm_clear_dirty_log clear = {
            .slot = slot->slot, .first_page = first * PAGES_PER_WORD,
            .num_pages = (last - first + 1) * PAGES_PER_WORD, .dirty_bitmap = bitmap + first};
        IOCTL(log->vm->fd, KVM_CLEAR_DIRTY_LOG, &clear);
    }
}

void dirtyLogCollect(struct dirtyLog *log)
{
    log->pageCount = 0;
    for (unsigned i = 0; i < log->vm->slotCount; i++) {
        collectSlot(log, &log->vm->slots[i]);
    }
}
