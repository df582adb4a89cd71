package dev.torpor.launcher.demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** This program, once more, inside the lab: an emulated machine that has a complete KVM. */
public final class LabProcess {
  private static final String LAB_SECONDS = "900";

  private final Path lab;

  /**
   * Finds the lab.
   *
   * @param environment where {@code TORPOR_HOME} names the project's folder
   * @throws IllegalStateException if there is none
   */
  public LabProcess(Map<String, String> environment) {
    String home = environment.get("TORPOR_HOME");
    if (home == null || !Files.isExecutable(Path.of(home, "native/lab/lab"))) {
      throw new IllegalStateException(
          "this host's KVM runs no guest kernels, and the lab that would is not there: start"
              + " ./torpor in the project's folder, or set TORPOR_HOME to it");
    }
    lab = Path.of(home, "native/lab/lab");
  }

  /**
   * Runs a command of this program in the lab.
   *
   * @param line takes each line that it prints
   * @param arguments the command line
   * @throws IOException if the lab cannot be started
   * @throws InterruptedException if the thread is interrupted
   * @throws IllegalStateException if the command fails
   */
  public void run(Consumer<String> line, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(lab.toString(), "--timeout", LAB_SECONDS, "--"));
    command.addAll(thisProgram());
    command.addAll(List.of(arguments));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    Thread hook = new Thread(process::destroy, "end-lab");
    Runtime.getRuntime().addShutdownHook(hook); // does nothing after its end
    try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
      output.lines().forEach(line);
      int status = process.waitFor();
      if (status != 0) {
        throw new IllegalStateException("the part in the lab failed, exit code " + status);
      }
    } finally {
      process.destroy();
    }
  }

  private static List<String> thisProgram() {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "--enable-native-access=dev.torpor.kvm",
        "--sun-misc-unsafe-memory-access=allow", // these two for Chronicle Bytes, as in ./torpor
        "-Dsystem.properties=/dev/null",
        "-XX:+UseSerialGC",
        "-p",
        System.getProperty("jdk.module.path", ""),
        "-m",
        "dev.torpor.launcher/dev.torpor.launcher.Main");
  }
}
