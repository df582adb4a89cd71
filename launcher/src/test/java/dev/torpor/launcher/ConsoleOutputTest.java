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
    try (ConsoleOutput output = new ConsoleOutput(sink, broken::incrementAndGet)) {
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
    try (ConsoleOutput output = new ConsoleOutput(sink, broken::incrementAndGet)) {
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
    try (ConsoleOutput output = new ConsoleOutput(sink, broken::incrementAndGet)) {
      print(output, MANY);
    }

    assertThat(broken).hasValue(1);
  }

  @Test
  void aStreamThatTakesNothingHoldsUpNobodyWhenTheVmIsToEnd() throws Exception {
    CountDownLatch stuck = new CountDownLatch(1);
    OutputStream sink =
        new OutputStream() {
          @Override
          public void write(int value) throws IOException {
            try {
              stuck.await();
            } catch (InterruptedException e) {
              throw new IOException(e);
            }
          }
        };
    try (ConsoleOutput output = new ConsoleOutput(sink, broken::incrementAndGet)) {
      Thread guest = Thread.ofPlatform().start(() -> print(output, MANY));
      guest.join(200);
      assertThat(guest.isAlive()).as("waits for the stream").isTrue();

      output.neverWait();

      guest.join(10_000);
      assertThat(guest.isAlive()).isFalse();
    }
    stuck.countDown();
  }

  private static void print(ConsoleOutput output, int byteCount) {
    for (int i = 0; i < byteCount; i++) {
      output.accept((byte) i);
    }
  }
}
