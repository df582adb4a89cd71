package dev.torpor.linux;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Numbers without a name are told as numbers; those with one are compared with the headers. */
class ErrnoTest {
  @Test
  void numbersWithoutANameAreToldAsNumbers() {
    assertThat(Errno.name(0)).isEqualTo("errno 0");
    assertThat(Errno.name(41)).as("between ELOOP and ENOMSG").isEqualTo("errno 41");
    assertThat(Errno.name(-5)).isEqualTo("errno -5");
    assertThat(Errno.name(999)).isEqualTo("errno 999");
  }

  @Test
  void theMessageNamesCallErrorAndOperands() {
    assertThat(new LinuxException("pread", Errno.EIO, "fd=7, offset=4096"))
        .hasMessage("pread failed: EIO (fd=7, offset=4096)");
  }
}
