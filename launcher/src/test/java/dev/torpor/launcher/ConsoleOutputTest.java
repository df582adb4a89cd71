package dev.torpor.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(value = 30, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ConsoleOutputTest {
  private static final int MANY = 300_000;

  private final AtomicInteger broken = new AtomicInteger();

  @Test
  void everyByteComesOutInOrder() {
    ByteArrayOutputStream sink = new ByteArrayOutputStream();
    try (ConsoleOutput output = waiting(sink)) {
      print(output, MANY);
    }

    byte[] printed = sink.toByteArray();
    assertThat(printed).hasSize(MANY);
    for (int i = 0; i < MANY; i++) {
      assertThat(printed[i]).isEqualTo((byte) i);
    }
    assertThat(broken).hasValue(0);
  }

  @Test
  void aSingleByteComesOutWithoutWaitingForMore() throws Exception {
    CountDownLatch written = new CountDownLatch(1);
    OutputStream sink =
        new OutputStream() {
          @Override
          public void write(int value) {
            written.countDown();
          }
        };
    try (ConsoleOutput output = waiting(sink)) {
      output.accept((byte) '#');

      assertThat(written.await(10, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void aBrokenStreamIsToldOnceAndHoldsUpNobody() {
    OutputStream sink =
        new OutputStream() {
          @Override
          public void write(int value) throws IOException {
            throw new IOException("Broken pipe");
          }
        };
    try (ConsoleOutput output = waiting(sink)) {
      print(output, MANY);
    }

    assertThat(broken).hasValue(1);
  }

  @Test
  void aStreamThatTakesNothingHoldsUpNobodyWhenTheVmIsToEnd() throws Exception {
    CountDownLatch stuck = new CountDownLatch(1);
    try (ConsoleOutput output = waiting(thatTakesNothingUntil(stuck))) {
      Thread guest = Thread.ofPlatform().start(() -> print(output, MANY));
      guest.join(200);
      assertThat(guest.isAlive()).as("waits for the stream").isTrue();

      output.neverWait();

      guest.join(10_000);
      assertThat(guest.isAlive()).isFalse();
    }
    stuck.countDown();
  }

  @Test
  void aStreamThatTakesNothingHoldsUpAGuestThatMayLoseBytesForAMomentOnly() throws Exception {
    CountDownLatch stuck = new CountDownLatch(1);
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    OutputStream sink = thatTakesNothingUntil(stuck, printed);
    try (ConsoleOutput output =
        new ConsoleOutput(sink, broken::incrementAndGet, ConsoleOutput.WhenFull.LOSE)) {
      Thread guest = Thread.ofPlatform().start(() -> print(output, MANY));
      guest.join(20_000);
      assertThat(guest.isAlive()).as("was held up").isFalse();
      assertThat(output.lostBytes()).isPositive().isLessThan(MANY);
      stuck.countDown();
      output.finish();
      assertThat(printed.size() + output.lostBytes()).isEqualTo(MANY);
    }
  }

  private ConsoleOutput waiting(OutputStream sink) {
    return new ConsoleOutput(sink, broken::incrementAndGet, ConsoleOutput.WhenFull.WAIT);
  }

  private static OutputStream thatTakesNothingUntil(CountDownLatch stuck) {
    return thatTakesNothingUntil(stuck, OutputStream.nullOutputStream());
  }

  private static OutputStream thatTakesNothingUntil(CountDownLatch stuck, OutputStream then) {
    return new OutputStream() {
      @Override
      public void write(int value) throws IOException {
        try {
          stuck.await();
        } catch (InterruptedException e) {
          throw new IOException(e);
        }
        then.write(value);
      }
    };
  }

  private static void print(ConsoleOutput output, int byteCount) {
    for (int i = 0; i < byteCount; i++) {
      output.accept((byte) i);
    }
  }
}
