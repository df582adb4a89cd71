package dev.torpor.launcher.doctor;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What this host can do for virtual machines.
 *
 * @param host what identifies it
 * @param capabilities what it has and lacks, those that everything needs first
 */
public record HostReport(HostFacts host, List<Capability> capabilities) {

  /**
   * Examines the host, which takes about a second.
   *
   * @return the report
   */
  public static HostReport examine() {
    HostFacts host = HostFacts.gather();
    List<Capability> capabilities = new ArrayList<>(SystemChecks.run(host));
    capabilities.addAll(KvmChecks.run());
    capabilities.addAll(MemoryChecks.run());
    return new HostReport(host, List.copyOf(capabilities));
  }

  /**
   * Examines one thing only: whether KVM executes guest kernels. Takes milliseconds where it does.
   *
   * @return the capability {@code guest-kernel-mode}
   */
  public static Capability guestKernelMode() {
    return KvmChecks.guestKernelMode();
  }

  /**
   * Whether VMs run here at all.
   *
   * @return whether everything required is there
   */
  public boolean ready() {
    return capabilities.stream().allMatch(capability -> capability.ok() || !capability.required());
  }

  /**
   * Whether the host has a capability.
   *
   * @param id its name
   * @return whether it is there
   */
  public boolean has(String id) {
    return capabilities.stream().anyMatch(found -> found.id().equals(id) && found.ok());
  }

  /**
   * The report for programs.
   *
   * @return one JSON object
   */
  public String toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("host", host.toJson());
    json.put("ready", ready());
    json.put("capabilities", capabilities.stream().map(HostReport::toJson).toList());
    return Json.write(json);
  }

  private static Map<String, Object> toJson(Capability capability) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("id", capability.id());
    json.put("title", capability.title());
    json.put("required", capability.required());
    json.put("ok", capability.ok());
    json.put("detail", capability.detail());
    json.put("lost", capability.lost());
    json.put("remedy", capability.remedy());
    return json;
  }

  /**
   * The report for a person.
   *
   * @return lines of text
   */
  public String toText() {
    int width = capabilities.stream().mapToInt(found -> found.title().length()).max().orElse(0);
    String row = "%-8s %-" + width + "s  %s%n";
    StringBuilder text = new StringBuilder(host.describe()).append("%n%n".formatted());
    for (Capability found : capabilities) {
      text.append(row.formatted(found.ok() ? "ok" : "MISSING", found.title(), found.detail()));
      if (!found.ok()) {
        text.append(row.formatted("", "  lost", found.lost()));
        text.append(row.formatted("", "  get it", found.remedy()));
      }
    }
    return text.append("%n%s%n".formatted(verdict())).toString();
  }

  private String verdict() {
    List<String> lacking =
        capabilities.stream()
            .filter(found -> found.required() && !found.ok())
            .map(Capability::title)
            .toList();
    if (!lacking.isEmpty()) {
      return "No VM runs here: missing " + String.join(", ", lacking) + ".";
    }
    return has("guest-kernel-mode")
        ? "Linux guests and flat guests run here."
        : "Flat guests run here; Linux guests need the lab (torpor lab).";
  }
}
