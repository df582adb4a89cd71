package dev.torpor.launcher.doctor;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;

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
   * Examines one thing only: whether there is a KVM that this process may use.
   *
   * @return the capability {@code kvm}
   */
  public static Capability kvm() {
    return KvmChecks.kvm();
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
    JsonObject json = new JsonObject();
    json.add("host", host.toJson());
    json.addProperty("ready", ready());
    JsonArray list = new JsonArray();
    capabilities.forEach(capability -> list.add(toJson(capability)));
    json.add("capabilities", list);
    return new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create().toJson(json);
  }

  private static JsonObject toJson(Capability capability) {
    JsonObject json = new JsonObject();
    json.addProperty("id", capability.id());
    json.addProperty("title", capability.title());
    json.addProperty("required", capability.required());
    json.addProperty("ok", capability.ok());
    json.addProperty("detail", capability.detail());
    json.addProperty("lost", capability.lost());
    json.addProperty("remedy", capability.remedy());
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
