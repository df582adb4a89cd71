/*
 * Does for a PVH guest what the monitor does for a flat one: works out the program's arguments
 * and builds the page tables of the contract. Runs at CPL 0 on provisional page tables that map
 * the first 4 GiB.
 *
 * Some monitors keep the start block where the contract has its page tables, so everything is
 * read from it before anything is written.
 */
#include "guest.h"
#include "pvh.h"

enum {
    START_INFO_MAGIC = 0x336ec578,
    MEMORY_TYPE_RAM = 1,
    LARGE_PAGE_BYTES = 0x200000,
    PRESENT_WRITABLE_USER = 7,
    ACCESSED_DIRTY_LARGE = 0xe0,
    MINIMUM_MAPPED_GIBS = 4,
    MAXIMUM_MAPPED_GIBS = 64,
    DEFAULT_WORKSPACE = 0x400000,
};

static const uint64_t DEFAULT_WORKSPACE_LIMIT = 0xc0000000;
static const uint64_t GIB = 1ul << 30;

/* Xen: xen/include/public/arch-x86/hvm/start_info.h */
struct startInfo {
    uint32_t magic;
    uint32_t version; /* the memory map came with version 1 */
    uint32_t flags;
    uint32_t moduleCount;
    uint64_t moduleList;
    uint64_t commandLine;
    uint64_t rsdp;
    uint64_t memoryMap;
    uint32_t memoryMapCount;
    uint32_t reserved;
};

struct memoryMapEntry {
    uint64_t start;
    uint64_t byteSize;
    uint32_t type;
    uint32_t reserved;
};

/* In the order of the calling convention; pvh-entry.S loads them into registers. */
struct arguments {
    uint64_t rdi, rsi, rdx, rcx, r8, r9;
};

_Static_assert(sizeof(struct arguments) == ARGUMENTS_BYTES, "pvh-entry.S reserves the room");

/* ---- command line: words like rdi=0x400000 or r9=3; others are none of our business ---- */

static int digitValue(char c)
{
    int lower = c | 0x20;
    return c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 16;
}

static uint64_t parseNumber(const char *text)
{
    uint64_t base = text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10;
    uint64_t value = 0;
    for (text += base == 16 ? 2 : 0; (uint64_t)digitValue(*text) < base; text++) {
        value = value * base + digitValue(*text);
    }
    return value;
}

static const char *valueOf(const char *word, const char *name)
{
    while (*name != '\0' && *word == *name) {
        word++;
        name++;
    }
    return *name == '\0' && *word == '=' ? word + 1 : 0;
}

static void parseWord(const char *word, struct arguments *arguments)
{
    static const char names[][4] = {"rdi", "rsi", "rdx", "rcx", "r8", "r9"};
    uint64_t *values = &arguments->rdi;
    for (int i = 0; i < 6; i++) {
        const char *value = valueOf(word, names[i]);
        if (value != 0) {
            values[i] = parseNumber(value);
        }
    }
}

static void parseCommandLine(const char *line, struct arguments *arguments)
{
    while (*line != '\0') {
        parseWord(line, arguments);
        while (*line != '\0' && *line != ' ') {
            line++;
        }
        while (*line == ' ') {
            line++;
        }
    }
}

/* ---- memory ---- */

static uint64_t ramEnd(const struct startInfo *info)
{
    const struct memoryMapEntry *entry = (const struct memoryMapEntry *)info->memoryMap;
    uint64_t end = 0;
    for (uint32_t i = 0; i < info->memoryMapCount; i++) {
        uint64_t entryEnd = entry[i].start + entry[i].byteSize;
        if (entry[i].type == MEMORY_TYPE_RAM && entryEnd > end) {
            end = entryEnd;
        }
    }
    return end;
}

/* Up to the end of the RAM that the workspace starts in. */
static uint64_t defaultByteSize(const struct startInfo *info, uint64_t workspace)
{
    const struct memoryMapEntry *entry = (const struct memoryMapEntry *)info->memoryMap;
    for (uint32_t i = 0; i < info->memoryMapCount; i++) {
        if (entry[i].type == MEMORY_TYPE_RAM && workspace - entry[i].start < entry[i].byteSize) {
            uint64_t end = entry[i].start + entry[i].byteSize;
            uint64_t limit = workspace < DEFAULT_WORKSPACE_LIMIT ? DEFAULT_WORKSPACE_LIMIT : end;
            return (end < limit ? end : limit) - workspace;
        }
    }
    return 0;
}

static void buildPageTables(uint64_t mappedBytes)
{
    uint64_t gibs = (mappedBytes + GIB - 1) / GIB;
    gibs = gibs < MINIMUM_MAPPED_GIBS ? MINIMUM_MAPPED_GIBS : gibs;
    gibs = gibs > MAXIMUM_MAPPED_GIBS ? MAXIMUM_MAPPED_GIBS : gibs;
    volatile uint64_t *pml4 = (volatile uint64_t *)PML4_GPA;
    volatile uint64_t *pdpt = (volatile uint64_t *)PDPT_GPA;
    volatile uint64_t *pds = (volatile uint64_t *)FIRST_PD_GPA;
    for (uint64_t i = 0; i < 512; i++) {
        pml4[i] = 0;
        pdpt[i] = i < gibs ? (FIRST_PD_GPA + i * PAGE_SIZE) | PRESENT_WRITABLE_USER | 0x20 : 0;
    }
    pml4[0] = PDPT_GPA | PRESENT_WRITABLE_USER | 0x20;
    for (uint64_t i = 0; i < gibs * 512; i++) {
        pds[i] = i * LARGE_PAGE_BYTES | PRESENT_WRITABLE_USER | ACCESSED_DIRTY_LARGE;
    }
}

void prepareProgram(const struct startInfo *info, struct arguments *arguments)
{
    if (info->magic != START_INFO_MAGIC || info->version < 1 || info->memoryMapCount == 0) {
        stop(EXIT_BAD_BOOT);
    }
    *arguments = (struct arguments){.rdi = DEFAULT_WORKSPACE};
    if (info->commandLine != 0) {
        parseCommandLine((const char *)info->commandLine, arguments);
    }
    if (arguments->rsi == 0) {
        arguments->rsi = defaultByteSize(info, arguments->rdi);
    }
    buildPageTables(ramEnd(info));
}
