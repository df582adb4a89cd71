package dev.torpor.benchmarks;

import dev.torpor.benchmarks.report.Figures;
import dev.torpor.benchmarks.report.Quantity;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SequencedMap;
import java.util.concurrent.TimeUnit;

/** Where and when a run takes place, as its results tell it. */
final class HostFacts {
  static final String NAME = "name";
  static final String DATE = "date";

  private static final int GIT_SECONDS = 10;

  private HostFacts() {}

  /**
   * All that is known.
   *
   * @param home the tree that was built
   * @param store the folder where stores are put
   */
  static SequencedMap<String, String> of(HostState host, Path home, Path store) {
    SequencedMap<String, String> facts = new LinkedHashMap<>();
    facts.put(NAME, host.name().orElse("unknown"));
    facts.put("kernel", System.getProperty("os.version"));
    host.cpuModel().ifPresent(model -> facts.put("cpu", model));
    facts.put("cores", Integer.toString(Runtime.getRuntime().availableProcessors()));
    putBytes(facts, "memory", host.memoryBytes());
    facts.put("jdk", System.getProperty("java.vm.name") + " " + Runtime.version());
    facts.put(
        "jvmOptions", String.join(" ", ManagementFactory.getRuntimeMXBean().getInputArguments()));
    commit(home).ifPresent(commit -> facts.put("commit", commit));
    facts.put(
        DATE,
        OffsetDateTime.now(ZoneId.systemDefault()).truncatedTo(ChronoUnit.SECONDS).toString());
    facts.put("governor", host.governor().orElse("unknown: the host does not tell"));
    if (host.load().isPresent()) {
      facts.put("loadBefore", String.format(Locale.ROOT, "%.2f", host.load().getAsDouble()));
    }
    putBytes(facts, "freeMemory", host.freeMemoryBytes());
    putBytes(facts, "pageCache", host.pageCacheBytes());
    host.hugePages().ifPresent(setting -> facts.put("transparentHugePages", setting));
    fileSystem(store).ifPresent(type -> facts.put("storeFileSystem", type));
    return facts;
  }

  private static void putBytes(
      SequencedMap<String, String> facts, String name, OptionalLong byteCount) {
    byteCount.ifPresent(count -> facts.put(name, Quantity.text(count, Figures.BYTES)));
  }

  private static Optional<String> fileSystem(Path folder) {
    try {
      return Optional.of(Files.getFileStore(folder).type());
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** Of a tree that Git knows: the commit, and whether something was changed since. */
  private static Optional<String> commit(Path home) {
    try {
      Process git =
          new ProcessBuilder("git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
              .directory(home.toFile())
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      git.getOutputStream().close();
      String commit =
          new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      boolean ended = git.waitFor(GIT_SECONDS, TimeUnit.SECONDS);
      return ended && git.exitValue() == 0 ? Optional.of(commit) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty(); // no Git here
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }
}
