package dev.torpor.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class ConsoleInputTest {
  private final ByteArrayOutputStream guest = new ByteArrayOutputStream();
  private final AtomicInteger helps = new AtomicInteger();
  private final ConsoleInput.Commands commands =
      new ConsoleInput.Commands() {
        @Override
        public void help() {
          helps.incrementAndGet();
        }

        @Override
        public void next() {
          guest.writeBytes("[next]".getBytes(StandardCharsets.UTF_8));
        }
      };

  @Test
  void aScriptsBytesReachTheGuestUnchangedToTheEnd() throws Exception {
    String script = "echo \u0001x\n".repeat(500);

    input(script).carry();

    assertThat(guest.toString(StandardCharsets.UTF_8)).isEqualTo(script);
  }

  @Test
  void keysReachTheGuestUntilTheUserQuits() throws Exception {
    boolean quits = input("ls\r\u0001h\u0001a\u0001zpwd\r\u0001xrm\r").carryKeys(commands);

    assertThat(quits).isTrue();
    assertThat(guest.toString(StandardCharsets.UTF_8)).isEqualTo("ls\r\u0001pwd\r");
    assertThat(helps).hasValue(1);
  }

  @Test
  void theEndOfTheKeysIsNotAQuit() throws Exception {
    assertThat(input("ls\r").carryKeys(commands)).isFalse();
    assertThat(guest.toString(StandardCharsets.UTF_8)).isEqualTo("ls\r");
  }

  @Test
  void keysBeforeTheSwitchReachTheGuestThatTheyWereMeantFor() throws Exception {
    assertThat(input("ab\u0001ncd").carryKeys(commands)).isFalse();
    assertThat(guest.toString(StandardCharsets.UTF_8)).isEqualTo("ab[next]cd");
  }

  /** A guest that takes nothing at first, then at most 700 bytes at a time. */
  private ConsoleInput input(String typed) {
    AtomicInteger offers = new AtomicInteger();
    return new ConsoleInput(
        new ByteArrayInputStream(typed.getBytes(StandardCharsets.UTF_8)) {
          @Override
          public int read(byte[] target) {
            return read(target, 0, Math.min(target.length, 4));
          }
        },
        (source, offset, byteCount) -> {
          int taken = offers.getAndIncrement() == 0 ? 0 : Math.min(byteCount, 700);
          guest.write(source, offset, taken);
          return taken;
        });
  }
}
