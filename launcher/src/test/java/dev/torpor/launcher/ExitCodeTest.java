package dev.torpor.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.vmm.VmExit;
import org.junit.jupiter.api.Test;

class ExitCodeTest {
  @Test
  void eachEndHasItsOwnCode() {
    assertThat(ExitCode.of(new VmExit.PoweredOff())).isZero();
    assertThat(ExitCode.of(new VmExit.Failed(new IllegalStateException()))).isEqualTo(1);
    assertThat(ExitCode.of(new VmExit.Reset())).isEqualTo(64);
    assertThat(ExitCode.of(new VmExit.Crashed(0, "triple fault"))).isEqualTo(65);
    assertThat(ExitCode.of(new VmExit.Stopped())).isEqualTo(130);
  }

  @Test
  void aFlatGuestsCodeIsPassedOnAsFarAsAProcessCan() {
    assertThat(ExitCode.of(new VmExit.GuestExited(0, 0))).isZero();
    assertThat(ExitCode.of(new VmExit.GuestExited(0x14, 0))).isEqualTo(0x14);
    assertThat(ExitCode.of(new VmExit.GuestExited(255, 0))).isEqualTo(255);
    assertThat(ExitCode.of(new VmExit.GuestExited(256, 0))).isEqualTo(255);
    assertThat(ExitCode.of(new VmExit.GuestExited(-1, 0))).isEqualTo(255);
  }
}
