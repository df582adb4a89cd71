/* What is looked at in a page before it is stored: whether it is zero, and its checksum. */
#ifndef PAGE_CHECK_H
#define PAGE_CHECK_H

#include <stddef.h>
#include <stdint.h>

/* How many of these pages of 4 KiB, one behind the other, hold only zeroes. */
size_t countZeroPages(const uint8_t *pages, size_t count);

/* The CRC32C of each; needs a processor with SSE 4.2. */
void checksumPages(const uint8_t *pages, size_t count, uint32_t *checksums);

#endif
