package dev.torpor.benchmarks;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** How JVMs are started that measure with other options than this one has. */
public final class ChildJvm {
  /** What Torpor needs of a JVM, but for the garbage collector: as the launcher starts its own. */
  public static final List<String> OPTIONS =
      List.of(
          "--enable-native-access=ALL-UNNAMED",
          "--sun-misc-unsafe-memory-access=allow",
          "-Dsystem.properties=/dev/null");

  private static final String CLASS_PATH = "java.class.path";

  private ChildJvm() {}

  /**
   * The program that this JVM was started from.
   *
   * @return its path
   */
  public static Path java() {
    return Path.of(System.getProperty("java.home"), "bin", "java");
  }

  /**
   * What children have all classes from: this JVM's class path or, if it has modules instead, the
   * files of those.
   */
  private static String classPath() {
    String classPath = System.getProperty(CLASS_PATH, "");
    return classPath.isEmpty() ? classPathOf(System.getProperty("jdk.module.path", "")) : classPath;
  }

  /**
   * Runs a class of Torpor's benchmarks in a JVM of its own, and waits for its end.
   *
   * @param options of the JVM, besides {@link #OPTIONS}
   * @param main the class
   * @param arguments for it
   * @return what it printed; its standard error is this process's
   * @throws IOException if it cannot be started, or fails
   * @throws InterruptedException if the thread is interrupted
   */
  public static String run(List<String> options, Class<?> main, List<String> arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(java().toString());
    command.addAll(OPTIONS);
    command.addAll(options);
    command.addAll(List.of("-cp", classPath(), main.getName()));
    command.addAll(arguments);
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    try {
      String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int code = process.waitFor();
      if (code != 0) {
        throw new IOException(
            "a JVM that measures ended with exit code %d: %s"
                .formatted(code, String.join(" ", command)));
      }
      return printed;
    } finally {
      process.destroyForcibly(); // it has ended, unless this thread was interrupted
    }
  }

  /** Has {@link #classPath} be where libraries look for it that start JVMs. */
  public static void requireClassPath() {
    System.setProperty(CLASS_PATH, classPath());
  }

  static String classPathOf(String modulePath) {
    return Arrays.stream(modulePath.split(File.pathSeparator))
        .map(Path::of)
        .flatMap(ChildJvm::files)
        .map(Path::toString)
        .collect(Collectors.joining(File.pathSeparator));
  }

  /** A folder stands for the jars in it, unless it holds one module's classes. */
  private static Stream<Path> files(Path path) {
    if (!Files.isDirectory(path) || Files.exists(path.resolve("module-info.class"))) {
      return Stream.of(path);
    }
    try (Stream<Path> jars = Files.list(path)) {
      return jars.filter(file -> file.toString().endsWith(".jar")).sorted().toList().stream();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the folder of modules " + path, e);
    }
  }
}
