package dev.torpor.snapshot;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;

/** Makes checkpoints as a machine would, small ones. */
final class Checkpoints {
  static final long BLOCK_COUNT = 64;

  private Checkpoints() {}

  static Summary summary(UUID uuid, Optional<UUID> parent, String vmName, String label) {
    return new Summary(
        uuid, parent, vmName, label, Instant.now(), new Summary.Metrics(300_000, 7, 28_672, 0));
  }

  static StateBytes state(String text) {
    return StateBytes.of(new FieldWriter().u32(1, 1).string(2, text));
  }

  /** The content of a block, different for each seed and block. */
  static byte[] content(long seed, long block) {
    byte[] bytes = new byte[Blocks.BYTES];
    new Random(seed * 1_000_003 + block).nextBytes(bytes);
    return bytes;
  }

  /** A child image with some blocks written; the caller publishes it or gives it up. */
  static Written write(Store store, Image parent, LayerKind kind, long seed, long... blocks) {
    ImageWriter writer = new ImageWriter(store.layers(), parent, kind);
    MemorySegment contents = MemorySegment.ofArray(new byte[blocks.length * Blocks.BYTES]);
    for (int i = 0; i < blocks.length; i++) {
      MemorySegment.copy(
          MemorySegment.ofArray(content(seed, blocks[i])),
          0,
          contents,
          (long) i * Blocks.BYTES,
          Blocks.BYTES);
    }
    writer.put(blocks, blocks.length, contents);
    return new Written(writer, writer.finish());
  }

  /** An image and what wrote it. */
  record Written(ImageWriter writer, Image image) {}

  /** Publishes an image as a checkpoint. */
  static CheckpointHold publish(
      Store store, Written written, Optional<UUID> parent, String vmName, String label) {
    try (ImageWriter writer = written.writer()) {
      return store.publish(
          manifest(store, written.image(), parent, vmName, label), List.of(writer::sync));
    }
  }

  static Manifest manifest(
      Store store, Image image, Optional<UUID> parent, String vmName, String label) {
    return Manifest.of(
        store.layers(),
        summary(UUID.randomUUID(), parent, vmName, label),
        image.root(),
        List.of(),
        state(vmName + "/" + label));
  }

  /** A whole checkpoint without a parent. */
  static CheckpointHold full(Store store, LayerKind kind, long seed, String vmName, String label) {
    Image empty = Image.empty(store.layers(), BLOCK_COUNT);
    return publish(
        store, write(store, empty, kind, seed, 0, 1, 2, 9, 33), Optional.empty(), vmName, label);
  }

  static byte[] read(Store store, ImageRoot root, long block) {
    byte[] bytes = new byte[Blocks.BYTES];
    Image.open(store.layers(), root).read(block, MemorySegment.ofArray(bytes));
    return bytes;
  }

  static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  static Path layerOf(Store store, CheckpointHold hold) {
    return store.layers().path(hold.manifest().layers().getLast().number());
  }
}
