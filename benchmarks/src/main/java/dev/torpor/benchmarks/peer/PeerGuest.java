package dev.torpor.benchmarks.peer;

/**
 * The guest that peers run: a scatter-writer that writes to so many pages all over its memory, pass
 * after pass, as fast as it can. It is the one that Torpor's figures are of, booted as a PVH
 * kernel.
 *
 * @param memoryBytes how much memory it has: whole MiB, at most 3 GiB, where a PC's memory has a
 *     gap
 * @param pages how many pages it writes to
 */
public record PeerGuest(long memoryBytes, long pages) {
  private static final long MEBIBYTE = 1 << 20;
  private static final long MOST_BYTES = 3L << 30;
  private static final long LEAST_BYTES = 16 * MEBIBYTE;
  private static final long WORKSPACE_GPA = 4 * MEBIBYTE;
  private static final int PAGE_BYTES = 4096;

  /**
   * Checks the numbers.
   *
   * @throws IllegalArgumentException if they make no guest
   */
  public PeerGuest {
    if (memoryBytes < LEAST_BYTES || memoryBytes > MOST_BYTES || memoryBytes % MEBIBYTE != 0) {
      throw new IllegalArgumentException(
          "memory of %d bytes: must be whole MiB, from 16 MiB to 3 GiB".formatted(memoryBytes));
    }
    if (pages < 2 || pages > (memoryBytes - WORKSPACE_GPA) / PAGE_BYTES) {
      throw new IllegalArgumentException(
          "%d pages: must be at least 2, and fit beyond the first 4 MiB".formatted(pages));
    }
  }

  /**
   * The usual one.
   *
   * @return 1 GiB, of which it writes to 2,000 pages
   */
  public static PeerGuest usual() {
    return new PeerGuest(1L << 30, 2_000);
  }

  long mebibytes() {
    return memoryBytes / MEBIBYTE;
  }

  /** Where the word of a page is that has its pass in the upper half. */
  long gpa(long page) {
    return WORKSPACE_GPA + page * stride();
  }

  private long stride() {
    return workspaceBytes() / PAGE_BYTES / pages * PAGE_BYTES;
  }

  private long workspaceBytes() {
    return memoryBytes - WORKSPACE_GPA;
  }

  String commandLine() {
    return "rdi=%#x rsi=%#x rdx=%d rcx=%d"
        .formatted(WORKSPACE_GPA, workspaceBytes(), pages, stride());
  }
}
