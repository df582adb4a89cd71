#include "page-check.h"

#include "flat.h"

#include <errno.h>
#include <nmmintrin.h>

enum {
    WORDS_PER_PAGE = FLAT_PAGE_BYTES / 8,
    LANES = 4,
};

/* Eight words at a time, so that a zero page costs few branches and another ends soon. */
static int isZero(const uint64_t *page)
{
    for (int i = 0; i < WORDS_PER_PAGE; i += 8) {
        if ((page[i] | page[i + 1] | page[i + 2] | page[i + 3] | page[i + 4] | page[i + 5]
             | page[i + 6] | page[i + 7]) != 0) {
            return 0;
        }
    }
    return 1;
}

size_t countZeroPages(const uint8_t *pages, size_t count)
{
    size_t zeroes = 0;
    for (size_t i = 0; i < count; i++) {
        zeroes += isZero((const uint64_t *)(pages + i * FLAT_PAGE_BYTES));
    }
    return zeroes;
}

__attribute__((target("sse4.2"))) static uint32_t checksum(const uint64_t *page)
{
    uint64_t crc = UINT32_MAX;
    for (int i = 0; i < WORDS_PER_PAGE; i++) {
        crc = _mm_crc32_u64(crc, page[i]);
    }
    return ~(uint32_t)crc;
}

/* The instruction takes three cycles and one can begin in each: so, several pages at a time. */
__attribute__((target("sse4.2"))) static void checksumLanes(const uint64_t *page,
                                                            uint32_t *checksums)
{
    uint64_t a = UINT32_MAX, b = UINT32_MAX, c = UINT32_MAX, d = UINT32_MAX;
    for (int i = 0; i < WORDS_PER_PAGE; i++) {
        a = _mm_crc32_u64(a, page[i]);
        b = _mm_crc32_u64(b, page[i + WORDS_PER_PAGE]);
        c = _mm_crc32_u64(c, page[i + 2 * WORDS_PER_PAGE]);
        d = _mm_crc32_u64(d, page[i + 3 * WORDS_PER_PAGE]);
    }
    checksums[0] = ~(uint32_t)a;
    checksums[1] = ~(uint32_t)b;
    checksums[2] = ~(uint32_t)c;
    checksums[3] = ~(uint32_t)d;
}

void checksumPages(const uint8_t *pages, size_t count, uint32_t *checksums)
{
    if (!__builtin_cpu_supports("sse4.2")) {
        errno = 0;
        fail("this processor has no instruction for CRC32C");
    }
    const uint64_t *words = (const uint64_t *)pages;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        checksumLanes(words + i * WORDS_PER_PAGE, checksums + i);
    }
    for (; i < count; i++) {
        checksums[i] = checksum(words + i * WORDS_PER_PAGE);
    }
}
