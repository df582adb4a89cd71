package dev.torpor.launcher.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class HostReportTest {
  private static final HostFacts HOST = new HostFacts("6.1", "a CPU", 2, 4L << 30, 3L << 30, "25");
  private static final Capability KVM = Capability.required("kvm", "KVM", "every VM", "load it");
  private static final Capability KERNEL_MODE =
      Capability.useful("guest-kernel-mode", "Guest kernels", "Linux guests", "other hardware");

  @Test
  void aHostWithoutSomethingRequiredIsNotReady() {
    HostReport report = report(KVM.found(false, "no /dev/kvm"), KERNEL_MODE.found(false, "no KVM"));

    assertThat(report.ready()).isFalse();
    assertThat(report.toText()).contains("No VM runs here: missing KVM.");
  }

  @Test
  void aHostWithoutSomethingUsefulIsReady() {
    HostReport report = report(KVM.found(true, "opens"), KERNEL_MODE.found(false, "interpreted"));

    assertThat(report.ready()).isTrue();
    assertThat(report.has("kvm")).isTrue();
    assertThat(report.has("guest-kernel-mode")).isFalse();
    assertThat(report.toText()).contains("Flat guests run here; Linux guests need the lab");
  }

  @Test
  void whatIsLostAndHowToGetItStandOnlyUnderWhatIsMissing() {
    String text =
        report(KVM.found(true, "opens"), KERNEL_MODE.found(false, "interpreted")).toText();

    assertThat(text.lines().map(String::strip))
        .containsSubsequence(
            "ok       KVM            opens",
            "MISSING  Guest kernels  interpreted",
            "lost         Linux guests",
            "get it       other hardware");
    assertThat(text).doesNotContain("every VM", "load it");
  }

  private static HostReport report(Capability... capabilities) {
    return new HostReport(HOST, List.of(capabilities));
  }
}
