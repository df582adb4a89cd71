package dev.torpor.vmm.device.virtio;

import static dev.torpor.vmm.device.virtio.DeviceStatus.ACKNOWLEDGE;
import static dev.torpor.vmm.device.virtio.DeviceStatus.DRIVER;
import static dev.torpor.vmm.device.virtio.DeviceStatus.DRIVER_OK;
import static dev.torpor.vmm.device.virtio.DeviceStatus.FAILED;
import static dev.torpor.vmm.device.virtio.DeviceStatus.FEATURES_OK;
import static dev.torpor.vmm.device.virtio.DeviceStatus.NEEDS_RESET;

import dev.torpor.linux.EventFd;
import dev.torpor.vmm.GuestProtocolException;
import dev.torpor.vmm.device.BusDevice;
import dev.torpor.vmm.device.EventLoop;
import dev.torpor.vmm.device.InterruptLine;
import dev.torpor.vmm.memory.GuestMemory;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts a virtio device on the MMIO bus (4.2, version 2): its registers, its status and its
 * interrupt.
 *
 * <p>vCPU threads use the registers, under this object's monitor. The device works on the event
 * loop, between DRIVER_OK and the reset, and never takes the monitor: so a vCPU that resets the
 * device may hold it while it waits for a running handler. What both sides share, the {@linkplain
 * MmioInterrupt interrupt} and the need for a reset, needs no lock.
 *
 * <p>What a driver does in the wrong order is ignored. What it does wrong in its rings leaves a
 * device that needs a reset, and says so.
 */
public final class VirtioMmioTransport implements BusDevice, AutoCloseable {
  /** How many addresses to give the transport on its bus. */
  public static final long MMIO_BYTES = 0x1000;

  /** Where the driver writes a queue's index, in 4 bytes, to notify the device. */
  public static final long QUEUE_NOTIFY_OFFSET = MmioRegister.QUEUE_NOTIFY;

  private static final Logger LOG = LoggerFactory.getLogger(VirtioMmioTransport.class);
  private static final int MAGIC = 0x74726976; // "virt"
  private static final int MMIO_VERSION = 2;
  private static final int VENDOR = 0x70726f74; // "torp"
  private static final int DRIVER_BITS = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK | FAILED;
  private static final long LOW_HALF = 0xffff_ffffL;

  private final VirtioDevice device;
  private final GuestMemory memory;
  private final MmioInterrupt interrupt;
  private final EventLoop loop;
  private final List<VirtQueue> queues;
  private final List<QueueNotifier> notifiers;
  private volatile boolean needsReset;

  /** What the driver has set and the device accepted. Guarded by the monitor, as all below. */
  private int status;

  private long driverFeatures;
  private int deviceFeaturesSelector;
  private int driverFeaturesSelector;
  private int queueSelector;

  /**
   * Makes a transport for a device that nobody drives yet.
   *
   * @param device the device, which from now on belongs to the transport and is closed with it
   * @param memory the guest's memory, which outlives the transport
   * @param line the device's interrupt
   * @param loop where the device works; outlives the transport
   */
  public VirtioMmioTransport(
      VirtioDevice device, GuestMemory memory, InterruptLine line, EventLoop loop) {
    this.device = device;
    this.memory = memory;
    this.interrupt = new MmioInterrupt(line);
    this.loop = loop;
    List<VirtQueue> created = new ArrayList<>();
    for (int i = 0; i < device.queueCount(); i++) {
      created.add(new VirtQueue(memory, i, device.queueMaxSize(i)));
    }
    this.queues = List.copyOf(created);
    this.notifiers = createNotifiers(queues.size());
  }

  private static List<QueueNotifier> createNotifiers(int count) {
    List<QueueNotifier> created = new ArrayList<>();
    try {
      for (int i = 0; i < count; i++) {
        created.add(new QueueNotifier(i, EventFd.create()));
      }
    } catch (RuntimeException | Error e) {
      created.forEach(notifier -> notifier.eventFd().close());
      throw e;
    }
    return List.copyOf(created);
  }

  /**
   * What KVM may signal in the transport's stead.
   *
   * @return one for each queue, in order; open until the transport is closed
   */
  public List<QueueNotifier> notifiers() {
    return notifiers;
  }

  @Override
  public long read(long offset, int byteCount) {
    if (offset >= MmioRegister.CONFIG) {
      return device.readConfig(offset - MmioRegister.CONFIG, byteCount);
    }
    return byteCount == Integer.BYTES ? readRegister((int) offset) & LOW_HALF : 0;
  }

  private synchronized int readRegister(int offset) {
    return switch (offset) {
      case MmioRegister.MAGIC_VALUE -> MAGIC;
      case MmioRegister.VERSION -> MMIO_VERSION;
      case MmioRegister.DEVICE_ID -> device.deviceId();
      case MmioRegister.VENDOR_ID -> VENDOR;
      case MmioRegister.DEVICE_FEATURES -> deviceFeaturesWord();
      case MmioRegister.QUEUE_NUM_MAX -> queueIsSelected() ? selectedQueue().maxSize() : 0;
      case MmioRegister.QUEUE_READY -> queueIsSelected() && selectedQueue().isReady() ? 1 : 0;
      case MmioRegister.INTERRUPT_STATUS -> interrupt.status();
      case MmioRegister.STATUS -> statusWithNeed();
      // There is no shared memory region (2.10), whichever is selected.
      case MmioRegister.SHM_LEN_LOW, MmioRegister.SHM_LEN_HIGH -> -1;
      case MmioRegister.SHM_BASE_LOW, MmioRegister.SHM_BASE_HIGH -> -1;
      case MmioRegister.CONFIG_GENERATION -> interrupt.configGeneration();
      default -> 0;
    };
  }

  private int deviceFeaturesWord() {
    return switch (deviceFeaturesSelector) {
      case 0 -> (int) device.deviceFeatures();
      case 1 -> (int) (device.deviceFeatures() >>> Integer.SIZE);
      default -> 0;
    };
  }

  private int statusWithNeed() {
    return needsReset ? status | NEEDS_RESET : status;
  }

  @Override
  public void write(long offset, int byteCount, long value) {
    if (offset >= MmioRegister.CONFIG) {
      writeConfig(offset - MmioRegister.CONFIG, byteCount, value);
    } else if (byteCount == Integer.BYTES) {
      if (offset == MmioRegister.QUEUE_NOTIFY) {
        notifyQueue((int) value);
      } else {
        writeRegister((int) offset, (int) value);
      }
    }
  }

  private synchronized void writeConfig(long offset, int byteCount, long value) {
    if (has(DRIVER) && !has(FAILED)) {
      device.writeConfig(offset, byteCount, value);
    }
  }

  private void notifyQueue(int queueIndex) {
    if (Integer.compareUnsigned(queueIndex, notifiers.size()) < 0) {
      notifiers.get(queueIndex).eventFd().signal();
    }
  }

  private synchronized void writeRegister(int offset, int value) {
    switch (offset) {
      case MmioRegister.DEVICE_FEATURES_SEL -> deviceFeaturesSelector = value;
      case MmioRegister.DRIVER_FEATURES_SEL -> driverFeaturesSelector = value;
      case MmioRegister.DRIVER_FEATURES -> writeDriverFeatures(value);
      case MmioRegister.QUEUE_SEL -> queueSelector = value;
      case MmioRegister.QUEUE_READY -> writeQueueReady(value);
      case MmioRegister.INTERRUPT_ACK -> interrupt.acknowledge(value);
      case MmioRegister.STATUS -> writeStatus(value);
      default -> writeQueueRegister(offset, value);
    }
  }

  private void writeDriverFeatures(int value) {
    if (!has(DRIVER) || has(FEATURES_OK) || has(FAILED)) {
      return;
    }
    switch (driverFeaturesSelector) {
      case 0 -> driverFeatures = withLow(driverFeatures, value);
      case 1 -> driverFeatures = withHigh(driverFeatures, value);
      default -> {
        // Bits that no device here offers.
      }
    }
  }

  /** What describes a queue, which is the driver's to write until it enables the queue. */
  private void writeQueueRegister(int offset, int value) {
    if (!queuesAreConfigurable() || !queueIsSelected() || selectedQueue().isReady()) {
      return;
    }
    VirtQueue queue = selectedQueue();
    switch (offset) {
      case MmioRegister.QUEUE_NUM -> queue.setSize(value);
      case MmioRegister.QUEUE_DESC_LOW ->
          queue.setDescriptorTable(withLow(queue.descriptorTable(), value));
      case MmioRegister.QUEUE_DESC_HIGH ->
          queue.setDescriptorTable(withHigh(queue.descriptorTable(), value));
      case MmioRegister.QUEUE_DRIVER_LOW ->
          queue.setAvailableRing(withLow(queue.availableRing(), value));
      case MmioRegister.QUEUE_DRIVER_HIGH ->
          queue.setAvailableRing(withHigh(queue.availableRing(), value));
      case MmioRegister.QUEUE_DEVICE_LOW -> queue.setUsedRing(withLow(queue.usedRing(), value));
      case MmioRegister.QUEUE_DEVICE_HIGH -> queue.setUsedRing(withHigh(queue.usedRing(), value));
      default -> {
        // Not a register that can be written.
      }
    }
  }

  private void writeQueueReady(int value) {
    if (!queueIsSelected()) {
      return;
    }
    if (value == 1 && queuesAreConfigurable()) {
      selectedQueue().setReady(true);
    } else if (value == 0) {
      loop.unregister(notifiers.get(queueSelector).eventFd());
      selectedQueue().setReady(false);
    }
  }

  private boolean queuesAreConfigurable() {
    return has(FEATURES_OK) && !has(DRIVER_OK) && !has(FAILED);
  }

  /** Each bit counts only once the bits before it are set, and none can be taken back (2.1.1). */
  private void writeStatus(int value) {
    if (value == 0) {
      reset();
      return;
    }
    if ((status & ~value) != 0 || has(FAILED)) {
      return;
    }
    status |= value & (ACKNOWLEDGE | FAILED);
    if ((value & DRIVER) != 0 && has(ACKNOWLEDGE)) {
      status |= DRIVER;
    }
    if ((value & FEATURES_OK) != 0 && has(DRIVER) && featuresAreAcceptable()) {
      status |= FEATURES_OK;
    }
    if ((value & DRIVER_OK) != 0 && has(FEATURES_OK) && !has(DRIVER_OK)) {
      status |= DRIVER_OK;
      activate();
    }
  }

  private boolean featuresAreAcceptable() {
    return (driverFeatures & ~device.deviceFeatures()) == 0
        && (driverFeatures & VirtioFeatures.VERSION_1) != 0;
  }

  private void activate() {
    try {
      for (VirtQueue queue : queues) {
        if (queue.isReady()) {
          queue.activate(driverFeatures);
        }
      }
      device.activate(memory, queues, driverFeatures, interrupt);
      for (QueueNotifier notifier : notifiers) {
        if (queues.get(notifier.queueIndex()).isReady()) {
          loop.register(notifier.eventFd(), () -> process(notifier));
        }
      }
    } catch (GuestProtocolException e) {
      LOG.debug("virtio device {} is not activated: {}", device.deviceId(), e.getMessage());
      requireReset();
    } catch (RuntimeException e) {
      LOG.error("virtio device {} is not activated", device.deviceId(), e);
      requireReset();
    }
  }

  /** On the event loop. */
  private void process(QueueNotifier notifier) {
    if (needsReset) {
      return;
    }
    try {
      if (device.processQueue(notifier.queueIndex())) {
        notifier.eventFd().signal();
      }
    } catch (GuestProtocolException e) {
      LOG.debug("virtio device {} needs a reset: {}", device.deviceId(), e.getMessage());
      requireReset();
    } catch (RuntimeException | Error e) {
      requireReset();
      throw e;
    }
  }

  private void requireReset() {
    needsReset = true;
    interrupt.deviceNeedsReset();
  }

  private void reset() {
    stop();
    queues.forEach(VirtQueue::reset);
    status = 0;
    driverFeatures = 0;
    deviceFeaturesSelector = 0;
    driverFeaturesSelector = 0;
    queueSelector = 0;
    interrupt.reset();
    needsReset = false;
  }

  /** When this returns no handler runs, and none will. */
  private void stop() {
    notifiers.forEach(notifier -> loop.unregister(notifier.eventFd()));
    device.reset();
  }

  /**
   * The state to keep.
   *
   * @return the state
   * @throws IllegalStateException if the event loop is not quiesced
   */
  public synchronized VirtioMmioState capture() {
    requireQuiescedLoop("capture");
    return new VirtioMmioState(
        statusWithNeed(),
        driverFeatures,
        deviceFeaturesSelector,
        driverFeaturesSelector,
        queueSelector,
        interrupt.status(),
        interrupt.configGeneration(),
        queues.stream().map(VirtQueue::capture).toList());
  }

  /**
   * Takes up a captured state, in place of whatever was. Guest memory must be as it was then, and
   * the interrupt controllers restored: an interrupt that the driver has not acknowledged is raised
   * again. Every enabled queue is looked at once the loop resumes, so a notification that was under
   * way is not missed.
   *
   * @param state the state, of a device of the same kind
   * @throws IllegalStateException if the event loop is not quiesced
   * @throws IllegalArgumentException if it is the state of another kind of device
   */
  public synchronized void restore(VirtioMmioState state) {
    requireQuiescedLoop("restore");
    requireSameKind(state);
    stop();
    status = state.status() & DRIVER_BITS;
    needsReset = (state.status() & NEEDS_RESET) != 0;
    driverFeatures = state.driverFeatures();
    deviceFeaturesSelector = state.deviceFeaturesSelector();
    driverFeaturesSelector = state.driverFeaturesSelector();
    queueSelector = state.queueSelector();
    queues.forEach(queue -> queue.restore(state.queues().get(queue.index())));
    interrupt.restore(state.interruptStatus(), state.configGeneration());
    if (has(DRIVER_OK) && !needsReset) {
      activate();
      notifiers.forEach(notifier -> notifier.eventFd().signal());
    }
  }

  private void requireQuiescedLoop(String operation) {
    if (!loop.isQuiesced()) {
      throw new IllegalStateException(
          "%s of virtio device %d: its event loop must be quiesced"
              .formatted(operation, device.deviceId()));
    }
  }

  private void requireSameKind(VirtioMmioState state) {
    long missing = state.driverFeatures() & ~device.deviceFeatures();
    boolean accepted = (state.status() & (FEATURES_OK | DRIVER_OK)) != 0;
    if (state.queues().size() != queues.size() || (accepted && missing != 0)) {
      throw new IllegalArgumentException(
          "state of a device with %d queues, using features 0x%x; device %d has %d, offers 0x%x"
              .formatted(
                  state.queues().size(),
                  state.driverFeatures(),
                  device.deviceId(),
                  queues.size(),
                  device.deviceFeatures()));
    }
  }

  /** Stops the device and closes it. The loop and the memory stay open. */
  @Override
  public synchronized void close() {
    stop();
    device.close();
    notifiers.forEach(notifier -> notifier.eventFd().close());
  }

  private boolean has(int bit) {
    return (status & bit) != 0;
  }

  private boolean queueIsSelected() {
    return Integer.compareUnsigned(queueSelector, queues.size()) < 0;
  }

  private VirtQueue selectedQueue() {
    return queues.get(queueSelector);
  }

  private static long withLow(long value, int low) {
    return (value & ~LOW_HALF) | (low & LOW_HALF);
  }

  private static long withHigh(long value, int high) {
    return (value & LOW_HALF) | ((long) high << Integer.SIZE);
  }
}
