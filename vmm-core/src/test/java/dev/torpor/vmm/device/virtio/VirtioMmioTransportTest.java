package dev.torpor.vmm.device.virtio;

import static dev.torpor.vmm.device.virtio.DeviceStatus.ACKNOWLEDGE;
import static dev.torpor.vmm.device.virtio.DeviceStatus.DRIVER;
import static dev.torpor.vmm.device.virtio.DeviceStatus.DRIVER_OK;
import static dev.torpor.vmm.device.virtio.DeviceStatus.FAILED;
import static dev.torpor.vmm.device.virtio.DeviceStatus.FEATURES_OK;
import static dev.torpor.vmm.device.virtio.DeviceStatus.NEEDS_RESET;
import static dev.torpor.vmm.device.virtio.GuestDriver.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.linux.EventFd;
import dev.torpor.testing.ProcessResources;
import dev.torpor.vmm.device.EventLoop;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Sections 2.1, 3.1 and 4.2, seen from the guest. */
@Timeout(60)
class VirtioMmioTransportTest {
  private static final long VERSION_1 = VirtioFeatures.VERSION_1;
  private static final int EVERYTHING_OK = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;

  private final BlockingQueue<Throwable> failures = new LinkedBlockingQueue<>();
  private final EventLoop loop = new EventLoop("virtio-test", failures::add);
  private final GuestMemory memory = GuestMemory.allocate(4L << 20, MemoryBacking.ANONYMOUS, false);
  private final AtomicInteger interrupts = new AtomicInteger();
  private final EchoDevice device = new EchoDevice();
  private final VirtioMmioTransport transport =
      new VirtioMmioTransport(device, memory, interrupts::incrementAndGet, loop);
  private final GuestDriver driver = new GuestDriver(transport, memory);

  @AfterEach
  void close() {
    transport.close();
    loop.close();
    memory.close();
  }

  /** Two queues; completes every request at once, saying how much it could have written. */
  private static final class EchoDevice implements VirtioDevice {
    static final int QUEUE_SIZE = 16;
    final AtomicInteger processed = new AtomicInteger();
    final AtomicInteger resets = new AtomicInteger();
    final AtomicBoolean running = new AtomicBoolean();
    final long[] config = new long[2];
    final DescriptorChain chain = new DescriptorChain();
    volatile Runnable beforeProcessing = () -> {};
    volatile boolean closed;
    volatile DriverNotifier notifier;
    private List<VirtQueue> queues = List.of();

    @Override
    public int deviceId() {
      return 42;
    }

    @Override
    public long deviceFeatures() {
      return VERSION_1 | VirtioFeatures.EVENT_INDEX | 1;
    }

    @Override
    public int queueCount() {
      return 2;
    }

    @Override
    public int queueMaxSize(int queueIndex) {
      return QUEUE_SIZE << queueIndex;
    }

    @Override
    public long readConfig(long offset, int byteCount) {
      return 0x1111 * (offset + 1) + byteCount;
    }

    @Override
    public void writeConfig(long offset, int byteCount, long value) {
      config[0] = offset;
      config[1] = value;
    }

    @Override
    public void activate(
        GuestMemory memory, List<VirtQueue> queues, long driverFeatures, DriverNotifier driver) {
      this.queues = queues;
      this.notifier = driver;
    }

    @Override
    public void reset() {
      assertThat(running).as("a handler runs during the reset").isFalse();
      resets.incrementAndGet();
    }

    @Override
    public boolean processQueue(int queueIndex) {
      running.set(true);
      try {
        beforeProcessing.run();
        VirtQueue queue = queues.get(queueIndex);
        boolean found = queue.next(chain);
        if (found) {
          queue.complete(chain.head(), chain.writableByteCount());
          processed.incrementAndGet();
          notifier.usedBuffers(queue);
        }
        return found;
      } finally {
        running.set(false);
      }
    }

    @Override
    public void close() {
      closed = true;
    }
  }

  // 4.2.2: registers.

  @Test
  void theRegistersIdentifyTheDevice() {
    assertThat(driver.read(MmioRegister.MAGIC_VALUE)).isEqualTo(0x74726976);
    assertThat(driver.read(MmioRegister.VERSION)).isEqualTo(2);
    assertThat(driver.read(MmioRegister.DEVICE_ID)).isEqualTo(42);
    assertThat(driver.read(MmioRegister.VENDOR_ID)).isNotZero();
    assertThat(driver.deviceFeatures()).isEqualTo(device.deviceFeatures());
    driver.write(MmioRegister.DEVICE_FEATURES_SEL, 2);
    assertThat(driver.read(MmioRegister.DEVICE_FEATURES)).isZero();
  }

  @Test
  void aQueueThatDoesNotExistHasNoRoom() {
    driver.write(MmioRegister.QUEUE_SEL, 1);
    assertThat(driver.read(MmioRegister.QUEUE_NUM_MAX)).isEqualTo(32);
    for (int missing : new int[] {2, -1, Integer.MIN_VALUE}) {
      driver.write(MmioRegister.QUEUE_SEL, missing);
      driver.write(MmioRegister.QUEUE_READY, 1);
      assertThat(driver.read(MmioRegister.QUEUE_NUM_MAX)).isZero();
      assertThat(driver.read(MmioRegister.QUEUE_READY)).isZero();
    }
  }

  @Test
  void thereIsNoSharedMemory() {
    assertThat(driver.read(MmioRegister.SHM_LEN_LOW)).isEqualTo(-1);
    assertThat(driver.read(MmioRegister.SHM_LEN_HIGH)).isEqualTo(-1);
    assertThat(driver.read(MmioRegister.SHM_BASE_LOW)).isEqualTo(-1);
    assertThat(driver.read(MmioRegister.SHM_BASE_HIGH)).isEqualTo(-1);
  }

  @Test
  void registersAreAccessedIn32BitsOnly() {
    for (int byteCount : new int[] {1, 2, 8}) {
      assertThat(transport.read(MmioRegister.MAGIC_VALUE, byteCount)).isZero();
      transport.write(MmioRegister.STATUS, byteCount, ACKNOWLEDGE);
    }
    assertThat(transport.read(2, 4)).as("not aligned").isZero();
    assertThat(driver.status()).isZero();
  }

  @Test
  void theConfigurationSpaceIsAccessedInAnySize() {
    for (int byteCount : new int[] {1, 2, 4, 8}) {
      assertThat(transport.read(0x107, byteCount)).isEqualTo(0x1111 * 8 + byteCount);
    }
    transport.write(0x108, 2, 7);
    assertThat(device.config).as("before there is a driver").containsExactly(0, 0);
    driver.negotiate(VERSION_1);
    transport.write(0x108, 2, 7);
    assertThat(device.config).containsExactly(8, 7);
  }

  // 2.1, 3.1.1: the device status.

  @Test
  void theStatusGoesThroughItsStepsInOrder() {
    assertThat(driver.addStatus(DRIVER)).isZero();
    assertThat(driver.addStatus(ACKNOWLEDGE)).isEqualTo(ACKNOWLEDGE);
    assertThat(driver.addStatus(FEATURES_OK)).isEqualTo(ACKNOWLEDGE);
    assertThat(driver.addStatus(DRIVER)).isEqualTo(ACKNOWLEDGE | DRIVER);
    assertThat(driver.addStatus(DRIVER_OK)).isEqualTo(ACKNOWLEDGE | DRIVER);
    driver.writeFeatures(VERSION_1);
    assertThat(driver.addStatus(FEATURES_OK)).isEqualTo(ACKNOWLEDGE | DRIVER | FEATURES_OK);
    assertThat(driver.addStatus(DRIVER_OK)).isEqualTo(EVERYTHING_OK);
  }

  @Test
  void aBitThatIsSetCannotBeTakenBack() {
    driver.start(VERSION_1, 8);

    driver.write(MmioRegister.STATUS, ACKNOWLEDGE | DRIVER);

    assertThat(driver.status()).isEqualTo(EVERYTHING_OK);
  }

  @Test
  void theDriverCannotSetNeedsReset() {
    driver.addStatus(ACKNOWLEDGE | NEEDS_RESET);

    assertThat(driver.status()).isEqualTo(ACKNOWLEDGE);
  }

  @Test
  void featuresThatWereNotOfferedAreNotAccepted() {
    assertThat(driver.negotiate(VERSION_1 | 2)).isFalse();
    driver.writeFeatures(VERSION_1 | 1);
    assertThat(driver.addStatus(FEATURES_OK) & FEATURES_OK).as("better offer").isNotZero();
  }

  @Test
  void aDriverOlderThanVersion1IsNotAccepted() {
    assertThat(driver.negotiate(1)).isFalse();
  }

  @Test
  void acceptedFeaturesAreFinal() {
    driver.negotiate(VERSION_1);

    driver.writeFeatures(VERSION_1 | 1);

    assertThat(quiescedCapture().driverFeatures()).isEqualTo(VERSION_1);
  }

  @Test
  void aDriverThatFailedCanOnlyReset() {
    driver.addStatus(ACKNOWLEDGE);
    driver.addStatus(FAILED);
    driver.addStatus(DRIVER);
    assertThat(driver.status()).isEqualTo(ACKNOWLEDGE | FAILED);

    driver.reset();

    assertThat(driver.status()).isZero();
  }

  @Test
  void queuesAreDescribedOnlyBetweenFeaturesOkAndDriverOkAndWhileNotReady() {
    DriverSide first = new DriverSide(memory, 0x1000, 8);
    driver.describeQueue(0, first);
    driver.write(MmioRegister.QUEUE_READY, 1);
    assertThat(driver.read(MmioRegister.QUEUE_READY)).as("before FEATURES_OK").isZero();

    driver.negotiate(VERSION_1);
    driver.describeQueue(0, first);
    driver.write(MmioRegister.QUEUE_READY, 1);
    driver.describeQueue(0, new DriverSide(memory, 0x8000, 4));
    driver.addStatus(DRIVER_OK);
    driver.describeQueue(1, first);
    driver.write(MmioRegister.QUEUE_READY, 1);

    assertThat(quiescedCapture().queues())
        .containsExactly(first.state(0), new VirtQueueState(0, false, 0, 0, 0, 0, 0));
  }

  // 4.2.3.3: notifications.

  @Test
  void aNotificationMakesTheDeviceProcessItsQueueAndInterrupt() {
    DriverSide queue = driver.start(VERSION_1, 8);
    queue.offer(3);

    driver.notifyQueue(0);

    await("the request", () -> queue.usedIndex() == 1);
    await("the interrupt", () -> interrupts.get() == 1);
    assertThat(driver.read(MmioRegister.INTERRUPT_STATUS)).isEqualTo(1);
    driver.write(MmioRegister.INTERRUPT_ACK, 2);
    assertThat(driver.read(MmioRegister.INTERRUPT_STATUS)).isEqualTo(1);
    driver.write(MmioRegister.INTERRUPT_ACK, 1);
    assertThat(driver.read(MmioRegister.INTERRUPT_STATUS)).isZero();
  }

  @Test
  void aNotificationThroughTheEventFdIsTheSame() {
    driver.negotiate(VERSION_1);
    driver.setUpQueue(0, 8);
    DriverSide second = driver.setUpQueue(1, 32);
    driver.addStatus(DRIVER_OK);
    second.offer(0);

    QueueNotifier notifier = transport.notifiers().get(1);
    assertThat(notifier.queueIndex()).isEqualTo(1);
    notifier.eventFd().signal();

    await("the request", () -> second.usedIndex() == 1);
  }

  @Test
  void aDeviceThatHasMoreToDoIsCalledAgain() {
    DriverSide queue = driver.start(VERSION_1, 8);
    for (int i = 0; i < 8; i++) {
      queue.offer(i);
    }

    driver.notifyQueue(0);

    await("all requests", () -> queue.usedIndex() == 8);
  }

  @Test
  void notificationsOfQueuesThatDoNotExistAreIgnored() {
    driver.start(VERSION_1, 8);

    driver.notifyQueue(2);
    driver.notifyQueue(-1);

    awaitLoop();
    assertThat(device.processed).hasValue(0);
    assertThat(failures).isEmpty();
  }

  @Test
  void nothingIsProcessedBeforeDriverOk() {
    driver.negotiate(VERSION_1);
    DriverSide queue = driver.setUpQueue(0, 8);
    queue.offer(0);
    driver.notifyQueue(0);
    awaitLoop();
    assertThat(queue.usedIndex()).isZero();

    driver.addStatus(DRIVER_OK);

    await("the early request", () -> queue.usedIndex() == 1);
  }

  @Test
  void aQueueThatIsStoppedIsNotTouchedAnyMore() {
    DriverSide queue = driver.start(VERSION_1, 8);
    driver.write(MmioRegister.QUEUE_SEL, 0);
    driver.write(MmioRegister.QUEUE_READY, 0);
    assertThat(driver.read(MmioRegister.QUEUE_READY)).isZero();
    queue.offer(0);
    driver.notifyQueue(0);
    driver.write(MmioRegister.QUEUE_READY, 1);

    awaitLoop();

    assertThat(driver.read(MmioRegister.QUEUE_READY)).isZero();
    assertThat(queue.usedIndex()).isZero();
  }

  @Test
  void aConfigurationChangeInterruptsAndCountsOn() {
    driver.start(VERSION_1, 8);
    int generation = driver.read(MmioRegister.CONFIG_GENERATION);

    device.notifier.configurationChanged();

    assertThat(driver.read(MmioRegister.CONFIG_GENERATION)).isNotEqualTo(generation);
    assertThat(driver.read(MmioRegister.INTERRUPT_STATUS)).isEqualTo(2);
    assertThat(interrupts).hasValue(1);
  }

  // 2.1.2: what a driver does wrong.

  @Test
  void aBrokenRingLeavesADeviceThatNeedsAResetAndThenWorksAgain() {
    DriverSide queue = driver.start(VERSION_1, 8);
    queue.offer(8);
    driver.notifyQueue(0);
    await("the need for a reset", () -> (driver.status() & NEEDS_RESET) != 0);
    await("its interrupt", () -> interrupts.get() == 1);
    assertThat(driver.read(MmioRegister.INTERRUPT_STATUS)).isEqualTo(2);
    assertThat(failures).as("the guest's fault is no failure of ours").isEmpty();

    driver.reset();
    assertThat(driver.status()).isZero();
    assertThat(driver.read(MmioRegister.INTERRUPT_STATUS)).isZero();
    DriverSide again = driver.start(VERSION_1, 8);
    again.offer(1);
    driver.notifyQueue(0);

    await("the request", () -> again.usedIndex() == 1);
  }

  @Test
  void aDeviceThatNeedsAResetProcessesNothing() {
    DriverSide queue = driver.start(VERSION_1, 8);
    queue.offer(8);
    driver.notifyQueue(0);
    await("the need for a reset", () -> (driver.status() & NEEDS_RESET) != 0);

    queue.availableIndex(0);
    queue.offer(1);
    driver.notifyQueue(0);
    awaitLoop();

    assertThat(queue.usedIndex()).isZero();
  }

  /** Returns when the loop has handled what was signalled before. */
  private void awaitLoop() {
    AtomicBoolean handled = new AtomicBoolean();
    try (EventFd marker = EventFd.create()) {
      loop.register(marker, () -> handled.set(true));
      marker.signal();
      await("the loop", handled::get);
      loop.unregister(marker);
    }
  }

  @Test
  void aQueueThatCannotBeIsFoundAtDriverOk() {
    driver.negotiate(VERSION_1);
    driver.setUpQueue(0, 32);

    assertThat(driver.addStatus(DRIVER_OK)).isEqualTo(EVERYTHING_OK | NEEDS_RESET);
    assertThat(interrupts).hasValue(1);
  }

  @Test
  void aDefectOfTheDeviceIsReportedAndNeedsAReset() throws InterruptedException {
    device.beforeProcessing =
        () -> {
          throw new UnsupportedOperationException("defect");
        };
    driver.start(VERSION_1, 8);

    driver.notifyQueue(0);

    assertThat(failures.poll(5, TimeUnit.SECONDS)).hasMessage("defect");
    assertThat(driver.status() & NEEDS_RESET).isNotZero();
  }

  @Test
  void randomRegisterTrafficThrowsNothing() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int[] byteCounts = {1, 2, 4, 4, 4, 4, 8};
    int[] statuses = {0, 1, 3, 11, 15, 143};
    for (int i = 0; i < 300_000; i++) {
      if (i % 64 == 0) {
        awaitLoop(); // before the reset takes away what it was told of
        beginAnew(random.nextBoolean());
      }
      int offset = random.nextInt(8) == 0 ? random.nextInt(0x1000) : 4 * random.nextInt(0x48);
      int byteCount = byteCounts[random.nextInt(byteCounts.length)];
      long value =
          switch (random.nextInt(3)) {
            case 0 -> statuses[random.nextInt(statuses.length)];
            case 1 -> 1L << random.nextInt(40);
            default -> random.nextLong();
          };
      try {
        if (random.nextBoolean()) {
          transport.write(offset, byteCount, value);
        } else {
          transport.read(offset, byteCount);
        }
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + seed + ", offset " + offset, e);
      }
    }
    assertThat(failures).as("seed %d", seed).isEmpty();
    assertThat(device.processed.get()).as("requests processed meanwhile").isPositive();
  }

  /** A device that has been told of a request, or one that only lacks DRIVER_OK. */
  private void beginAnew(boolean running) {
    driver.reset();
    if (running) {
      driver.start(VERSION_1, 8).offer(0);
      driver.notifyQueue(0);
    } else {
      driver.negotiate(VERSION_1);
      driver.setUpQueue(0, 8).offer(0);
    }
  }

  // 2.4: reset.

  @Test
  void aResetWaitsForTheRunningHandler() throws InterruptedException {
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch proceed = new CountDownLatch(1);
    device.beforeProcessing =
        () -> {
          entered.countDown();
          awaitLatch(proceed);
        };
    DriverSide queue = driver.start(VERSION_1, 8);
    queue.offer(0);
    driver.notifyQueue(0);
    entered.await();

    Thread vcpu = Thread.ofPlatform().start(driver::reset);
    vcpu.join(50);
    assertThat(vcpu.isAlive()).as("the reset waits").isTrue();
    proceed.countDown();
    vcpu.join();

    assertThat(queue.usedIndex()).as("the handler had finished").isEqualTo(1);
    assertThat(driver.status()).isZero();
    assertThat(quiescedCapture().queues())
        .containsOnly(new VirtQueueState(0, false, 0, 0, 0, 0, 0));
  }

  private static void awaitLatch(CountDownLatch latch) {
    try {
      assertThat(latch.await(10, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void resetsAndNotificationsFromManyProcessorsNeitherRaceNorDeadlock() throws Exception {
    AtomicBoolean done = new AtomicBoolean();
    Thread notifying =
        Thread.ofPlatform()
            .start(
                () -> {
                  while (!done.get()) {
                    driver.notifyQueue(0);
                    driver.read(MmioRegister.INTERRUPT_STATUS);
                  }
                });
    try {
      for (int i = 0; i < 500; i++) {
        DriverSide queue = driver.start(VERSION_1, 8);
        queue.offer(i % 8);
        if (i % 2 == 0) {
          await("the request", () -> queue.usedIndex() == 1);
        }
        driver.reset();
        int resets = device.resets.get();
        assertThat(device.running).isFalse();
        assertThat(resets).isEqualTo(i + 1);
      }
    } finally {
      done.set(true);
      notifying.join();
    }
    assertThat(failures).isEmpty();
  }

  // Capture and restore.

  private VirtioMmioState quiescedCapture() {
    loop.quiesce();
    try {
      return transport.capture();
    } finally {
      loop.resume();
    }
  }

  @Test
  void stateIsCapturedAndRestoredOnlyWhileTheLoopIsQuiesced() {
    VirtioMmioState state = quiescedCapture();

    assertThatThrownBy(transport::capture).hasMessageContaining("must be quiesced");
    assertThatThrownBy(() -> transport.restore(state)).hasMessageContaining("must be quiesced");
  }

  @Test
  void aRestoredDeviceHandlesWhatWasOfferedWithoutANotification() {
    DriverSide queue = driver.start(VERSION_1 | VirtioFeatures.EVENT_INDEX, 8);
    queue.offer(5);
    driver.notifyQueue(0);
    await("the request", () -> queue.usedIndex() == 1);
    await("its interrupt", () -> interrupts.get() == 1);
    loop.quiesce();
    queue.offer(6);
    driver.notifyQueue(0);
    VirtioMmioState state = transport.capture();

    AtomicInteger restoredInterrupts = new AtomicInteger();
    try (EventLoop other = new EventLoop("restored", failures::add);
        VirtioMmioTransport restored =
            new VirtioMmioTransport(
                new EchoDevice(), memory, restoredInterrupts::incrementAndGet, other)) {
      other.quiesce();
      restored.restore(state);
      assertThat(restored.capture()).isEqualTo(state);
      assertThat(restoredInterrupts).as("what was not acknowledged").hasValue(1);
      assertThat(queue.usedIndex()).isEqualTo(1);
      other.resume();
      await("the pending request", () -> queue.usedIndex() == 2);
      assertThat(queue.usedHead(1)).isEqualTo(6);
    }
    assertThat(failures).isEmpty();
  }

  @Test
  void aDeviceCanGoBackToAnEarlierState() {
    driver.start(VERSION_1, 8);
    VirtioMmioState earlier = quiescedCapture();
    driver.reset();
    driver.negotiate(VERSION_1 | 1);

    loop.quiesce();
    transport.restore(earlier);

    assertThat(transport.capture()).isEqualTo(earlier);
    assertThat(driver.status()).isEqualTo(EVERYTHING_OK);
  }

  @Test
  void aNeedForAResetSurvives() {
    driver.start(VERSION_1, 8).offer(99);
    driver.notifyQueue(0);
    await("the need for a reset", () -> (driver.status() & NEEDS_RESET) != 0);
    VirtioMmioState state = quiescedCapture();
    driver.reset();

    loop.quiesce();
    transport.restore(state);

    assertThat(driver.status()).isEqualTo(EVERYTHING_OK | NEEDS_RESET);
  }

  @Test
  void theStateOfAnotherKindOfDeviceIsRefused() {
    driver.start(VERSION_1, 8);
    VirtioMmioState state = quiescedCapture();
    loop.quiesce();

    for (int status : new int[] {EVERYTHING_OK, ACKNOWLEDGE | DRIVER | FEATURES_OK, DRIVER_OK}) {
      assertThatThrownBy(() -> transport.restore(with(status, 1L << 63, state.queues())))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("0x8000000000000000");
    }
    assertThatThrownBy(() -> transport.restore(with(EVERYTHING_OK, VERSION_1, List.of())))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("0 queues");
  }

  private static VirtioMmioState with(int status, long features, List<VirtQueueState> queues) {
    return new VirtioMmioState(status, features, 0, 0, 0, 0, 0, queues);
  }

  @Test
  void closingReleasesEverything() {
    ProcessResources before = ProcessResources.count("");
    EchoDevice closed = new EchoDevice();
    VirtioMmioTransport other = new VirtioMmioTransport(closed, memory, () -> {}, loop);
    GuestDriver otherDriver = new GuestDriver(other, memory);
    otherDriver.start(VERSION_1, 8);

    other.close();
    other.close();

    assertThat(closed.closed).isTrue();
    assertThat(ProcessResources.count("").fileDescriptors()).isEqualTo(before.fileDescriptors());
  }
}
