package dev.torpor.kvm.abi;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.torpor.fixtures.Checkout;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What C headers say about the kernel's binary interface, as {@code native/abi/probe.c} prints it.
 *
 * @param origin which headers, and who read them
 * @param lines the probe's whole output
 * @param structs the size of each struct, by name
 * @param fields the place of each field, by {@code struct.path}
 * @param requests the number of each ioctl request
 * @param constants the value of each constant
 */
record HeaderFacts(
    String origin,
    List<String> lines,
    Map<String, Long> structs,
    Map<String, Place> fields,
    Map<String, Long> requests,
    Map<String, Long> constants) {

  /** The golden files: of Linux 6.1, and of a newer one that has what 6.1 lacks. */
  static final Path GOLDEN = Checkout.path("native/abi/golden-x86_64.txt");

  private static final Path GOLDEN_NEWER = Checkout.path("native/abi/golden-x86_64-newer.txt");

  /** Read once: compiling takes a second. */
  private static final HeaderFacts INSTALLED =
      compiled().orElseGet(() -> golden(GOLDEN, "no compiler, so "));

  /** Where a field is. */
  record Place(long offset, long byteSize) {}

  /** The headers of this machine; the golden file where there is no compiler. */
  static HeaderFacts installed() {
    return INSTALLED;
  }

  /** The golden file of newer headers. */
  static HeaderFacts newer() {
    return golden(GOLDEN_NEWER, "");
  }

  /** Both, the installed one first. */
  static List<HeaderFacts> all() {
    return List.of(installed(), newer());
  }

  /** The value of a constant, from the first headers that know it. */
  static Optional<Long> constant(String name) {
    return all().stream()
        .filter(facts -> facts.constants.containsKey(name))
        .map(facts -> facts.constants.get(name))
        .findFirst();
  }

  /** The headers' version, for instance {@code 6.1.187}. */
  String kernelVersion() {
    return lines.getFirst().substring("kernel-headers ".length());
  }

  private static Optional<HeaderFacts> compiled() {
    Path source = Checkout.path("native/abi/probe.c");
    try {
      Path probe = Files.createTempFile("torpor-abi-probe", "");
      try {
        return output("gcc", "-std=gnu11", "-O1", "-o", probe.toString(), source.toString())
            .flatMap(ignored -> output(probe.toString()))
            .map(printed -> parse("gcc, ", printed.lines().toList()));
      } finally {
        Files.delete(probe);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("compiling " + source, e);
    }
  }

  /** What a command printed; empty if there is no such command. */
  private static Optional<String> output(String... command) {
    Process process;
    try {
      process = new ProcessBuilder(command).redirectErrorStream(true).start();
    } catch (IOException noSuchCommand) {
      return Optional.empty();
    }
    try {
      String printed = new String(process.getInputStream().readAllBytes(), UTF_8);
      int status = process.waitFor();
      if (status != 0) {
        throw new AssertionError(String.join(" ", command) + " exits " + status + ": " + printed);
      }
      return Optional.of(printed);
    } catch (IOException | InterruptedException e) {
      throw new AssertionError("running " + String.join(" ", command), e);
    }
  }

  private static HeaderFacts golden(Path file, String why) {
    try {
      return parse(why + file.getFileName() + ", ", Files.readAllLines(file));
    } catch (IOException e) {
      throw new UncheckedIOException("reading " + file, e);
    }
  }

  private static HeaderFacts parse(String reader, List<String> lines) {
    Map<String, Long> structs = new LinkedHashMap<>();
    Map<String, Place> fields = new LinkedHashMap<>();
    Map<String, Long> requests = new LinkedHashMap<>();
    Map<String, Long> constants = new LinkedHashMap<>();
    String version = "";
    for (String line : lines) {
      String[] words = line.split(" ", -1);
      switch (words[0]) {
        case "kernel-headers" -> version = words[1];
        case "struct" -> structs.put(words[1], Long.valueOf(words[2]));
        case "field" ->
            fields.put(words[1], new Place(Long.parseLong(words[2]), Long.parseLong(words[3])));
        case "ioctl" -> requests.put(words[1], Long.decode(words[2]));
        case "const" -> constants.put(words[1], Long.valueOf(words[2]));
        case "arch", "missing" -> {}
        default -> throw new AssertionError("the probe printed an unknown line: " + line);
      }
    }
    String origin = reader + "headers of Linux " + version;
    return new HeaderFacts(origin, lines, structs, fields, requests, constants);
  }
}
