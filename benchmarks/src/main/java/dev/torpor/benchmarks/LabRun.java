package dev.torpor.benchmarks;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.torpor.benchmarks.report.Results;
import dev.torpor.benchmarks.report.ResultsReader;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The same measurement inside the lab, for a host that has no KVM: it shows that all of it works,
 * not how fast it is.
 */
final class LabRun {
  /** Two guests of 1 GiB, what they have stored, and the JVM. */
  private static final int MEMORY_MIB = 10 << 10;

  private final Path torpor;
  private final Duration most;
  private boolean failed;

  /**
   * Begins nothing.
   *
   * @param home Torpor's tree, built
   * @param most after which the machine is ended
   * @throws IOException if the tree has no lab
   */
  LabRun(Path home, Duration most) throws IOException {
    torpor = home.resolve("torpor").toAbsolutePath();
    this.most = most;
    if (!Files.isExecutable(torpor)) {
      throw new IOException(
          "/dev/kvm cannot be used, and the lab, which would have one, is not there: start ./torpor"
              + " in the project's folder, or set TORPOR_HOME to it");
    }
  }

  /**
   * Measures in the lab; what that prints goes to the standard error.
   *
   * @param arguments of the command line, but for where results go
   * @throws IOException if nothing was found out
   */
  Results measure(List<String> arguments) throws IOException, InterruptedException {
    System.err.println(
        "torpor bench: /dev/kvm cannot be used (torpor doctor says why), so this is measured in the lab, an emulated machine: no figure"
            + " holds on hardware, and stores are in the lab's memory, not on a disk");
    Path folder = Files.createTempDirectory("torpor-bench");
    Path file = folder.resolve("results.json");
    try {
      int status = run(folder, file, arguments);
      failed = status != 0;
      if (!Files.exists(file)) {
        throw new IOException(
            "the lab has measured nothing, exit code %d; what it said is above".formatted(status));
      }
      return ResultsReader.read(file);
    } finally {
      Folders.delete(folder);
    }
  }

  /** Whether something could not be measured. */
  boolean hasFailures() {
    return failed;
  }

  private int run(Path folder, Path file, List<String> arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.addAll(List.of(torpor.toString(), "lab", "--results", folder.toString()));
    command.addAll(List.of("--timeout", Long.toString(most.toSeconds())));
    command.addAll(List.of("--memory", Integer.toString(MEMORY_MIB), "--"));
    command.addAll(List.of(torpor.toString(), "bench", "--json-only", "--json", file.toString()));
    command.addAll(arguments);
    Process process = new ProcessBuilder(command).redirectError(Redirect.INHERIT).start();
    Thread hook = new Thread(process::destroy, "end-lab");
    Runtime.getRuntime().addShutdownHook(hook); // does nothing after its end
    try (BufferedReader output = process.inputReader(UTF_8)) {
      output.lines().forEach(System.err::println);
      return process.waitFor();
    } finally {
      process.destroy();
    }
  }
}
