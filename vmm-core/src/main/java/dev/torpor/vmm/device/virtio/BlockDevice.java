package dev.torpor.vmm.device.virtio;

import static dev.torpor.vmm.device.virtio.BlockRequest.MAX_SEGMENTS;
import static dev.torpor.vmm.device.virtio.BlockRequest.SECTOR_BYTES;
import static dev.torpor.vmm.device.virtio.BlockRequest.STATUS_IO_ERROR;
import static dev.torpor.vmm.device.virtio.BlockRequest.STATUS_OK;
import static dev.torpor.vmm.device.virtio.BlockRequest.STATUS_UNSUPPORTED;
import static dev.torpor.vmm.device.virtio.BlockRequest.UNMAP;

import dev.torpor.vmm.GuestProtocolException;
import dev.torpor.vmm.memory.GuestMemory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A disk (5.2). It has one queue, and does each request before it takes the next: once the event
 * loop is quiesced, nothing is under way.
 *
 * <p>Data go between the backend and guest memory by system calls, never through the Java heap. A
 * write is durable after the next flush; for a driver that does not know of flushes, at once.
 */
public final class BlockDevice implements VirtioDevice {
  /** The longest name that a driver can ask for, in ASCII characters. */
  public static final int MAX_ID_LENGTH = 20;

  static final long FEATURE_SEG_MAX = 1L << 2;
  static final long FEATURE_READ_ONLY = 1L << 5;
  static final long FEATURE_BLOCK_SIZE = 1L << 6;
  static final long FEATURE_FLUSH = 1L << 9;
  static final long FEATURE_TOPOLOGY = 1L << 10;
  static final long FEATURE_DISCARD = 1L << 13;
  static final long FEATURE_WRITE_ZEROES = 1L << 14;

  static final int QUEUE_SIZE = 256;
  static final int MAX_DISCARD_SECTORS = 1 << 21; // 1 GiB
  static final int MAX_WRITE_ZEROES_SECTORS = 1 << 17; // 64 MiB: it may have to be written

  private static final Logger LOG = LoggerFactory.getLogger(BlockDevice.class);
  private static final int DEVICE_ID = 2;
  private static final int MAX_WRITE_ZEROES_SEGMENTS = 1;

  /** How many requests are done before the loop may turn to something else. */
  private static final int MAX_BATCH = 32;

  /** Sectors are small, but files and images are kept in blocks of 4 KiB. */
  private static final int PHYSICAL_BLOCK_EXPONENT = 3;

  private static final int PHYSICAL_BLOCK_SECTORS = 1 << PHYSICAL_BLOCK_EXPONENT;

  private final BlockBackend backend;
  private final byte[] id;
  private final long capacitySectors;
  private final ConfigSpace config;
  private final BlockMetrics metrics = new BlockMetrics();
  private final DescriptorChain chain = new DescriptorChain();

  private GuestMemory memory;
  private VirtQueue queue;
  private DriverNotifier driver;
  private BlockRequest request;
  private long driverFeatures;

  /** How many bytes of the present request the driver can rely on, from the first writable one. */
  private long returnedByteCount;

  /**
   * Makes a disk.
   *
   * @param backend what it is kept in, which from now on belongs to the device
   * @param id the disk's name for the guest, up to {@value #MAX_ID_LENGTH} ASCII characters
   */
  public BlockDevice(BlockBackend backend, String id) {
    byte[] ascii = id.getBytes(StandardCharsets.US_ASCII);
    if (ascii.length > MAX_ID_LENGTH) {
      throw new IllegalArgumentException(
          "disk id \"%s\" has %d characters, limit %d".formatted(id, ascii.length, MAX_ID_LENGTH));
    }
    this.backend = backend;
    this.id = Arrays.copyOf(ascii, MAX_ID_LENGTH);
    this.capacitySectors = backend.byteSize() / SECTOR_BYTES;
    this.config = config();
  }

  /** 5.2.4; fields of features that are not offered stay zero. */
  private ConfigSpace config() {
    ConfigSpace space =
        new ConfigSpace(72)
            .putLong(0, capacitySectors)
            .putInt(12, QUEUE_SIZE - 2) // segments: the header and the status need two more
            .putInt(20, SECTOR_BYTES)
            .putByte(24, PHYSICAL_BLOCK_EXPONENT)
            .putShort(26, PHYSICAL_BLOCK_SECTORS); // the least that is done well at once
    return backend.readOnly()
        ? space
        : space
            .putInt(36, MAX_DISCARD_SECTORS)
            .putInt(40, MAX_SEGMENTS)
            .putInt(44, PHYSICAL_BLOCK_SECTORS)
            .putInt(48, MAX_WRITE_ZEROES_SECTORS)
            .putInt(52, MAX_WRITE_ZEROES_SEGMENTS)
            .putByte(56, 1); // writing zeroes may unmap
  }

  /**
   * What the device has done.
   *
   * @return its counters
   */
  public BlockMetrics metrics() {
    return metrics;
  }

  @Override
  public int deviceId() {
    return DEVICE_ID;
  }

  @Override
  public long deviceFeatures() {
    return VirtioFeatures.VERSION_1
        | VirtioFeatures.INDIRECT_DESCRIPTORS
        | VirtioFeatures.EVENT_INDEX
        | FEATURE_SEG_MAX
        | FEATURE_BLOCK_SIZE
        | FEATURE_FLUSH
        | FEATURE_TOPOLOGY
        | (backend.readOnly() ? FEATURE_READ_ONLY : FEATURE_DISCARD | FEATURE_WRITE_ZEROES);
  }

  @Override
  public int queueCount() {
    return 1;
  }

  @Override
  public int queueMaxSize(int queueIndex) {
    return QUEUE_SIZE;
  }

  @Override
  public long readConfig(long offset, int byteCount) {
    return config.read(offset, byteCount);
  }

  @Override
  public void activate(
      GuestMemory memory, List<VirtQueue> queues, long driverFeatures, DriverNotifier driver) {
    this.memory = memory;
    this.queue = queues.getFirst();
    this.driver = driver;
    this.driverFeatures = driverFeatures;
    this.request = new BlockRequest(memory, capacitySectors);
  }

  /** What was activated is replaced by the next activation; a disk keeps nothing else. */
  @Override
  public void reset() {}

  @Override
  public boolean processQueue(int queueIndex) {
    int done = 0;
    try {
      while (done < MAX_BATCH && queue.next(chain)) {
        process();
        done++;
      }
    } finally {
      driver.usedBuffers(queue);
    }
    return done == MAX_BATCH;
  }

  private void process() {
    request.parse(chain);
    metrics.countRequest();
    returnedByteCount = 0;
    byte status = execute();
    if (status != STATUS_OK) {
      metrics.countError();
    }
    request.writeStatus(status);
    // The status byte counts only if everything before it was written too (2.7.8.2).
    boolean whole = returnedByteCount == request.writableDataByteCount();
    queue.complete(chain.head(), whole ? returnedByteCount + 1 : returnedByteCount);
  }

  private byte execute() {
    try {
      return switch (request.type()) {
        case BlockRequest.IN -> read();
        case BlockRequest.OUT -> write();
        case BlockRequest.FLUSH -> flush();
        case BlockRequest.GET_ID -> getId();
        case BlockRequest.DISCARD -> discard();
        case BlockRequest.WRITE_ZEROES -> writeZeroes();
        default -> STATUS_UNSUPPORTED;
      };
    } catch (GuestProtocolException e) {
      throw e;
    } catch (RuntimeException e) {
      LOG.debug("{}: request {} failed", backend, request.type(), e);
      return STATUS_IO_ERROR;
    }
  }

  private byte read() {
    long byteCount = request.writableDataByteCount();
    if (!request.isTransfer(byteCount)) {
      return STATUS_IO_ERROR;
    }
    BufferCursor data = chain.writable();
    long offset = request.sector() * SECTOR_BYTES;
    while (returnedByteCount < byteCount) {
      long part = Math.min(data.contiguous(), byteCount - returnedByteCount);
      readInto(data.address(), part, offset + returnedByteCount);
      data.skip(part);
      returnedByteCount += part;
    }
    metrics.countRead(byteCount);
    return STATUS_OK;
  }

  /** A backend that fails may have written part of it. */
  private void readInto(long gpa, long byteCount, long offset) {
    long hva = memory.hva(gpa, byteCount);
    try {
      backend.read(offset, hva, byteCount);
    } finally {
      memory.markWritten(gpa, byteCount);
    }
  }

  private byte write() {
    BufferCursor data = chain.readable();
    long byteCount = data.remaining();
    if (backend.readOnly() || !request.isTransfer(byteCount)) {
      return STATUS_IO_ERROR;
    }
    long offset = request.sector() * SECTOR_BYTES;
    while (data.remaining() > 0) {
      long part = data.contiguous();
      backend.write(offset, memory.hva(data.address(), part), part);
      data.skip(part);
      offset += part;
    }
    flushUnlessTheDriverDoes();
    metrics.countWritten(byteCount);
    return STATUS_OK;
  }

  private byte flush() {
    if (!backend.readOnly()) {
      backend.flush();
    }
    metrics.countFlush();
    return STATUS_OK;
  }

  /** A driver that did not accept FLUSH takes every completed write for durable (5.2.6.2). */
  private void flushUnlessTheDriverDoes() {
    if (!has(FEATURE_FLUSH)) {
      backend.flush();
    }
  }

  private byte getId() {
    if (request.writableDataByteCount() < MAX_ID_LENGTH) {
      return STATUS_IO_ERROR;
    }
    for (byte character : id) {
      chain.writable().writeByte(memory, character);
      returnedByteCount++;
    }
    return STATUS_OK;
  }

  private byte discard() {
    if (!has(FEATURE_DISCARD)) {
      return STATUS_UNSUPPORTED;
    }
    byte status = request.parseSegments(MAX_SEGMENTS, MAX_DISCARD_SECTORS, 0);
    for (int i = 0; status == STATUS_OK && i < request.segmentCount(); i++) {
      if (request.segmentByteCount(i) > 0) {
        backend.discard(request.segmentOffset(i), request.segmentByteCount(i));
      }
    }
    return status;
  }

  private byte writeZeroes() {
    if (!has(FEATURE_WRITE_ZEROES)) {
      return STATUS_UNSUPPORTED;
    }
    byte status = request.parseSegments(MAX_WRITE_ZEROES_SEGMENTS, MAX_WRITE_ZEROES_SECTORS, UNMAP);
    if (status == STATUS_OK && request.segmentByteCount(0) > 0) {
      backend.writeZeroes(
          request.segmentOffset(0), request.segmentByteCount(0), request.segmentMayUnmap(0));
      flushUnlessTheDriverDoes();
    }
    return status;
  }

  private boolean has(long feature) {
    return (driverFeatures & feature) != 0;
  }

  @Override
  public void close() {
    backend.close();
  }
}
