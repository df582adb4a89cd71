package dev.torpor.benchmarks;

import dev.torpor.linux.LinuxException;
import dev.torpor.linux.ThreadAffinity;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * Threads that are kept on one processor each while they are measured, as the C programs keep
 * theirs: the caller's on the first that the process may use, a vCPU's on the last. Whether the
 * scheduler has put the two together or apart changes by half what it costs one to stop or to wake
 * the other. All other threads go where they like.
 */
final class Cores implements AutoCloseable {
  private static final Path THREADS = Path.of("/proc/self/task");

  /** How much of a thread's name the kernel keeps. */
  private static final int NAME_CHARACTERS = 15;

  private static final long LONGEST_WAIT_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final long POLL_NANOS = 100_000;

  private final BitSet before;
  private final List<Integer> kept = new ArrayList<>();

  private Cores(BitSet before) {
    this.before = before;
  }

  /**
   * Keeps threads apart until this is closed, once all of them are there.
   *
   * @param vcpus how the names of a VM's vCPU threads begin
   * @param helpers how those begin of threads that share the caller's processor
   * @throws IllegalStateException if no thread with such a name comes within a second
   */
  static Cores keepApart(String vcpus, String... helpers) {
    BitSet all = ThreadAffinity.of(ThreadAffinity.CALLER);
    Cores cores = new Cores(all);
    try {
      cores.keep(ThreadAffinity.CALLER, all.nextSetBit(0));
      awaitThreads(vcpus).forEach(thread -> cores.keep(thread, all.length() - 1));
      for (String name : helpers) {
        awaitThreads(name).forEach(thread -> cores.keep(thread, all.nextSetBit(0)));
      }
      return cores;
    } catch (RuntimeException | Error e) {
      cores.close();
      throw e;
    }
  }

  private static List<Integer> awaitThreads(String name) {
    long start = System.nanoTime();
    while (true) {
      List<Integer> threads = threadsNamed(name);
      if (!threads.isEmpty()) {
        return threads;
      }
      if (System.nanoTime() - start > LONGEST_WAIT_NANOS) {
        throw new IllegalStateException("no thread is called " + name);
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
  }

  private void keep(int thread, int processor) {
    BitSet one = new BitSet();
    one.set(processor);
    ThreadAffinity.set(thread, one);
    kept.add(thread);
  }

  private static List<Integer> threadsNamed(String name) {
    String beginning = name.substring(0, Math.min(name.length(), NAME_CHARACTERS));
    try (Stream<Path> threads = Files.list(THREADS)) {
      return threads
          .filter(thread -> nameOf(thread).startsWith(beginning))
          .map(thread -> Integer.valueOf(thread.getFileName().toString()))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException("the threads of this process in " + THREADS, e);
    }
  }

  private static String nameOf(Path thread) {
    try {
      return Files.readString(thread.resolve("comm"));
    } catch (NoSuchFileException e) {
      return ""; // it has just ended
    } catch (IOException e) {
      throw new UncheckedIOException("the name of a thread in " + thread, e);
    }
  }

  /** From the thread that has made this. The others may have ended. */
  @Override
  public void close() {
    for (int thread : kept) {
      try {
        ThreadAffinity.set(thread, before);
      } catch (LinuxException e) {
        if (thread == ThreadAffinity.CALLER) {
          throw e;
        }
      }
    }
  }
}
