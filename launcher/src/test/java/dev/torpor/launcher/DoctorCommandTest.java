package dev.torpor.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.Gson;
import dev.torpor.testing.KvmTest;
import dev.torpor.testing.LinuxGuestTest;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class DoctorCommandTest {
  @Test
  @KvmTest
  void aHostWithKvmIsReadyAndEveryCapabilityIsExplained() {
    Cli.Result result = Cli.run("doctor", "--json");

    assertThat(result.exitCode()).isZero();
    assertThat(result.err()).isEmpty();
    Map<String, Map<String, Object>> found = capabilities(result.out());
    assertThat(found.get("kvm")).containsEntry("ok", true);
    assertThat(found.get("memory")).containsEntry("ok", true);
    assertThat(found.get("kvm-irqfd")).containsEntry("ok", true);
    assertThat(found.get("userfaultfd")).containsKey("ok");
    assertThat(found.values())
        .allSatisfy(
            capability -> {
              assertThat(capability.get("id")).asString().matches("[a-z0-9-]+");
              assertThat(capability.get("detail")).asString().isNotBlank();
              assertThat(capability.get("lost")).asString().isNotBlank();
              assertThat(capability.get("remedy")).asString().isNotBlank();
            });
  }

  @Test
  @KvmTest
  void everyCapabilityIsOneJsonObjectWithoutBracesInside() {
    // ./torpor picks them out with grep.
    String json = Cli.run("doctor", "--json").out();

    assertThat(Pattern.compile("\\{[^{}]*}").matcher(json).results().map(MatchResult::group))
        .filteredOn(object -> object.contains("\"id\""))
        .hasSize(capabilities(json).size())
        .hasSizeGreaterThan(30);
  }

  @Test
  @KvmTest
  void theTableNamesTheHostAndGivesAVerdict() {
    String table = Cli.run("doctor").out();

    assertThat(table).startsWith("Linux ").contains("\nok       KVM ");
    assertThat(table.lines().toList().getLast()).contains("guests run here");
  }

  @Test
  @LinuxGuestTest
  void aHostThatBootsKernelsIsToldToExecuteThem() {
    Map<String, Object> found =
        capabilities(Cli.run("doctor", "--json").out()).get("guest-kernel-mode");

    assertThat(found).as("%s", found).containsEntry("ok", true);
  }

  @SuppressWarnings("unchecked") // what Gson makes of objects and arrays
  private static Map<String, Map<String, Object>> capabilities(String json) {
    Map<String, Object> report = new Gson().fromJson(json, Map.class);
    assertThat((Map<String, Object>) report.get("host"))
        .containsKeys("kernel", "cpu", "jdk", "memoryBytes");
    return ((List<Map<String, Object>>) report.get("capabilities"))
        .stream().collect(Collectors.toMap(found -> (String) found.get("id"), Function.identity()));
  }
}
