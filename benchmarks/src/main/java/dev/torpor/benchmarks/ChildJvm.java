package dev.torpor.benchmarks;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
   *
   * @return the class path
   * @throws UncheckedIOException if a folder of modules cannot be read
   */
  public static String classPath() {
    String classPath = System.getProperty(CLASS_PATH, "");
    return classPath.isEmpty() ? classPathOf(System.getProperty("jdk.module.path", "")) : classPath;
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
