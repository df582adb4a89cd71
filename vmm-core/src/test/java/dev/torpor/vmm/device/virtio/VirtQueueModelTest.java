package dev.torpor.vmm.device.virtio;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AfterContainer;

/**
 * A well-behaved driver and a naive model of the queue, made of lists, against {@link VirtQueue}:
 * they agree on everything that is delivered, completed and notified.
 */
class VirtQueueModelTest {
  private static final GuestMemory MEMORY =
      GuestMemory.allocate(4L << 20, MemoryBacking.ANONYMOUS, false);
  private static final long TABLES = 0x10_0000;
  private static final int STEPS = 300;

  @AfterContainer
  static void close() {
    MEMORY.close();
  }

  @Property(tries = 1000)
  void deviceAndModelAgree(
      @ForAll long seed,
      @ForAll @IntRange(min = 0, max = 6) int sizeExponent,
      @ForAll @IntRange(min = 0, max = 65535) int startIndex,
      @ForAll boolean eventIndex) {
    Model model = new Model(new Random(seed), 1 << sizeExponent, startIndex, eventIndex);
    for (int i = 0; i < STEPS; i++) {
      model.step();
    }
    model.drain();
  }

  private record Buffer(long address, long byteCount, boolean writable) {}

  private record Request(int head, List<Integer> descriptors, List<Buffer> buffers) {}

  private static final class Model {
    private final Random random;
    private final boolean eventIndex;
    private final long features;
    private final DriverSide driver;
    private final DescriptorChain chain = new DescriptorChain();
    private final List<Integer> free = new ArrayList<>();
    private final Deque<Request> offered = new ArrayDeque<>();
    private final List<Request> taken = new ArrayList<>();
    private final List<Integer> unconsidered = new ArrayList<>();
    private VirtQueue queue;
    private int takenIndex;
    private int usedIndex;
    private int usedEvent;
    private boolean noInterrupt;

    Model(Random random, int size, int startIndex, boolean eventIndex) {
      this.random = random;
      this.eventIndex = eventIndex;
      this.features =
          VirtioFeatures.INDIRECT_DESCRIPTORS | (eventIndex ? VirtioFeatures.EVENT_INDEX : 0);
      driver = new DriverSide(MEMORY, 0x1000, size);
      driver.availableFlags(0);
      driver.usedEvent(0);
      queue = driver.activate(features, startIndex);
      takenIndex = startIndex;
      usedIndex = startIndex;
      for (int i = 0; i < size; i++) {
        free.add(i);
      }
    }

    void step() {
      switch (random.nextInt(8)) {
        case 0, 1 -> offer();
        case 2, 3 -> take();
        case 4, 5 -> complete();
        case 6 -> considerInterrupt();
        default -> {
          if (random.nextBoolean()) {
            changeWish();
          } else {
            restore();
          }
        }
      }
    }

    void drain() {
      while (!offered.isEmpty()) {
        take();
      }
      take();
      while (!taken.isEmpty()) {
        complete();
      }
      considerInterrupt();
      assertThat(free).hasSize(driver.size);
    }

    private void offer() {
      if (free.isEmpty()) {
        return;
      }
      Collections.shuffle(free, random);
      int directCount = random.nextInt(1, Math.min(free.size(), 5) + 1);
      List<Integer> descriptors = new ArrayList<>(free.subList(0, directCount));
      free.subList(0, directCount).clear();
      boolean indirect = random.nextBoolean();
      int plainCount = indirect ? directCount - 1 : directCount;
      int tableCount = indirect ? random.nextInt(1, driver.size - plainCount + 1) : 0;
      List<Buffer> buffers = randomBuffers(plainCount + tableCount);
      int head = descriptors.getFirst();
      for (int i = 0; i < plainCount; i++) {
        write(descriptorGpa(descriptors.get(i)), buffers.get(i), next(descriptors, i));
      }
      if (indirect) {
        writeTable(head, descriptors.getLast(), buffers.subList(plainCount, buffers.size()));
      }
      driver.offer(head);
      offered.add(new Request(head, descriptors, buffers));
    }

    private static int next(List<Integer> descriptors, int i) {
      return i + 1 < descriptors.size() ? descriptors.get(i + 1) : -1;
    }

    private long descriptorGpa(int index) {
      return driver.descriptorTable + 16L * index;
    }

    private void writeTable(int head, int descriptor, List<Buffer> buffers) {
      long table = TABLES + 16L * driver.size * head;
      int flags = DriverSide.INDIRECT | (random.nextBoolean() ? DriverSide.WRITE : 0);
      driver.descriptor(descriptor, table, 16L * buffers.size(), flags, random.nextInt());
      for (int i = 0; i < buffers.size(); i++) {
        write(table + 16L * i, buffers.get(i), i + 1 < buffers.size() ? i + 1 : -1);
      }
    }

    private void write(long gpa, Buffer buffer, int next) {
      int flags = (buffer.writable ? DriverSide.WRITE : 0) | (next >= 0 ? DriverSide.NEXT : 0);
      driver.descriptorAt(gpa, buffer.address, buffer.byteCount, flags, next);
    }

    private List<Buffer> randomBuffers(int count) {
      int readable = random.nextInt(count + 1);
      List<Buffer> buffers = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        buffers.add(new Buffer(random.nextInt(1 << 20), random.nextInt(1 << 20), i >= readable));
      }
      return buffers;
    }

    private void take() {
      boolean found = queue.next(chain);
      assertThat(found).isEqualTo(!offered.isEmpty());
      if (!found) {
        if (eventIndex) {
          assertThat(driver.availableEvent()).isEqualTo(takenIndex);
        }
        return;
      }
      takenIndex = (takenIndex + 1) & 0xffff;
      Request expected = offered.remove();
      assertThat(chain.head()).isEqualTo(expected.head);
      List<Buffer> buffers = new ArrayList<>();
      for (int i = 0; i < chain.bufferCount(); i++) {
        buffers.add(new Buffer(chain.address(i), chain.byteCount(i), i >= chain.readableCount()));
      }
      assertThat(buffers).isEqualTo(expected.buffers);
      assertThat(chain.readable().remaining()).isEqualTo(chain.readableByteCount());
      assertThat(chain.readableByteCount() + chain.writableByteCount())
          .isEqualTo(expected.buffers.stream().mapToLong(Buffer::byteCount).sum());
      taken.add(expected);
    }

    private void complete() {
      if (taken.isEmpty()) {
        return;
      }
      Request request = taken.remove(random.nextInt(taken.size()));
      long byteCount = random.nextLong(1L << 32);

      queue.complete(request.head, byteCount);

      assertThat(driver.usedHead(usedIndex)).isEqualTo(request.head);
      assertThat(driver.usedByteCount(usedIndex)).isEqualTo(byteCount);
      unconsidered.add(usedIndex);
      usedIndex = (usedIndex + 1) & 0xffff;
      assertThat(driver.usedIndex()).isEqualTo(usedIndex);
      free.addAll(request.descriptors);
    }

    private void considerInterrupt() {
      boolean wanted =
          eventIndex ? unconsidered.contains(usedEvent) : !unconsidered.isEmpty() && !noInterrupt;
      assertThat(queue.shouldInterrupt()).isEqualTo(wanted);
      unconsidered.clear();
    }

    private void changeWish() {
      noInterrupt = random.nextBoolean();
      usedEvent = (usedIndex + random.nextInt(-2, 4)) & 0xffff;
      driver.availableFlags(noInterrupt ? 1 : 0);
      if (eventIndex) {
        driver.usedEvent(usedEvent);
      }
    }

    private void restore() {
      considerInterrupt();
      VirtQueue restored = new VirtQueue(MEMORY, 0, 1024);
      restored.restore(queue.capture());
      restored.activate(features);
      queue = restored;
    }
  }
}
