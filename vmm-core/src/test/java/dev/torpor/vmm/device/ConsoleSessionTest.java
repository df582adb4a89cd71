package dev.torpor.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class ConsoleSessionTest {
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final Duration AT_ONCE = Duration.ofMillis(20);

  private final ConsoleSession console = new ConsoleSession("# ");
  private Thread expecting;

  @Test
  void expectReturnsWhatCameBeforeTheTextAndForgetsBoth() throws Exception {
    print("one two three two");

    assertThat(console.expect("two", SOON)).isEqualTo("one ");
    assertThat(console.expect("two", SOON)).isEqualTo(" three ");
  }

  @Test
  void expectFindsTextThatArrivesByteByByteFromAnotherThread() throws Exception {
    Thread guest = Thread.ofPlatform().start(() -> print("boot: grüße\r\nlogin"));

    assertThat(console.expect("login", SOON)).isEqualTo("boot: grüße\r\n");
    guest.join();
  }

  @Test
  void expectThatTimesOutShowsTheLastWords() {
    print("kernel panic");

    assertThatThrownBy(() -> console.expect("login", AT_ONCE))
        .isInstanceOf(ConsoleException.class)
        .hasMessageContaining("login")
        .hasMessageContaining("kernel panic");
  }

  @Test
  void expectDoesNotWaitForAGuestThatHasEnded() {
    Thread.ofPlatform().start(() -> console.end("powered off"));

    assertThatThrownBy(() -> console.expect("login", Duration.ofHours(1)))
        .isInstanceOf(ConsoleException.class)
        .hasMessageContaining("powered off");
  }

  @Test
  void expectStillFindsWhatAnEndedGuestHadPrinted() throws Exception {
    print("goodbye");
    console.end("powered off");

    assertThat(console.expect("bye", SOON)).isEqualTo("good");
  }

  @Test
  void runStripsTheEchoAndTheCarriageReturns() throws Exception {
    console.connect(
        (source, offset, byteCount) -> {
          print("uname\r\nLinux\r\n# ");
          return byteCount;
        });

    assertThat(console.run("uname", SOON)).isEqualTo("Linux\n");
  }

  @Test
  void sendLineOffersAgainWhatTheGuestHadNoRoomFor() throws Exception {
    ByteArrayOutputStream taken = new ByteArrayOutputStream();
    console.connect(
        (source, offset, byteCount) -> {
          taken.write(source, offset, 1);
          return 1;
        });

    console.sendLine("poweroff");

    assertThat(taken.toString(StandardCharsets.UTF_8)).isEqualTo("poweroff\n");
  }

  @Test
  void outputWithoutEndForgetsTheOldestOnly() throws Exception {
    print("oldest");
    for (int i = 0; i < ConsoleSession.MAX_CHARS; i++) {
      console.accept((byte) 'x');
    }
    print("newest");

    assertThat(console.expect("newest", SOON)).doesNotContain("oldest").contains("xxx");
  }

  @Test
  void expectFindsTextThatArrivesJustAfterTheOldestWasForgotten() throws Exception {
    expecting = Thread.currentThread();
    for (int i = 0; i < ConsoleSession.MAX_CHARS; i++) {
      console.accept((byte) 'x');
    }
    Thread guest =
        Thread.ofPlatform()
            .start(
                () -> {
                  while (expecting.getState() != Thread.State.TIMED_WAITING) {
                    Thread.onSpinWait();
                  }
                  print("newest");
                });

    assertThat(console.expect("newest", SOON)).endsWith("x");
    guest.join();
  }

  private void print(String text) {
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      console.accept(b);
    }
  }
}
