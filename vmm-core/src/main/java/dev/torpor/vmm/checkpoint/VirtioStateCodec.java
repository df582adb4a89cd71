package dev.torpor.vmm.checkpoint;

import dev.torpor.snapshot.FieldReader;
import dev.torpor.snapshot.FieldWriter;
import dev.torpor.vmm.device.virtio.VirtQueueState;
import dev.torpor.vmm.device.virtio.VirtioMmioState;

/** A virtio transport's state as fields, with a record for each queue. Most is the driver's. */
final class VirtioStateCodec {
  private static final int MAX_QUEUES = 64;
  private static final int TAG_QUEUE = 8;

  private VirtioStateCodec() {}

  static void write(FieldWriter out, VirtioMmioState state) {
    out.u32(1, Integer.toUnsignedLong(state.status()))
        .i64(2, state.driverFeatures())
        .u32(3, Integer.toUnsignedLong(state.deviceFeaturesSelector()))
        .u32(4, Integer.toUnsignedLong(state.driverFeaturesSelector()))
        .u32(5, Integer.toUnsignedLong(state.queueSelector()))
        .u32(6, Integer.toUnsignedLong(state.interruptStatus()))
        .u32(7, Integer.toUnsignedLong(state.configGeneration()));
    state.queues().forEach(queue -> out.record(TAG_QUEUE, to -> write(to, queue)));
  }

  private static void write(FieldWriter out, VirtQueueState queue) {
    out.u32(1, Integer.toUnsignedLong(queue.size()))
        .flag(2, queue.ready())
        .i64(3, queue.descriptorTable())
        .i64(4, queue.availableRing())
        .i64(5, queue.usedRing())
        .u32(6, queue.nextAvailable())
        .u32(7, queue.nextUsed());
  }

  static VirtioMmioState read(FieldReader in) {
    return new VirtioMmioState(
        word(in, 1),
        in.i64(2),
        word(in, 3),
        word(in, 4),
        word(in, 5),
        word(in, 6),
        word(in, 7),
        in.records(TAG_QUEUE, MAX_QUEUES).stream().map(VirtioStateCodec::queue).toList());
  }

  private static VirtQueueState queue(FieldReader in) {
    return new VirtQueueState(
        word(in, 1),
        in.flag(2),
        in.i64(3),
        in.i64(4),
        in.i64(5),
        (int) in.u32(6, 0xffff),
        (int) in.u32(7, 0xffff));
  }

  private static int word(FieldReader in, int tag) {
    return (int) in.u32(tag, 0xffff_ffffL);
  }
}
