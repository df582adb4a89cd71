package dev.torpor.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class DoorbellTest {
  private final List<Long> exits = new ArrayList<>();
  private final Doorbell doorbell = new Doorbell(exits::add);

  @Test
  void exitCodeIsHandedOn() {
    doorbell.write(0x18, 8, 0x1234);
    doorbell.write(0x00, 8, 0xffff_ffff_ffff_fff0L);
    assertThat(exits).containsExactly(-16L);
    assertThat(doorbell.detail()).isEqualTo(0x1234);
  }

  @Test
  void echoCarriesAQuestionInAndAnAnswerOut() {
    doorbell.setEcho(41);
    long question = doorbell.read(0x10, 8);
    doorbell.write(0x10, 8, question + 1);
    assertThat(doorbell.echo()).isEqualTo(42);
    assertThat(doorbell.read(0x10, 8)).as("the question stays").isEqualTo(41);
  }

  @Test
  void waitEndsWhenTheCounterArrives() throws Exception {
    CompletableFuture<Boolean> reached = CompletableFuture.supplyAsync(() -> awaits(7, 20_000));
    for (long i = 1; i <= 7; i++) {
      assertThat(reached).isNotDone();
      doorbell.write(0x08, 8, i);
    }
    assertThat(reached.get()).isTrue();
    assertThat(doorbell.progress()).isEqualTo(7);
  }

  @Test
  void waitEndsWithoutSuccessAfterTheTimeout() throws Exception {
    doorbell.write(0x08, 8, 2);
    assertThat(doorbell.awaitProgress(3, Duration.ofMillis(20))).isFalse();
    assertThat(doorbell.awaitProgress(2, Duration.ZERO)).isTrue();
  }

  @Test
  void waitEndsWithoutSuccessWhenTheGuestExits() throws Exception {
    CompletableFuture<Boolean> reached = CompletableFuture.supplyAsync(() -> awaits(7, 20_000));
    doorbell.write(0x00, 8, 0);
    assertThat(reached.get()).isFalse();
  }

  @Test
  void countersAreUnsigned() throws Exception {
    doorbell.write(0x08, 8, -1);
    assertThat(doorbell.awaitProgress(Long.MAX_VALUE, Duration.ZERO)).isTrue();
  }

  @Test
  void accessesBetweenTheRegistersDoNothing() {
    doorbell.write(0x04, 4, 5);
    doorbell.write(0x20, 8, 5);
    doorbell.write(0xff8, 8, 5);
    assertThat(exits).isEmpty();
    assertThat(doorbell.read(0xff8, 8)).isZero();
  }

  @Test
  void stateComesBack() {
    DoorbellState state = new DoorbellState(1, 2, 3, 4);
    doorbell.restore(state);
    assertThat(doorbell.capture()).isEqualTo(state);
    assertThat(doorbell.read(0x10, 8)).isEqualTo(2);
  }

  private boolean awaits(long atLeast, long timeoutMillis) {
    try {
      return doorbell.awaitProgress(atLeast, Duration.ofMillis(timeoutMillis));
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
