package dev.torpor.vmm.memory;

import dev.torpor.linux.FileDescriptor;

/**
 * A part of guest memory that comes from a file.
 *
 * @param offset where in the memory, in bytes; a multiple of the page size
 * @param byteCount how long; a multiple of the page size
 * @param file the open file, needed only until the memory is made
 * @param fileOffset where in the file, in bytes; a multiple of the page size
 */
public record FilePiece(long offset, long byteCount, FileDescriptor file, long fileOffset) {}
