package dev.torpor.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * What this process holds of the kernel's resources, counted from {@code /proc/self}.
 *
 * @param fileDescriptors open file descriptors, those of the JVM included
 * @param threads native threads
 * @param mappings lines of {@code /proc/self/maps} that contain the filter's text
 */
public record ProcessResources(long fileDescriptors, long threads, long mappings) {

  /**
   * Counts now.
   *
   * @param mappingFilter counts only mappings whose line contains this text; empty for all
   * @return the counts at this moment
   */
  public static ProcessResources count(String mappingFilter) {
    try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
      return new ProcessResources(
          entries("/proc/self/fd"),
          entries("/proc/self/task"),
          maps.filter(line -> line.contains(mappingFilter)).count());
    } catch (IOException e) {
      throw new UncheckedIOException("reading /proc/self/maps", e);
    }
  }

  private static long entries(String folder) {
    try (Stream<Path> listing = Files.list(Path.of(folder))) {
      return listing.count();
    } catch (IOException e) {
      throw new UncheckedIOException("listing " + folder, e);
    }
  }
}
