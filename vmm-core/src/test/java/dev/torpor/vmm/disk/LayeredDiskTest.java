package dev.torpor.vmm.disk;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.snapshot.BlockRef;
import dev.torpor.snapshot.Blocks;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.LayerUse;
import dev.torpor.snapshot.SnapshotFormatException;
import dev.torpor.testing.Allocation;
import dev.torpor.testing.ProcessResources;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LayeredDiskTest {
  private static final int BYTES = 64 * Blocks.BYTES;

  @TempDir private Path root;
  private final Random random = new Random(7);
  private DiskUnderTest under;

  @BeforeEach
  void make() throws IOException {
    under = new DiskUnderTest(root, BYTES, 1);
  }

  @AfterEach
  void close() {
    under.close();
  }

  private byte[] block() {
    return DiskUnderTest.random(random, Blocks.BYTES);
  }

  private static void flipBit(Path file, long offset) throws IOException {
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
      bytes.seek(offset);
      int value = bytes.read();
      bytes.seek(offset);
      bytes.write(value ^ 4);
    }
  }

  @Test
  void theBaseIsNeverWritten() throws IOException {
    under.create();
    under.write(100, block());
    under.disk.writeZeroes(0, BYTES / 2, true);
    under.disk.flush();
    assertThat(Files.readAllBytes(under.baseFile)).isEqualTo(under.content);
  }

  @Test
  void aDamagedBlockIsAnErrorThatNamesFileAndOffset() throws IOException {
    under.open();
    under.write(8 * Blocks.BYTES, block());
    SealedLayer sealed = under.disk.seal();
    Image image = sealed.toImage();
    sealed.sync();
    BlockRef ref = new BlockRef();
    image.find(8, ref);
    Path layer = under.layers.path(ref.layer());
    flipBit(layer, ref.offset() + 1234);
    try (LayeredDisk other = LayeredDisk.open(under.layers, under.disk.base(), image)) {
      assertThatThrownBy(() -> under.read(other, 8L * Blocks.BYTES + 5, 1))
          .isInstanceOf(SnapshotFormatException.class)
          .hasMessageContaining(layer + " at byte " + ref.offset())
          .hasMessageContaining("CRC32C");
      assertThat(under.read(other, 7L * Blocks.BYTES, Blocks.BYTES))
          .isEqualTo(Arrays.copyOfRange(under.content, 7 * Blocks.BYTES, 8 * Blocks.BYTES));
    }
  }

  @Test
  void aLayerThatWasCutShortIsAnError() throws IOException {
    under.open();
    under.write(0, block());
    Image image = under.disk.seal().toImage();
    BlockRef ref = new BlockRef();
    image.find(0, ref);
    try (RandomAccessFile file = new RandomAccessFile(under.layers.path(1).toFile(), "rw")) {
      file.setLength(ref.offset() + 100);
    }
    try (LayeredDisk other = LayeredDisk.open(under.layers, under.disk.base(), image)) {
      assertThatThrownBy(() -> under.read(other, 0, 10)).hasMessageContaining("00000001.layer");
    }
  }

  @Test
  void aDamagedIndexIsRefused() throws IOException {
    under.create();
    for (int i = 0; i < 3; i++) {
      under.write(2L * i * Blocks.BYTES, block());
      under.disk.flush();
    }
    under.disk.close();
    Path index = under.folder.resolve("disk-0.00000001.index");
    flipBit(index, 32 + 5);
    assertThatThrownBy(under::reopen)
        .isInstanceOf(SnapshotFormatException.class)
        .hasMessageContaining(index + " at byte 32");
    flipBit(index, 32 + 5);
    under.reopen();
  }

  @Test
  void aMissingIndexIsRefused() throws IOException {
    under.create();
    under.write(0, block());
    under.disk.flush();
    under.disk.close();
    Files.delete(under.folder.resolve("disk-0.00000001.index"));
    assertThatThrownBy(under::reopen)
        .isInstanceOf(SnapshotFormatException.class)
        .hasMessageContaining("expected the index of layer 1, found no file");
  }

  @Test
  void aChangedBaseIsRefusedByNameAndACopyIsAccepted() throws IOException {
    under.create();
    under.write(0, block());
    under.disk.flush();
    byte[] now = under.readAll();
    under.disk.close();
    Path copy = Files.copy(under.baseFile, root.resolve("copy.raw"));
    Files.setLastModifiedTime(under.baseFile, FileTime.fromMillis(1));
    assertThatThrownBy(under::reopen)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("base " + under.baseFile + " was changed")
        .hasMessageContaining("name an unchanged copy");
    under.disk = SurvivingDisks.reopen(under.place(), under.layers, copy);
    assertThat(under.readAll()).isEqualTo(now);
    under.disk.close();
    under.disk = SurvivingDisks.reopen(under.place(), under.layers);
    assertThat(under.disk.base().path()).isEqualTo(copy);
  }

  @Test
  void aBaseOfAnotherSizeIsRefused() throws IOException {
    under.create().close();
    Path other = Files.write(root.resolve("other.raw"), new byte[512]);
    assertThatThrownBy(() -> SurvivingDisks.reopen(under.place(), under.layers, other))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("other.raw has 512 bytes")
        .hasMessageContaining("had " + BYTES);
    Image small = Image.empty(under.layers, 3);
    assertThatThrownBy(() -> LayeredDisk.open(under.layers, DiskBase.of(under.baseFile), small))
        .hasMessageContaining("an image of 3 blocks does not fit");
  }

  @Test
  void aDiskIsOpenOnlyOnce() {
    under.create();
    assertThatThrownBy(() -> SurvivingDisks.reopen(under.place(), under.layers))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("in use by another VM");
    under.disk.close();
    assertThatThrownBy(() -> under.create())
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("already");
  }

  @Test
  void whatIsZeroOrAsItWasIsNotStored() {
    under.open();
    under.write(0, block());
    under.write(Blocks.BYTES, block());
    SealedLayer first = under.disk.seal();
    assertThat(first.toImage().layersInUse()).extracting(LayerUse::liveBlocks).containsExactly(2L);
    assertThat(first.storedBytes()).isGreaterThan(2 * Blocks.BYTES);

    under.write(0, under.read(0, Blocks.BYTES)); // as the image has it
    under.write(BYTES / 2, under.read(BYTES / 2, Blocks.BYTES)); // as the base has it
    under.write(Blocks.BYTES, new byte[Blocks.BYTES]); // zero
    byte[] now = under.readAll();
    SealedLayer second = under.disk.seal();
    assertThat(under.contentOf(second.toImage())).isEqualTo(now);
    assertThat(second.toImage().layersInUse())
        .extracting(LayerUse::liveBlocks)
        .containsExactly(1L, 0L);
    assertThat(under.readAll()).isEqualTo(now);

    under.write(0, under.read(0, Blocks.BYTES));
    SealedLayer third = under.disk.seal();
    assertThat(third.toImage()).isSameAs(second.toImage());
    third.sync();
    assertThat(under.layers.numbers()).as("the layer of no use is gone").doesNotContain(3);
    assertThat(under.readAll()).isEqualTo(now);
  }

  /** The number of a layer that went away must not come back for another one. */
  @Test
  void aLayerThatWasOfNoUseIsNotTakenForTheNext() {
    under.create();
    under.write(0, under.read(0, Blocks.BYTES));
    under.disk.flush();
    under.disk.close();
    under.reopen();
    SealedLayer unchanged = under.disk.seal();
    under.readAll();
    unchanged.sync();
    byte[] block = block();
    under.write(0, block);
    under.disk.seal();
    assertThat(under.read(0, Blocks.BYTES)).isEqualTo(block);
  }

  @Test
  void aSealAfterNothingWasWrittenIsTheSameImage() {
    under.open();
    under.write(0, block());
    Image image = under.disk.seal().toImage();
    assertThat(under.disk.seal().toImage()).isSameAs(image);
  }

  @Test
  void aPreparedSealMakesNoFile() {
    under.create();
    under.write(0, block());
    under.disk.prepareSeal();
    int[] prepared = under.layers.numbers();
    under.disk.seal();
    under.write(0, block());
    assertThat(under.layers.numbers()).isEqualTo(prepared).hasSize(2);
  }

  @Test
  void discardedBlocksAreGivenBack() throws IOException {
    under.create();
    under.write(0, DiskUnderTest.random(random, BYTES));
    under.disk.flush();
    long before = allocatedBytes(under.layers.path(1));
    under.disk.discard(0, BYTES / 2);
    assertThat(allocatedBytes(under.layers.path(1))).isLessThanOrEqualTo(before - BYTES / 2);
  }

  private static long allocatedBytes(Path path) throws IOException {
    try {
      Process stat = new ProcessBuilder("stat", "-c", "%b", path.toString()).start();
      String blocks = new String(stat.getInputStream().readAllBytes(), US_ASCII).strip();
      assertThat(stat.waitFor()).isZero();
      return Long.parseLong(blocks) * 512;
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Discards and writes by turns must not fill the host's disk with records. */
  @Test
  void anIndexStaysInProportionToItsLayer() throws IOException {
    Path memory = DiskUnderTest.scratch();
    try (DiskUnderTest quick = new DiskUnderTest(memory, BYTES, 1)) {
      quick.create();
      byte[] block = block();
      for (int i = 0; i < 5000; i++) {
        quick.write(0, block);
        quick.disk.flush();
        quick.disk.discard(0, Blocks.BYTES);
        quick.disk.flush();
      }
      quick.write(0, block);
      quick.disk.flush();
      assertThat(Files.size(quick.folder.resolve("disk-0.00000001.index"))).isLessThan(32 * 4100);
      quick.disk.close();
      quick.reopen();
      assertThat(quick.read(0, Blocks.BYTES)).isEqualTo(block);
    } finally {
      DiskUnderTest.deleteTree(memory);
    }
  }

  @Test
  void durableImagesLeaveNoIndexBehind() throws IOException {
    under.create();
    for (int i = 0; i < 3; i++) {
      under.write((long) i * Blocks.BYTES, block());
      under.disk.flush();
      under.disk.seal().sync();
    }
    try (Stream<Path> files = Files.list(under.folder)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder("disk-0.lock", "disk-0.owner", "disk-0.state");
    }
    assertThat(SurvivingDisks.stateOf(under.folder, "disk-0").openLayers()).isEqualTo(List.of());
  }

  @Test
  void aDiskOfNoFolderLeavesNothing() {
    under.open();
    under.write(0, block());
    under.disk.flush();
    under.disk.prepareSeal();
    under.disk.seal();
    under.write(0, block());
    under.disk.close();
    assertThat(under.layers.numbers()).isEmpty();
  }

  @Test
  void aSealedLayerOfAClosedDiskSaysSo() {
    under.open();
    under.write(0, block());
    SealedLayer sealed = under.disk.seal();
    under.disk.close();
    assertThatThrownBy(sealed::toImage)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("was closed before");
  }

  @Test
  void anImageCanBecomeDurableAfterItsDiskWasClosed() {
    under.create();
    under.write(0, block());
    byte[] now = under.readAll();
    SealedLayer sealed = under.disk.seal();
    Image image = sealed.toImage();
    under.disk.close();
    sealed.sync();
    assertThat(under.contentOf(image)).isEqualTo(now);
  }

  @Test
  void aRevertIsDurableWithTheNextFlush() {
    under.create();
    SealedLayer empty = under.disk.seal();
    under.write(0, block());
    SealedLayer sealed = under.disk.seal();
    Image image = sealed.toImage(); // not durable yet
    byte[] then = under.readAll();
    under.write(0, block());
    under.disk.flush();
    under.disk.revertTo(image);
    under.disk.flush();
    under.disk.close();
    under.reopen();
    assertThat(under.readAll()).isEqualTo(then);
    under.disk.revertTo(Image.open(under.layers, empty.toImage().root()));
    assertThat(under.readAll()).isEqualTo(under.content);
  }

  @Test
  void imagesAreMadeWhileTheDiskGoesOn() throws Exception {
    Path memory = DiskUnderTest.scratch();
    try (DiskUnderTest busy = new DiskUnderTest(memory, BYTES, 1);
        ExecutorService background = Executors.newFixedThreadPool(2)) {
      busy.create();
      byte[] now = busy.content.clone();
      List<Future<?>> ends = new ArrayList<>();
      for (int i = 0; i < 3000; i++) {
        byte[] bytes = random.nextInt(3) == 0 ? new byte[6000] : DiskUnderTest.random(random, 6000);
        int at = random.nextInt(BYTES - bytes.length);
        busy.write(at, bytes);
        System.arraycopy(bytes, 0, now, at, bytes.length);
        if (i % 10 == 0) {
          SealedLayer sealed = busy.disk.seal();
          byte[] then = now.clone();
          ends.add(
              background.submit(
                  () -> {
                    sealed.sync();
                    assertHolds(sealed.toImage(), then, busy);
                  }));
        }
        int from = random.nextInt(BYTES - 10000);
        assertThat(busy.read(from, 10000)).isEqualTo(Arrays.copyOfRange(now, from, from + 10000));
      }
      for (Future<?> end : ends) {
        end.get();
      }
    } finally {
      DiskUnderTest.deleteTree(memory);
    }
  }

  /** Reads with memory of its own, beside the disk's thread. */
  private static void assertHolds(Image image, byte[] content, DiskUnderTest of) {
    try (LayeredDisk other = LayeredDisk.open(of.layers, DiskBase.of(of.baseFile), image);
        Arena arena = Arena.ofConfined()) {
      MemorySegment found = arena.allocate(content.length);
      other.read(0, found.address(), content.length);
      assertThat(found.mismatch(MemorySegment.ofArray(content))).isEqualTo(-1);
    }
  }

  @Test
  void readingKnownBlocksAllocatesNothing() {
    under.open();
    under.write(3 * Blocks.BYTES + 17, DiskUnderTest.random(random, 3 * Blocks.BYTES));
    under.disk.writeZeroes(10 * Blocks.BYTES, 2 * Blocks.BYTES, true);
    Image image = under.disk.seal().toImage();
    try (LayeredDisk other = LayeredDisk.open(under.layers, under.disk.base(), image);
        Arena arena = Arena.ofConfined()) {
      long hva = arena.allocate(BYTES).address();
      Runnable reads =
          () -> {
            for (int i = 0; i < 1000; i++) {
              other.read(512, hva, BYTES - 512);
            }
          };
      assertThat(Allocation.leastBytesOf(reads)).isLessThan(1000);
    }
  }

  @Test
  void nothingIsLeftOpen() throws IOException {
    cycle(0);
    ProcessResources before = ProcessResources.count("");
    for (int i = 1; i < 20; i++) {
      cycle(i);
    }
    ProcessResources after = ProcessResources.count("");
    assertThat(after.fileDescriptors()).isEqualTo(before.fileDescriptors());
    assertThat(after.mappings()).isLessThan(before.mappings() + 15);
  }

  private void cycle(int i) throws IOException {
    Path scratch = Files.createDirectory(root.resolve("cycle" + i));
    try (DiskUnderTest one = new DiskUnderTest(scratch, BYTES, 1)) {
      one.create();
      one.write(0, block());
      one.disk.flush();
      SealedLayer first = one.disk.seal();
      one.write(100, block());
      one.disk.prepareSeal();
      one.disk.seal();
      first.sync();
      one.write(200, block());
      one.disk.revertTo(first.toImage());
      one.write(300, block());
      one.disk.flush();
      one.disk.close();
      one.reopen();
      Files.write(one.baseFile, new byte[512]);
      one.disk.close();
      assertThatThrownBy(one::reopen).hasMessageContaining("was changed");
    }
  }
}
