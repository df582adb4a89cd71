package dev.torpor.launcher.doctor;

import com.google.gson.JsonObject;

/**
 * What identifies the host, for a person and beside every measurement.
 *
 * @param kernel the version of Linux
 * @param cpu the processor's name
 * @param cpuCount how many processors this process may use
 * @param memoryBytes the host's memory
 * @param availableBytes how much of it can be used now without swapping
 * @param jdk the version of Java
 */
public record HostFacts(
    String kernel, String cpu, int cpuCount, long memoryBytes, long availableBytes, String jdk) {

  /**
   * Looks.
   *
   * @return the facts of this moment
   */
  public static HostFacts gather() {
    return new HostFacts(
        ProcFile.text("/proc/sys/kernel/osrelease").orElse("unknown"),
        ProcFile.field("/proc/cpuinfo", "model name").orElse("unknown"),
        Runtime.getRuntime().availableProcessors(),
        memory("MemTotal"),
        memory("MemAvailable"),
        Runtime.version().toString());
  }

  private static long memory(String field) {
    return ProcFile.field("/proc/meminfo", field)
        .map(text -> Long.parseLong(text.replace(" kB", "")) << 10)
        .orElse(0L);
  }

  /** The facts in one line. */
  String describe() {
    return "Linux %s, %s, %d CPUs, %.1f GiB of memory, %.1f of them free, Java %s"
        .formatted(kernel, cpu, cpuCount, gib(memoryBytes), gib(availableBytes), jdk);
  }

  private static double gib(long bytes) {
    return bytes / (double) (1L << 30);
  }

  JsonObject toJson() {
    JsonObject json = new JsonObject();
    json.addProperty("kernel", kernel);
    json.addProperty("cpu", cpu);
    json.addProperty("cpuCount", cpuCount);
    json.addProperty("memoryBytes", memoryBytes);
    json.addProperty("availableBytes", availableBytes);
    json.addProperty("jdk", jdk);
    return json;
  }
}
