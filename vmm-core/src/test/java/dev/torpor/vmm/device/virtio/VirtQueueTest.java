package dev.torpor.vmm.device.virtio;

import static dev.torpor.vmm.device.virtio.DriverSide.INDIRECT;
import static dev.torpor.vmm.device.virtio.DriverSide.NEXT;
import static dev.torpor.vmm.device.virtio.DriverSide.WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.vmm.GuestProtocolException;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;

/** One hand-made ring for each rule of section 2.7. */
@Timeout(value = 30, threadMode = ThreadMode.SEPARATE_THREAD)
class VirtQueueTest {
  private static final long RAM_BYTES = 4L << 20;
  private static final long TABLE = 0x2_0000;
  private static final long BUFFER = 0x3_0000;
  private static final int SIZE = 8;

  private final GuestMemory memory =
      GuestMemory.allocate(RAM_BYTES, MemoryBacking.ANONYMOUS, false);
  private final DriverSide driver = new DriverSide(memory, 0x1000, SIZE);
  private final DescriptorChain chain = new DescriptorChain();

  @AfterEach
  void close() {
    memory.close();
  }

  private VirtQueue plainQueue() {
    return driver.activate(0);
  }

  private VirtQueue indirectQueue() {
    return driver.activate(VirtioFeatures.INDIRECT_DESCRIPTORS);
  }

  private void assertBreach(VirtQueue queue, String... parts) {
    assertThatThrownBy(() -> queue.next(chain))
        .isInstanceOf(GuestProtocolException.class)
        .hasMessageContaining("queue 0")
        .hasMessageContainingAll(parts);
  }

  // 2.7.6, 2.7.13: what the driver offers, the device takes, in order.

  @Test
  void anEmptyRingHasNoRequest() {
    assertThat(plainQueue().next(chain)).isFalse();
  }

  @Test
  void aChainIsDeliveredWithItsReadableBuffersFirst() {
    driver.descriptor(3, BUFFER, 16, NEXT, 5);
    driver.descriptor(5, BUFFER + 0x100, 512, NEXT | WRITE, 0);
    driver.descriptor(0, BUFFER + 0x400, 1, WRITE, 7);
    VirtQueue queue = plainQueue();
    driver.offer(3);

    assertThat(queue.next(chain)).isTrue();

    assertThat(chain.head()).isEqualTo(3);
    assertThat(chain.bufferCount()).isEqualTo(3);
    assertThat(chain.readableCount()).isEqualTo(1);
    assertThat(chain.readableByteCount()).isEqualTo(16);
    assertThat(chain.writableByteCount()).isEqualTo(513);
    assertThat(chain.address(1)).isEqualTo(BUFFER + 0x100);
    assertThat(chain.byteCount(2)).isEqualTo(1);
    assertThat(queue.next(chain)).isFalse();
  }

  @Test
  void theIndicesRunFreelyPast65535() {
    VirtQueue queue = driver.activate(0, 0xfffe);
    driver.descriptor(1, BUFFER, 4, 0, 0);
    for (int i = 0; i < 4; i++) {
      driver.offer(1);
      assertThat(queue.next(chain)).isTrue();
      queue.complete(1, 0);
    }
    assertThat(driver.usedIndex()).isEqualTo(2);
    assertThat(queue.capture().nextAvailable()).isEqualTo(2);
    assertThat(queue.next(chain)).isFalse();
  }

  @Test
  void aQueueThatIsNotReadyIsNotTouched() {
    VirtQueue queue = plainQueue();
    driver.availableIndex(0x4000);
    queue.setReady(false);

    assertThat(queue.next(chain)).isFalse();
  }

  @Test
  void theAvailableIndexMayBeAheadByTheQueueSizeAndNoMore() {
    VirtQueue queue = plainQueue();
    driver.availableIndex(SIZE);
    assertThat(queue.next(chain)).isTrue();

    driver.availableIndex(SIZE + 2);
    assertBreach(queue, "available index 10", "9 ahead of 1", "limit 8");
  }

  @Test
  void theAvailableIndexMayNotGoBack() {
    VirtQueue queue = driver.activate(0, 5);
    driver.availableIndex(4);

    assertBreach(queue, "available index 4", "65535 ahead of 5");
  }

  @Test
  void aHeadMustLieInTheTable() {
    VirtQueue queue = plainQueue();
    driver.offer(SIZE);

    assertBreach(queue, "slot 0", "descriptor 8", "limit 8");
  }

  // 2.7.5: chains of descriptors.

  @Test
  void aNextMustLieInTheTable() {
    VirtQueue queue = plainQueue();
    driver.descriptor(2, BUFFER, 4, NEXT, 0xffff);
    driver.offer(2);

    assertBreach(queue, "descriptor 2", "next 65535", "limit 8");
  }

  @Test
  void aNextWithoutItsFlagIsIgnored() {
    VirtQueue queue = plainQueue();
    driver.descriptor(2, BUFFER, 4, 0, 0xffff);
    driver.offer(2);

    assertThat(queue.next(chain)).isTrue();
  }

  @Test
  void aDescriptorThatNamesItselfIsALoop() {
    VirtQueue queue = plainQueue();
    driver.descriptor(2, BUFFER, 4, NEXT, 2);
    driver.offer(2);

    assertBreach(queue, "head 2", "loops", "limit 8");
  }

  @Test
  void aChainAsLongAsTheQueueIsDeliveredAndOneThatClosesOnItselfIsNot() {
    VirtQueue queue = plainQueue();
    for (int i = 0; i < SIZE; i++) {
      driver.descriptor(i, BUFFER + i, 1, i == SIZE - 1 ? 0 : NEXT, i + 1);
    }
    driver.offer(0);
    assertThat(queue.next(chain)).isTrue();
    assertThat(chain.bufferCount()).isEqualTo(SIZE);

    driver.descriptor(SIZE - 1, BUFFER, 1, NEXT, 0);
    driver.offer(0);
    assertBreach(queue, "head 0", "loops", "limit 8");
  }

  @Test
  void aReadableBufferMayNotFollowAWritableOne() {
    VirtQueue queue = plainQueue();
    driver.descriptor(0, BUFFER, 4, NEXT | WRITE, 1);
    driver.descriptor(1, BUFFER, 4, 0, 0);
    driver.offer(0);

    assertBreach(queue, "descriptor 1 is readable");
  }

  @Test
  void aBufferMayEndWhereRamEndsAndNotOneByteLater() {
    VirtQueue queue = plainQueue();
    driver.descriptor(0, RAM_BYTES - 16, 16, 0, 0);
    driver.offer(0);
    assertThat(queue.next(chain)).isTrue();

    driver.descriptor(0, RAM_BYTES - 16, 17, 0, 0);
    driver.offer(0);
    assertBreach(queue, "descriptor 0", "17 bytes at 0x3ffff0", "outside guest memory");
  }

  @Test
  void anAddressWhoseEndOverflowsLiesOutsideGuestMemory() {
    VirtQueue queue = plainQueue();
    driver.descriptor(0, -16, 0xffff_ffffL, WRITE, 0);
    driver.offer(0);

    assertBreach(queue, "4294967295 bytes at 0xfffffffffffffff0");
  }

  @Test
  void aChainHasAtMostFourGiB() {
    long ramBytes = 3L << 30;
    try (GuestMemory large = GuestMemory.allocate(ramBytes, MemoryBacking.ANONYMOUS, false)) {
      DriverSide largeDriver = new DriverSide(large, 0x1000, SIZE);
      VirtQueue queue = largeDriver.activate(0);
      largeDriver.descriptor(0, 0, 1L << 31, NEXT, 1);
      largeDriver.descriptor(1, 0, 1L << 31, 0, 0);
      largeDriver.offer(0);
      assertThat(queue.next(chain)).isTrue();
      assertThat(chain.readableByteCount()).isEqualTo(1L << 32);

      largeDriver.descriptor(1, 0, (1L << 31) + 1, 0, 0);
      largeDriver.offer(0);
      assertBreach(queue, "4294967297 bytes", "limit 4294967296");
    }
  }

  // 2.7.5.3: indirect descriptors.

  @Test
  void anIndirectTableIsFollowedBehindOrdinaryDescriptors() {
    VirtQueue queue = indirectQueue();
    driver.descriptor(0, BUFFER, 16, NEXT, 1);
    driver.descriptor(1, TABLE, 48, INDIRECT | WRITE, 0);
    driver.descriptorAt(TABLE, BUFFER + 16, 8, NEXT, 2);
    driver.descriptorAt(TABLE + 32, BUFFER + 64, 1, WRITE, 0);
    driver.offer(0);

    assertThat(queue.next(chain)).isTrue();

    assertThat(chain.bufferCount()).isEqualTo(3);
    assertThat(chain.readableByteCount()).isEqualTo(24);
    assertThat(chain.address(2)).isEqualTo(BUFFER + 64);
  }

  @Test
  void indirectDescriptorsMustHaveBeenNegotiated() {
    VirtQueue queue = plainQueue();
    driver.descriptor(0, TABLE, 16, INDIRECT, 0);
    driver.offer(0);

    assertBreach(queue, "descriptor 0 is indirect", "not negotiated");
  }

  @Test
  void anIndirectTableMayNotNameAnother() {
    VirtQueue queue = indirectQueue();
    driver.descriptor(0, TABLE, 16, INDIRECT, 0);
    driver.descriptorAt(TABLE, TABLE, 16, INDIRECT, 0);
    driver.offer(0);

    assertBreach(queue, "descriptor 0 of an indirect table", "limit 1 level");
  }

  @Test
  void anIndirectDescriptorMayNotHaveANext() {
    VirtQueue queue = indirectQueue();
    driver.descriptor(0, TABLE, 16, INDIRECT | NEXT, 1);
    driver.offer(0);

    assertBreach(queue, "descriptor 0 is indirect and has a next");
  }

  @Test
  void anIndirectTableHoldsAtLeastOneWholeDescriptor() {
    VirtQueue queue = indirectQueue();
    driver.descriptor(0, TABLE, 0, INDIRECT, 0);
    driver.offer(0);
    assertBreach(queue, "table of 0 bytes", "multiple of 16");

    driver.descriptor(0, TABLE, 24, INDIRECT, 0);
    assertBreach(queue, "table of 24 bytes", "multiple of 16");
  }

  @Test
  void anIndirectTableLiesInGuestMemory() {
    VirtQueue queue = indirectQueue();
    driver.descriptor(0, RAM_BYTES - 16, 32, INDIRECT, 0);
    driver.offer(0);

    assertBreach(queue, "32 bytes at 0x3ffff0", "outside guest memory");
  }

  @Test
  void aNextInsideAnIndirectTableIsLimitedByThatTable() {
    VirtQueue queue = indirectQueue();
    driver.descriptor(0, TABLE, 32, INDIRECT, 0);
    driver.descriptorAt(TABLE, BUFFER, 4, NEXT, 2);
    driver.offer(0);

    assertBreach(queue, "descriptor 0", "next 2", "limit 2");
  }

  @Test
  void aLoopInsideAnIndirectTableEndsAtTheQueueSize() {
    VirtQueue queue = indirectQueue();
    driver.descriptor(0, TABLE, 32, INDIRECT, 0);
    driver.descriptorAt(TABLE, BUFFER, 4, NEXT, 1);
    driver.descriptorAt(TABLE + 16, BUFFER, 4, NEXT, 0);
    driver.offer(0);

    assertBreach(queue, "loops", "limit 8");
  }

  // 2.7.8: the used ring.

  @Test
  void completionsAreWrittenInTheOrderInWhichTheyHappen() {
    VirtQueue queue = plainQueue();
    driver.offer(4);
    driver.offer(6);
    assertThat(queue.next(chain)).isTrue();
    assertThat(queue.next(chain)).isTrue();

    queue.complete(6, 513);
    queue.complete(4, 0xffff_ffffL);

    assertThat(driver.usedIndex()).isEqualTo(2);
    assertThat(driver.usedHead(0)).isEqualTo(6);
    assertThat(driver.usedByteCount(0)).isEqualTo(513);
    assertThat(driver.usedHead(1)).isEqualTo(4);
    assertThat(driver.usedByteCount(1)).isEqualTo(0xffff_ffffL);
  }

  // 2.7.7, 2.7.10: suppression of notifications.

  @Test
  void anInterruptIsWantedOncePerBatchUnlessTheDriverSetsNoInterrupt() {
    VirtQueue queue = plainQueue();
    assertThat(queue.shouldInterrupt()).as("nothing was completed").isFalse();
    queue.complete(0, 0);
    queue.complete(1, 0);
    assertThat(queue.shouldInterrupt()).isTrue();
    assertThat(queue.shouldInterrupt()).as("considered already").isFalse();

    driver.availableFlags(1);
    queue.complete(2, 0);
    assertThat(queue.shouldInterrupt()).isFalse();
  }

  @Test
  void usedEventAsksForAnInterruptOnlyWhenTheIndexPassesIt() {
    VirtQueue queue = driver.activate(VirtioFeatures.EVENT_INDEX, 0xffff);
    driver.availableFlags(1); // to be ignored now
    driver.usedEvent(0);
    queue.complete(0, 0); // entry 65535
    assertThat(queue.shouldInterrupt()).isFalse();
    queue.complete(0, 0); // entry 0
    queue.complete(0, 0); // entry 1
    assertThat(queue.shouldInterrupt()).isTrue();
    queue.complete(0, 0);
    assertThat(queue.shouldInterrupt()).isFalse();
  }

  @Test
  void anEmptyRingAsksToBeNotifiedOfTheNextRequest() {
    VirtQueue queue = driver.activate(VirtioFeatures.EVENT_INDEX);
    driver.offer(0);
    driver.offer(0);
    assertThat(queue.next(chain)).isTrue();
    assertThat(driver.availableEvent()).as("while requests wait, no wish is written").isZero();
    assertThat(queue.next(chain)).isTrue();

    assertThat(queue.next(chain)).isFalse();

    assertThat(driver.availableEvent()).isEqualTo(2);
  }

  @Test
  void withoutEventIndexNeitherEventFieldIsTouched() {
    driver.memory.writeShort(driver.usedRing + 4 + 8 * SIZE, (short) 0x7777);
    VirtQueue queue = plainQueue();

    assertThat(queue.next(chain)).isFalse();

    assertThat(driver.availableEvent()).isEqualTo(0x7777);
  }

  // 2.7: sizes, places and alignments, checked when the queue is activated.

  private void assertNotActivated(VirtQueueState state, String... parts) {
    VirtQueue queue = new VirtQueue(memory, 3, 256);
    queue.restore(state);
    assertThatThrownBy(() -> queue.activate(0))
        .isInstanceOf(GuestProtocolException.class)
        .hasMessageContaining("queue 3")
        .hasMessageContainingAll(parts);
  }

  @Test
  void theSizeMustBeAPowerOfTwoUpToTheLimit() {
    for (int size : new int[] {0, 3, 512, -1, Integer.MIN_VALUE}) {
      assertNotActivated(
          new VirtQueueState(size, true, 0x1000, 0x2000, 0x3000, 0, 0),
          "size " + Integer.toUnsignedString(size),
          "limit 256");
    }
  }

  @Test
  void eachPartOfAQueueMustBeAligned() {
    assertNotActivated(
        new VirtQueueState(8, true, 0x1008, 0x2000, 0x3000, 0, 0), "descriptor table", "0x1008");
    assertNotActivated(
        new VirtQueueState(8, true, 0x1000, 0x2001, 0x3000, 0, 0), "available ring", "0x2001");
    assertNotActivated(
        new VirtQueueState(8, true, 0x1000, 0x2000, 0x3002, 0, 0), "used ring", "0x3002");
  }

  @Test
  void eachPartOfAQueueMustLieInGuestMemory() {
    assertNotActivated(
        new VirtQueueState(8, true, RAM_BYTES - 0x70, 0x2000, 0x3000, 0, 0), "descriptor table");
    assertNotActivated(
        new VirtQueueState(8, true, 0x1000, RAM_BYTES - 20, 0x3000, 0, 0), "available ring");
    assertNotActivated(
        new VirtQueueState(8, true, 0x1000, 0x2000, Long.MIN_VALUE, 0, 0), "used ring");
  }

  // Capture and restore.

  @Test
  void aRestoredQueueGoesOnWhereTheCapturedOneStopped() {
    VirtQueue queue = driver.activate(VirtioFeatures.EVENT_INDEX);
    driver.offer(1);
    driver.offer(2);
    assertThat(queue.next(chain)).isTrue();
    queue.complete(chain.head(), 0);

    VirtQueue restored = new VirtQueue(memory, 0, 1024);
    restored.restore(queue.capture());
    restored.activate(VirtioFeatures.EVENT_INDEX);

    assertThat(restored.capture()).isEqualTo(queue.capture());
    assertThat(restored.next(chain)).isTrue();
    assertThat(chain.head()).isEqualTo(2);
    assertThat(restored.next(chain)).isFalse();
  }

  @Test
  void aStateWithImpossibleIndicesIsRefused() {
    assertThatThrownBy(() -> new VirtQueueState(8, true, 0, 0, 0, 65536, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("65536");
  }
}
