package dev.torpor.vmm.memory;

import java.util.Random;

/**
 * A program that accesses missing and protected guest memory from Java while another thread
 * collects garbage all the time. Where an access faulted inside Java code, it would never end.
 */
final class GcStorm {
  private static final long MEMORY_BYTES = 8L << 20;

  private GcStorm() {}

  /** Ends with status 0, or hangs if the argument is {@code unguarded}. */
  public static void main(String... arguments) throws Exception {
    Thread collector = Thread.ofPlatform().daemon().start(GcStorm::collect);
    PatternSource source = PatternSource.random(MEMORY_BYTES, 0, new Random(3));
    source.delayMillis = 3;
    PagerOptions options = PagerOptions.forVcpus(2).withClusterPages(1);
    try (GuestMemory memory = GuestMemory.allocate(MEMORY_BYTES, MemoryBacking.ANONYMOUS, true);
        Pager _ = Pager.attach(memory, source, options, Throwable::printStackTrace);
        CopyBehind copier = CopyBehind.open(memory)) {
      if (arguments.length != 0) {
        memory.accesses().setGuard(null);
      }
      read(memory, source);
      write(memory, copier);
    }
    if (!collector.isAlive()) {
      throw new AssertionError("nobody collected garbage");
    }
    System.out.println("through the storm");
  }

  private static void collect() {
    while (true) {
      System.gc();
    }
  }

  private static void read(GuestMemory memory, PatternSource source) {
    for (long gpa = 0; gpa < MEMORY_BYTES / 8; gpa += 4096) {
      long expected = source.contents.get(java.lang.foreign.ValueLayout.JAVA_LONG, gpa);
      if (memory.readLong(gpa) != expected) {
        throw new AssertionError("wrong word at 0x%x".formatted(gpa));
      }
    }
  }

  private static void write(GuestMemory memory, CopyBehind copier) throws Exception {
    PageSet pages = new PageSet(memory.pageCount());
    pages.addRange(0, memory.pageCount() / 8);
    PageCopy copy = copier.arm(pages, (_, _) -> Thread.onSpinWait());
    for (long gpa = 0; gpa < MEMORY_BYTES / 8; gpa += 4096) {
      memory.writeLong(gpa, gpa);
    }
    copy.done().get();
  }
}
