package dev.torpor.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.linux.abi.Abi;
import dev.torpor.linux.abi.LibcStructs;
import dev.torpor.linux.abi.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/** A pseudo-terminal is raw while it is held, and afterwards as it was. */
class TerminalTest {
  private static final MethodHandle TCGETATTR =
      Native.link("tcgetattr", JAVA_INT, JAVA_INT, JAVA_LONG);
  private static final int ICANON_ECHO_ISIG = 2 | 8 | 1;

  @AutoClose private final LinuxFile pty = LinuxFile.open(Path.of("/dev/ptmx"), LinuxFile.O_RDWR);

  private final int fd = pty.descriptor().number();

  private MemorySegment attributes() throws Throwable {
    MemorySegment termios = Arena.ofAuto().allocate(LibcStructs.TERMIOS);
    assertThat((int) TCGETATTR.invokeExact(Native.state(), fd, termios.address())).isZero();
    return termios;
  }

  private static int localFlags(MemorySegment termios) {
    return termios.get(JAVA_INT, Abi.offset(LibcStructs.TERMIOS, "c_lflag"));
  }

  @Test
  void aTerminalIsTakenForOneAndAnotherFileIsNot() {
    assertThat(Terminal.isTerminal(fd)).isTrue();
    try (EventFd event = EventFd.create()) {
      assertThat(Terminal.isTerminal(event.descriptor().number())).isFalse();
    }
  }

  @Test
  void rawModeLastsUntilItIsClosed() throws Throwable {
    MemorySegment before = attributes();
    assertThat(localFlags(before) & ICANON_ECHO_ISIG).isEqualTo(ICANON_ECHO_ISIG);
    Terminal terminal = Terminal.makeRaw(fd);
    assertThat(localFlags(attributes()) & ICANON_ECHO_ISIG).isZero();
    terminal.close();
    assertThat(attributes().toArray(JAVA_BYTE)).isEqualTo(before.toArray(JAVA_BYTE));
  }

  @Test
  void closingASecondTimeLeavesAlone() throws Throwable {
    Terminal first = Terminal.makeRaw(fd);
    first.close();
    try (Terminal second = Terminal.makeRaw(fd)) {
      first.close();
      assertThat(second).isNotNull();
      assertThat(localFlags(attributes()) & ICANON_ECHO_ISIG).isZero();
    }
  }
}
