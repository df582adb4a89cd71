package dev.torpor.vmm.device.virtio;

import static dev.torpor.vmm.device.virtio.BlockRequest.STATUS_IO_ERROR;
import static dev.torpor.vmm.device.virtio.BlockRequest.STATUS_OK;
import static dev.torpor.vmm.device.virtio.BlockRequest.STATUS_UNSUPPORTED;
import static dev.torpor.vmm.device.virtio.GuestDriver.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.linux.Errno;
import dev.torpor.linux.LinuxException;
import dev.torpor.vmm.device.EventLoop;
import dev.torpor.vmm.device.virtio.BlockDriver.Result;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import dev.torpor.vmm.memory.PageSet;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Section 5.2, seen from the guest: through the registers, the rings and the eventfd. */
@Timeout(60)
class BlockDeviceTest {
  private static final int SECTORS = 128;
  private static final int DISK_BYTES = SECTORS * 512;

  @TempDir private Path folder;
  private Path disk;
  private byte[] content;
  private final BlockingQueue<Throwable> failures = new LinkedBlockingQueue<>();
  private final EventLoop loop = new EventLoop("block-test", failures::add);
  private final GuestMemory memory = GuestMemory.allocate(8L << 20, MemoryBacking.ANONYMOUS, false);
  private final AtomicInteger interrupts = new AtomicInteger();
  private BlockDevice device;
  private VirtioMmioTransport transport;

  @BeforeEach
  void fillDisk() throws IOException {
    content = new byte[DISK_BYTES];
    new Random(1).nextBytes(content);
    disk = Files.write(folder.resolve("disk"), content);
  }

  @AfterEach
  void close() {
    if (transport != null) {
      transport.close();
    }
    loop.close();
    memory.close();
    assertThat(failures).isEmpty();
  }

  private BlockDriver start(BlockBackend backend) {
    return startWithout(backend, 0);
  }

  private BlockDriver startWithout(BlockBackend backend, long missingFeatures) {
    device = new BlockDevice(backend, "torpor-disk-0");
    transport = new VirtioMmioTransport(device, memory, interrupts::incrementAndGet, loop);
    return new BlockDriver(transport, memory, device.deviceFeatures() & ~missingFeatures);
  }

  private BlockDriver writable() {
    return start(RawFileBackend.open(disk, false));
  }

  private byte[] onDisk() throws IOException {
    return Files.readAllBytes(disk);
  }

  private byte[] expected(int sector, int sectorCount) {
    return Arrays.copyOfRange(content, sector * 512, (sector + sectorCount) * 512);
  }

  // 5.2.4: configuration space.

  @Test
  void theConfigurationSpaceDescribesTheDisk() {
    writable();
    assertThat(transport.read(0x100, 8)).as("capacity").isEqualTo(SECTORS);
    assertThat(transport.read(0x100, 4)).as("capacity, low half").isEqualTo(SECTORS);
    assertThat(transport.read(0x10c, 4)).as("seg_max").isEqualTo(254);
    assertThat(transport.read(0x114, 4)).as("blk_size").isEqualTo(512);
    assertThat(transport.read(0x118, 1)).as("physical_block_exp").isEqualTo(3);
    assertThat(transport.read(0x11a, 2)).as("min_io_size").isEqualTo(8);
    assertThat(transport.read(0x124, 4)).as("max_discard_sectors").isEqualTo(1 << 21);
    assertThat(transport.read(0x128, 4)).as("max_discard_seg").isEqualTo(16);
    assertThat(transport.read(0x12c, 4)).as("discard_sector_alignment").isEqualTo(8);
    assertThat(transport.read(0x130, 4)).as("max_write_zeroes_sectors").isEqualTo(1 << 17);
    assertThat(transport.read(0x134, 4)).as("max_write_zeroes_seg").isEqualTo(1);
    assertThat(transport.read(0x138, 1)).as("write_zeroes_may_unmap").isEqualTo(1);
    assertThat(transport.read(0x148, 8)).as("beyond the end").isZero();
    assertThat(transport.read(0xfff, 8)).as("far beyond the end").isZero();
  }

  @Test
  void anIdIsAtMostTwentyCharacters() {
    RawFileBackend backend = RawFileBackend.open(disk, true);
    assertThatThrownBy(() -> new BlockDevice(backend, "123456789012345678901"))
        .hasMessageContaining("21 characters, limit 20");
    backend.close();
  }

  // 5.2.6: requests.

  @Test
  void aReadReturnsTheDisksContent() {
    BlockDriver driver = writable();

    Result result = driver.read(3, 4096);

    assertThat(result.status()).isEqualTo(STATUS_OK);
    assertThat(result.data()).isEqualTo(expected(3, 8));
    assertThat(result.usedByteCount()).as("data and status").isEqualTo(4097);
    assertThat(device.metrics().readByteCount()).isEqualTo(4096);
    await("the interrupt", () -> interrupts.get() == 1);
  }

  @Test
  void aWriteChangesThatRangeAndNoOther() throws IOException {
    BlockDriver driver = writable();
    byte[] data = new byte[1536];
    new Random(2).nextBytes(data);

    assertThat(driver.write(SECTORS - 3, data)).isEqualTo(STATUS_OK);
    assertThat(driver.flush()).isEqualTo(STATUS_OK);

    System.arraycopy(data, 0, content, (SECTORS - 3) * 512, data.length);
    assertThat(onDisk()).isEqualTo(content);
    assertThat(device.metrics().writtenByteCount()).isEqualTo(1536);
    assertThat(device.metrics().flushCount()).isEqualTo(1);
    assertThat(device.metrics().requestCount()).isEqualTo(2);
    assertThat(device.metrics().errorCount()).isZero();
  }

  @Test
  void aRequestMayBeCutIntoBuffersAnywhere() {
    for (long missing : new long[] {0, VirtioFeatures.INDIRECT_DESCRIPTORS}) {
      long seed = System.nanoTime();
      Random random = new Random(seed);
      BlockDriver driver = startWithout(RawFileBackend.open(disk, false), missing);
      for (int i = 0; i < 200; i++) {
        byte[] data = new byte[512 * random.nextInt(1, 5)];
        random.nextBytes(data);
        int sector = random.nextInt(SECTORS - 4);

        Result written = driver.submit(BlockRequest.OUT, sector, data, 0, random);
        Result read = driver.submit(BlockRequest.IN, sector, new byte[0], data.length, random);

        assertThat(written.status()).as("seed %d", seed).isEqualTo(STATUS_OK);
        assertThat(read.status()).as("seed %d", seed).isEqualTo(STATUS_OK);
        assertThat(read.data()).as("seed %d", seed).isEqualTo(data);
      }
      transport.close();
    }
  }

  @Test
  void theIdIsPaddedWithZeroes() {
    Result result = writable().submit(BlockRequest.GET_ID, 0, new byte[0], 20);

    assertThat(result.status()).isEqualTo(STATUS_OK);
    assertThat(new String(result.data(), StandardCharsets.US_ASCII))
        .isEqualTo("torpor-disk-0\0\0\0\0\0\0\0");
    assertThat(result.usedByteCount()).isEqualTo(21);
  }

  @Test
  void anIdNeedsTwentyBytes() {
    Result result = writable().submit(BlockRequest.GET_ID, 0, new byte[0], 19);

    assertThat(result.status()).isEqualTo(STATUS_IO_ERROR);
    assertThat(result.usedByteCount()).as("nothing to rely on").isZero();
  }

  @Test
  void anUnknownRequestIsUnsupported() {
    BlockDriver driver = writable();
    for (int type : new int[] {2, 3, 5, 7, 10, 14, 16, -1}) {
      assertThat(driver.submit(type, 0, new byte[0], 512).status()).isEqualTo(STATUS_UNSUPPORTED);
    }
    assertThat(device.metrics().errorCount()).isEqualTo(8);
  }

  @Test
  void transfersBeyondTheCapacityFail() throws IOException {
    BlockDriver driver = writable();
    long[] sectors = {SECTORS - 1, SECTORS, SECTORS + 1, Long.MAX_VALUE, -1, Long.MIN_VALUE};
    for (long sector : sectors) {
      assertThat(driver.read(sector, 1024).status()).as("%d", sector).isEqualTo(STATUS_IO_ERROR);
      assertThat(driver.write(sector, new byte[1024])).isEqualTo(STATUS_IO_ERROR);
    }
    // Sectors that overflow to the disk's beginning when they are turned into bytes.
    assertThat(driver.read(1L << 55, 512).status()).isEqualTo(STATUS_IO_ERROR);
    assertThat(driver.read(0, DISK_BYTES).status()).isEqualTo(STATUS_OK);
    assertThat(driver.read(0, DISK_BYTES + 512).status()).isEqualTo(STATUS_IO_ERROR);
    assertThat(onDisk()).isEqualTo(content);
  }

  @Test
  void transfersAreWholeSectors() throws IOException {
    BlockDriver driver = writable();
    for (int byteCount : new int[] {1, 511, 513}) {
      assertThat(driver.read(0, byteCount).status()).isEqualTo(STATUS_IO_ERROR);
      assertThat(driver.write(0, new byte[byteCount])).isEqualTo(STATUS_IO_ERROR);
    }
    assertThat(onDisk()).isEqualTo(content);
  }

  // 5.2.6.2: read-only disks.

  @Test
  void aReadOnlyDiskIsReadAndNeverWritten() throws IOException {
    BlockDriver driver = start(RawFileBackend.open(disk, true));

    assertThat(device.deviceFeatures() & BlockDevice.FEATURE_READ_ONLY).isNotZero();
    assertThat(device.deviceFeatures() & BlockDevice.FEATURE_DISCARD).isZero();
    assertThat(driver.read(0, 512).data()).isEqualTo(expected(0, 1));
    assertThat(driver.write(0, new byte[512])).isEqualTo(STATUS_IO_ERROR);
    assertThat(driver.discard(0, 8, 0)).isEqualTo(STATUS_UNSUPPORTED);
    assertThat(driver.writeZeroes(0, 8, 0)).isEqualTo(STATUS_UNSUPPORTED);
    assertThat(driver.flush()).isEqualTo(STATUS_OK);
    assertThat(onDisk()).isEqualTo(content);
  }

  @Test
  void aReadOnlyBackendIsNotEvenAskedToWrite() {
    FlakyBackend backend = new FlakyBackend();
    backend.readOnly = true;
    BlockDriver driver = start(backend);

    assertThat(driver.write(0, new byte[512])).isEqualTo(STATUS_IO_ERROR);
    assertThat(driver.flush()).isEqualTo(STATUS_OK);
    assertThat(driver.discard(0, 8, 0)).isEqualTo(STATUS_UNSUPPORTED);

    assertThat(backend.calls).isZero();
  }

  // 5.2.6, 5.2.6.2: discard and write zeroes.

  @Test
  void zeroesAreWrittenWithAndWithoutUnmapping() throws IOException {
    BlockDriver driver = writable();

    assertThat(driver.writeZeroes(1, 3, 0)).isEqualTo(STATUS_OK);
    assertThat(driver.writeZeroes(100, 20, 1)).isEqualTo(STATUS_OK);
    assertThat(driver.writeZeroes(SECTORS, 0, 0)).as("nothing, at the end").isEqualTo(STATUS_OK);

    Arrays.fill(content, 512, 4 * 512, (byte) 0);
    Arrays.fill(content, 100 * 512, 120 * 512, (byte) 0);
    assertThat(onDisk()).isEqualTo(content);
  }

  @Test
  void discardsKeepEverythingElse() throws IOException {
    BlockDriver driver = writable();

    assertThat(driver.discard(8, 8, 0, 64, 16, 0)).isEqualTo(STATUS_OK);

    byte[] after = onDisk();
    assertThat(after).hasSize(DISK_BYTES);
    for (int sector = 0; sector < SECTORS; sector++) {
      boolean discarded = (sector >= 8 && sector < 16) || (sector >= 64 && sector < 80);
      if (!discarded) {
        byte[] found = Arrays.copyOfRange(after, sector * 512, (sector + 1) * 512);
        assertThat(found).as("sector %d", sector).isEqualTo(expected(sector, 1));
      }
    }
  }

  @Test
  void flagsThatMeanNothingAreUnsupported() throws IOException {
    BlockDriver driver = writable();

    assertThat(driver.discard(0, 8, 1)).as("unmap").isEqualTo(STATUS_UNSUPPORTED);
    assertThat(driver.discard(0, 8, 2)).isEqualTo(STATUS_UNSUPPORTED);
    assertThat(driver.writeZeroes(0, 8, 2)).isEqualTo(STATUS_UNSUPPORTED);
    assertThat(driver.writeZeroes(0, 8, 1L << 31)).isEqualTo(STATUS_UNSUPPORTED);
    assertThat(onDisk()).isEqualTo(content);
  }

  @Test
  void segmentsAreAllCheckedBeforeAnyIsActedOn() throws IOException {
    BlockDriver driver = writable();

    assertThat(driver.discard(0, 8, 0, SECTORS - 1, 2, 0)).isEqualTo(STATUS_IO_ERROR);
    assertThat(driver.discard(0, 8, 0, -1, 1, 0)).isEqualTo(STATUS_IO_ERROR);
    assertThat(driver.discard(0, 8, 0, 0, (1 << 21) + 1, 0)).isEqualTo(STATUS_IO_ERROR);
    assertThat(driver.discard(0, 8, 0, 0, 0xffff_ffffL, 0)).isEqualTo(STATUS_IO_ERROR);
    assertThat(driver.discard(new long[3 * 17])).as("17 of 16").isEqualTo(STATUS_IO_ERROR);
    assertThat(driver.discard()).as("none").isEqualTo(STATUS_IO_ERROR);
    assertThat(driver.writeZeroes(0, 8, 0, 8, 8, 0)).as("2 of 1").isEqualTo(STATUS_IO_ERROR);
    byte[] cut = Arrays.copyOf(BlockDriver.segments(0, 8, 0), 15);
    assertThat(driver.submit(BlockRequest.WRITE_ZEROES, 0, cut, 0).status())
        .isEqualTo(STATUS_IO_ERROR);
    assertThat(onDisk()).isEqualTo(content);
  }

  @Test
  void requestsThatWereNotNegotiatedAreUnsupported() {
    BlockDriver driver =
        startWithout(
            RawFileBackend.open(disk, false),
            BlockDevice.FEATURE_DISCARD | BlockDevice.FEATURE_WRITE_ZEROES);

    assertThat(driver.discard(0, 8, 0)).isEqualTo(STATUS_UNSUPPORTED);
    assertThat(driver.writeZeroes(0, 8, 0)).isEqualTo(STATUS_UNSUPPORTED);
  }

  // Requests without a frame.

  @Test
  void aRequestWithoutARoomForItsStatusNeedsAReset() {
    assertNeedsReset(List.of(16, 512), List.of());
    assertNeedsReset(List.of(16), List.of(0));
  }

  @Test
  void aRequestWithHalfAHeaderNeedsAReset() {
    assertNeedsReset(List.of(15), List.of(512, 1));
  }

  private void assertNeedsReset(List<Integer> readableParts, List<Integer> writableParts) {
    BlockDriver driver = writable();
    byte[] readable = new byte[readableParts.stream().mapToInt(part -> part).sum()];

    assertThatThrownBy(() -> driver.submit(readable, new byte[0], readableParts, writableParts))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("the device needs a reset");
    assertThat(driver.needsReset()).isTrue();
    transport.close();
  }

  // Backends that fail.

  /** Works on nothing, counts flushes, and fails on demand after some bytes. */
  private static final class FlakyBackend implements BlockBackend {
    int calls;
    int flushes;
    boolean readOnly;
    int callsBeforeFailure = Integer.MAX_VALUE;
    Runnable beforeRead = () -> {};

    private void call(String name) {
      calls++;
      if (callsBeforeFailure-- <= 0) {
        throw new LinuxException(name, Errno.EIO, "on purpose");
      }
    }

    @Override
    public long byteSize() {
      return DISK_BYTES;
    }

    @Override
    public boolean readOnly() {
      return readOnly;
    }

    @Override
    public void read(long offset, long hva, long byteCount) {
      beforeRead.run();
      call("pread");
    }

    @Override
    public void write(long offset, long hva, long byteCount) {
      call("pwrite");
    }

    @Override
    public void flush() {
      call("fdatasync");
      flushes++;
    }

    @Override
    public void discard(long offset, long byteCount) {
      call("fallocate");
    }

    @Override
    public void writeZeroes(long offset, long byteCount, boolean mayUnmap) {
      call("fallocate");
    }

    @Override
    public void close() {}
  }

  @Test
  void anErrorOfTheBackendFailsItsRequestAndNoOther() {
    FlakyBackend backend = new FlakyBackend();
    BlockDriver driver = start(backend);

    backend.callsBeforeFailure = 0;
    assertThat(driver.read(0, 512).status()).isEqualTo(STATUS_IO_ERROR);
    assertThat(driver.write(0, new byte[512])).isEqualTo(STATUS_IO_ERROR);
    assertThat(driver.flush()).isEqualTo(STATUS_IO_ERROR);
    assertThat(driver.discard(0, 1, 0)).isEqualTo(STATUS_IO_ERROR);
    assertThat(driver.writeZeroes(0, 1, 0)).isEqualTo(STATUS_IO_ERROR);
    assertThat(device.metrics().errorCount()).isEqualTo(5);
    assertThat(device.metrics().writtenByteCount()).isZero();

    backend.callsBeforeFailure = Integer.MAX_VALUE;
    assertThat(driver.flush()).isEqualTo(STATUS_OK);
  }

  /** What the driver wrote before is taken as the device asks its backend. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, Integer.MAX_VALUE})
  void pagesThatTheDiskIsReadIntoAreMarkedAfterwardsEvenIfThatFails(int callsBeforeFailure) {
    memory.startMarking();
    FlakyBackend backend = new FlakyBackend();
    backend.beforeRead = () -> memory.takeWritten(new PageSet(memory.pageCount()));
    backend.callsBeforeFailure = callsBeforeFailure;
    BlockDriver driver = start(backend);

    driver.read(0, 5 * 4096);

    PageSet marked = new PageSet(memory.pageCount());
    memory.takeWritten(marked);
    long firstDataPage = (BlockDriver.BUFFERS_GPA + 19) / 4096;
    assertThat(marked.contains(firstDataPage)).isTrue();
    assertThat(marked.contains(firstDataPage + 4)).isTrue();
  }

  @Test
  void aReadThatFailsHalfWaySaysHowMuchIsThere() {
    FlakyBackend backend = new FlakyBackend();
    BlockDriver driver = start(backend);
    backend.callsBeforeFailure = 1;

    Result result =
        driver.submit(
            BlockDriver.header(BlockRequest.IN, 0), new byte[0], List.of(16), List.of(500, 524, 1));

    assertThat(result.status()).isEqualTo(STATUS_IO_ERROR);
    assertThat(result.usedByteCount()).isEqualTo(500);
  }

  @Test
  void aDiskThatWasCutShortFailsReadsOfWhatIsGone() throws IOException {
    BlockDriver driver = writable();
    try (var channel = Files.newByteChannel(disk, java.nio.file.StandardOpenOption.WRITE)) {
      channel.truncate(DISK_BYTES / 2);
    }

    assertThat(driver.read(0, 512).status()).isEqualTo(STATUS_OK);
    assertThat(driver.read(SECTORS - 1, 512).status()).isEqualTo(STATUS_IO_ERROR);
  }

  @Test
  void writesAreDurableAtOnceForADriverThatDoesNotFlush() {
    FlakyBackend backend = new FlakyBackend();
    BlockDriver driver = startWithout(backend, BlockDevice.FEATURE_FLUSH);
    assertThat(driver.write(0, new byte[512])).isEqualTo(STATUS_OK);
    assertThat(driver.writeZeroes(0, 1, 0)).isEqualTo(STATUS_OK);
    assertThat(backend.flushes).isEqualTo(2);

    backend.callsBeforeFailure = 1;
    assertThat(driver.write(0, new byte[512])).as("flush fails").isEqualTo(STATUS_IO_ERROR);
  }

  @Test
  void writesAwaitTheFlushOfADriverThatDoes() {
    FlakyBackend backend = new FlakyBackend();
    BlockDriver driver = start(backend);

    driver.write(0, new byte[512]);
    assertThat(backend.flushes).isZero();
    driver.flush();
    assertThat(backend.flushes).isEqualTo(1);
  }

  // 2.7.7: batches.

  @Test
  void aBatchIsInterruptedForOnceAsTheEventIndexSays() {
    BlockDriver driver = writable();
    DriverSide queue = driver.queue();
    // 20 flushes, of which only the last matters to the driver.
    memory.writeInt(0x2000, BlockRequest.FLUSH);
    for (int i = 0; i < 20; i++) {
      queue.descriptor(2 * i, 0x2000, 16, DriverSide.NEXT, 2 * i + 1);
      queue.descriptor(2 * i + 1, 0x3000 + i, 1, DriverSide.WRITE, 0);
    }
    queue.usedEvent(19);
    loop.quiesce();
    for (int i = 0; i < 20; i++) {
      queue.offer(2 * i);
    }
    driver.guest.notifyQueue(0);
    loop.resume();

    await("all requests", () -> queue.usedIndex() == 20);
    loop.quiesce();
    assertThat(interrupts).hasValue(1);
    assertThat(queue.availableEvent()).isEqualTo(20);
  }

  @Test
  void aDeviceGoesOnWithAFullRingAfterARestore() {
    BlockDriver driver = writable();
    DriverSide queue = driver.queue();
    memory.writeInt(0x2000, BlockRequest.IN);
    queue.descriptor(0, 0x2000, 16, DriverSide.NEXT, 1);
    queue.descriptor(1, 0x3000, 513, DriverSide.WRITE, 0);
    loop.quiesce();
    for (int i = 0; i < BlockDriver.QUEUE_SIZE; i++) {
      queue.offer(0);
    }
    VirtioMmioState state = transport.capture();
    transport.close();

    device = new BlockDevice(RawFileBackend.open(disk, false), "again");
    transport = new VirtioMmioTransport(device, memory, interrupts::incrementAndGet, loop);
    transport.restore(state);
    loop.resume();

    await("all requests", () -> queue.usedIndex() == BlockDriver.QUEUE_SIZE);
    assertThat(device.metrics().readByteCount()).isEqualTo(512 * BlockDriver.QUEUE_SIZE);
    assertThat(driver.needsReset()).isFalse();
  }
}
