package dev.torpor.launcher;

import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.boot.FlatGuests;
import dev.torpor.vmm.boot.Guest;
import dev.torpor.vmm.boot.LinuxGuest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/** What to boot: a kernel with what belongs to it, or a flat guest. */
final class BootOptions {
  private static final String DEFAULT_COMMAND_LINE = "console=ttyS0 reboot=k panic=-1";
  private static final long MAX_FLAT_FILE_BYTES = 1 << 20;

  /** The registers in which a flat guest finds its arguments, in the order of its contract. */
  enum ArgumentRegister {
    /** The first argument. */
    RDX,
    /** The second. */
    RCX,
    /** The third. */
    R8,
    /** The fourth. */
    R9
  }

  @Option(
      names = "--kernel",
      paramLabel = "FILE",
      description = "Boot this kernel: a bzImage (vmlinuz), or an ELF file with a PVH entry.")
  private Path kernel;

  @Option(names = "--initrd", paramLabel = "FILE", description = "Its first file system.")
  private Path initrd;

  @Option(
      names = "--cmdline",
      paramLabel = "TEXT",
      description = "Its command line (" + DEFAULT_COMMAND_LINE + ").")
  private String commandLine;

  @Option(
      names = "--flat",
      paramLabel = "NAME|FILE",
      description = "Boot a flat guest instead: a built-in one, or an image.")
  private String flat;

  @Option(
      names = "--arg",
      paramLabel = "REGISTER=VALUE",
      description = "Its argument in rdx, rcx, r8 or r9; may be repeated.")
  private final Map<ArgumentRegister, Word> arguments = new EnumMap<>(ArgumentRegister.class);

  /**
   * The guest.
   *
   * @throws IllegalArgumentException if the options do not fit together
   */
  Guest guest() throws IOException {
    if (kernel == null && flat == null) {
      throw new IllegalArgumentException(
          "nothing to boot: give --kernel FILE, or --flat with one of "
              + String.join(", ", FlatGuests.NAMES));
    }
    if (kernel != null && flat != null) {
      throw new IllegalArgumentException("--kernel and --flat exclude each other: give one");
    }
    return kernel != null ? linux() : flat();
  }

  private Guest linux() {
    if (!arguments.isEmpty()) {
      throw new IllegalArgumentException(
          "--arg is for flat guests; a kernel takes --cmdline \"...\"");
    }
    return new LinuxGuest(
        kernel,
        Optional.ofNullable(initrd),
        commandLine == null ? DEFAULT_COMMAND_LINE : commandLine);
  }

  private Guest flat() throws IOException {
    if (initrd != null || commandLine != null) {
      throw new IllegalArgumentException(
          "--initrd and --cmdline are for kernels; a flat guest takes --arg rdx=4096");
    }
    long[] values =
        Stream.of(ArgumentRegister.values())
            .mapToLong(register -> arguments.getOrDefault(register, Word.ZERO).value())
            .toArray();
    if (FlatGuests.NAMES.contains(flat)) {
      return FlatGuest.named(flat, values);
    }
    return FlatGuest.of(readImage(Path.of(flat)), values);
  }

  private static byte[] readImage(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new IllegalArgumentException(
          "--flat %s: neither a file nor a built-in guest; these are %s"
              .formatted(file, String.join(", ", FlatGuests.NAMES)));
    }
    if (Files.size(file) > MAX_FLAT_FILE_BYTES) {
      throw new IllegalArgumentException(
          "--flat %s: %d bytes are too many for a flat guest".formatted(file, Files.size(file)));
    }
    return Files.readAllBytes(file);
  }
}
