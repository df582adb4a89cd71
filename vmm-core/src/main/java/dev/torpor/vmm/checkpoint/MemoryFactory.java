package dev.torpor.vmm.checkpoint;

import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.Store;
import dev.torpor.vmm.memory.ImagePageSource;
import dev.torpor.vmm.memory.PagerOptions;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;

/** Makes the memories of machines that continue from one checkpoint. For one thread at a time. */
public final class MemoryFactory implements AutoCloseable {
  private final Store store;
  private final UUID uuid;
  private final Image image;
  private final long byteSize;
  private Optional<MappedImage> mapped = Optional.empty();
  private boolean triedToMap;

  /**
   * Prepares to make memories.
   *
   * @param origin what they continue from; outlives this
   */
  public MemoryFactory(Origin origin) {
    this.store = origin.store();
    this.uuid = origin.uuid();
    this.image = origin.memory();
    this.byteSize = origin.state().memoryByteSize();
  }

  /**
   * Makes one more memory. Nothing is read yet.
   *
   * @param source where it comes from
   * @param vcpuCount how many vCPUs the machine has
   * @param recording for how long the first touches are recorded
   * @param failure told once if the memory cannot be supplied any more: ends the machine
   * @return the memory
   * @throws IllegalArgumentException if the image lies in too many pieces for {@link
   *     MemorySource#MAPPED}
   * @throws dev.torpor.snapshot.SnapshotFormatException if a layer that would be mapped is damaged
   * @throws java.io.UncheckedIOException if a layer cannot be read
   */
  public RestoredMemory make(
      MemorySource source, int vcpuCount, Duration recording, Consumer<Throwable> failure) {
    if (source != MemorySource.PAGED) {
      map();
      if (mapped.isPresent()) {
        return RestoredMemory.of(mapped.get().map(byteSize));
      }
      if (source == MemorySource.MAPPED) {
        throw new IllegalArgumentException(
            ("the memory of checkpoint %s lies in more than %d pieces, so it cannot be mapped:"
                    + " leave the choice, or have it paged")
                .formatted(uuid, MappedImage.MAX_PIECES));
      }
    }
    PagerOptions options = PagerOptions.forVcpus(vcpuCount).withRecording(recording);
    return RestoredMemory.paged(byteSize, new ImagePageSource(image), options, failure);
  }

  private void map() {
    if (!triedToMap) {
      mapped = MappedImage.open(store, image);
      triedToMap = true;
    }
  }

  @Override
  public void close() {
    mapped.ifPresent(MappedImage::close);
  }
}
