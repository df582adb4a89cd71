package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.linux.Errno;
import dev.torpor.linux.LinuxException;
import org.junit.jupiter.api.Test;

class HostKvmTest {
  private static String messageFor(int errno) {
    return HostKvm.unusable(new LinuxException("open", errno, "path=/dev/kvm")).getMessage();
  }

  @Test
  void aMissingKvmIsToldWithTheModulesThatBringIt() {
    assertThat(messageFor(Errno.ENOENT))
        .isEqualTo(
            "no VM without /dev/kvm: open failed: ENOENT (path=/dev/kvm);"
                + " this host has no KVM, or its module is not loaded: modprobe kvm_intel or kvm_amd");
  }

  @Test
  void aForbiddenKvmIsToldWithTheGroup() {
    assertThat(messageFor(Errno.EACCES)).endsWith("join the group that owns it, often 'kvm'");
  }

  @Test
  void anythingElsePointsToTheDoctor() {
    assertThat(messageFor(Errno.EIO)).contains("EIO").contains("torpor doctor");
  }
}
