package dev.torpor.benchmarks;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What Linux tells of the host, as of now. What it does not tell is empty. */
final class HostState {
  private static final long KIB = 1024;
  private static final int MOST_BYTES = 1 << 20;
  private static final Pattern CHOSEN = Pattern.compile("\\[([^\\]]+)]");
  private static final Pattern CPU_MODEL = Pattern.compile("(?m)^model name\\s*:\\s*(.+)$");

  private final Path root;
  private final String memory;

  /** Reads below a folder, which is {@code /} but for tests. Memory is that of one moment. */
  HostState(Path root) {
    this.root = root;
    memory = read("proc/meminfo").orElse("");
  }

  private Optional<String> read(String file) {
    try (var in = Files.newInputStream(root.resolve(file))) {
      String text = new String(in.readNBytes(MOST_BYTES), StandardCharsets.UTF_8).strip();
      return text.isEmpty() ? Optional.empty() : Optional.of(text);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  Optional<String> name() {
    return read("proc/sys/kernel/hostname");
  }

  Optional<String> cpuModel() {
    return read("proc/cpuinfo").flatMap(text -> firstGroup(CPU_MODEL, text));
  }

  /** What chooses the processors' clock rates. */
  Optional<String> governor() {
    return read("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  }

  /** Which memory gets transparent huge pages. */
  Optional<String> hugePages() {
    return read("sys/kernel/mm/transparent_hugepage/enabled")
        .flatMap(text -> firstGroup(CHOSEN, text));
  }

  /** How many threads wanted to run, on average over the last minute. */
  OptionalDouble load() {
    try {
      Optional<String> text = read("proc/loadavg");
      return text.isEmpty()
          ? OptionalDouble.empty()
          : OptionalDouble.of(Double.parseDouble(text.get().split(" ", 2)[0]));
    } catch (NumberFormatException e) {
      return OptionalDouble.empty();
    }
  }

  OptionalLong memoryBytes() {
    return memory("MemTotal");
  }

  /** What could be used without swapping. */
  OptionalLong freeMemoryBytes() {
    return memory("MemAvailable");
  }

  /** How much of the page cache waits to be written to a disk. */
  OptionalLong unwrittenBytes() {
    return memory("Dirty");
  }

  OptionalLong pageCacheBytes() {
    return memory("Cached");
  }

  OptionalLong usedSwapBytes() {
    OptionalLong total = memory("SwapTotal");
    OptionalLong free = memory("SwapFree");
    return total.isPresent() && free.isPresent()
        ? OptionalLong.of(total.getAsLong() - free.getAsLong())
        : OptionalLong.empty();
  }

  private OptionalLong memory(String key) {
    return firstGroup(Pattern.compile("(?m)^" + key + ":\\s+([0-9]{1,12}) kB$"), memory)
        .map(kib -> OptionalLong.of(Long.parseLong(kib) * KIB))
        .orElse(OptionalLong.empty());
  }

  private static Optional<String> firstGroup(Pattern pattern, String text) {
    Matcher matcher = pattern.matcher(text);
    return matcher.find() ? Optional.of(matcher.group(1).strip()) : Optional.empty();
  }

  /** Whether this process may use KVM. */
  boolean hasKvm() {
    Path device = root.resolve("dev/kvm");
    return Files.isReadable(device) && Files.isWritable(device);
  }
}
