package dev.torpor.benchmarks.peer;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Which QEMU runs what, and where.
 *
 * @param program the executable, or what becomes it by exec
 * @param accelerator {@code kvm}, or {@code tcg} where QEMU has none
 * @param kernel the scatter-writer as a PVH kernel
 * @param folder where its files go for as long as they are needed: the disk is part of the figures
 * @param guest what it does
 */
public record QemuSettings(
    Path program, String accelerator, Path kernel, Path folder, PeerGuest guest) {
  private static final String NAME = "qemu-system-x86_64";

  /** What to do where {@link #installed()} finds nothing. */
  public static final String HOW_TO_INSTALL =
      NAME + " is not on the path: apt-get install qemu-system-x86";

  /**
   * Looks for the QEMU that a user would start.
   *
   * @return empty if there is none on the path
   */
  public static Optional<Path> installed() {
    String path = System.getenv().getOrDefault("PATH", "");
    return Pattern.compile(File.pathSeparator, Pattern.LITERAL)
        .splitAsStream(path)
        .map(folder -> Path.of(folder, NAME))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /**
   * The usual guest under KVM.
   *
   * @param program the executable
   * @param home where Torpor's tree is, built
   * @param folder where files go; it exists
   * @return settings for that
   */
  public static QemuSettings usual(Path program, Path home, Path folder) {
    return new QemuSettings(program, "kvm", kernel(home), folder, PeerGuest.usual());
  }

  static Path kernel(Path home) {
    return home.resolve("native/target/guests/scatter-writer.elf");
  }

  /** What results say of it, beside the version that it tells itself. */
  Map<String, String> parameters() {
    Map<String, String> parameters = new TreeMap<>();
    parameters.put("accelerator", accelerator);
    parameters.put("machine", QemuProcess.MACHINE);
    parameters.put("memoryMib", Long.toString(guest.mebibytes()));
    parameters.put("pages", Long.toString(guest.pages()));
    return parameters;
  }
}
