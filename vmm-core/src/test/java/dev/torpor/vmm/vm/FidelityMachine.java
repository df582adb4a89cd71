package dev.torpor.vmm.vm;

import dev.torpor.vmm.device.DoorbellState;
import dev.torpor.vmm.disk.LayeredDisk;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * A VM and what it should be. Between operations it stands still, and the model knows every byte.
 * The disk and the scribbled pages follow the model even while the guest runs.
 */
final class FidelityMachine implements AutoCloseable {
  private static final int PAGE = (int) FidelitySetup.PAGE;
  private static final int CHUNK_PAGES = 64;
  private static final int SAMPLES = 200;
  private static final long PRESENT_OR_SWAPPED = 3L << 62;

  final Vm vm;
  final FidelitySetup setup;
  int depth;
  private final Random random;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment buffer = arena.allocate((long) CHUNK_PAGES * PAGE, PAGE);
  private final byte[][] pages;
  private byte[] disk;
  private FidelityInstant now;

  private FidelityMachine(Vm vm, FidelitySetup setup, Random random, FidelityInstant start) {
    this.vm = vm;
    this.setup = setup;
    this.random = random;
    this.pages = start.pages().clone();
    this.disk = start.disk().clone();
    this.now = start;
  }

  /** A machine that was just built. */
  static FidelityMachine created(Vm vm, FidelitySetup setup, Random random, byte[] disk) {
    FidelityInstant nothing =
        new FidelityInstant(new byte[setup.pageCount()][], List.of(), null, disk);
    FidelityMachine machine = new FidelityMachine(vm, setup, random, nothing);
    machine.look();
    return machine;
  }

  /** A machine that should be at an instant. */
  static FidelityMachine at(Vm vm, FidelitySetup setup, Random random, FidelityInstant instant) {
    return new FidelityMachine(vm, setup, random, instant);
  }

  FidelityInstant now() {
    return now;
  }

  byte[] disk() {
    return disk;
  }

  /** Lets the guest run for a moment. */
  void run() throws InterruptedException {
    go();
    Thread.sleep(0, random.nextInt(100_000, 999_999));
    halt();
  }

  void go() {
    if (vm.state() == VmState.CREATED) {
      vm.start();
    } else {
      vm.resume();
    }
  }

  /** Stops a guest, and makes what it holds then the model. */
  void halt() {
    vm.pause();
    setup.requireOneInstant(vm.memory());
    look();
  }

  void requireAlive() throws InterruptedException {
    if (vm.state() == VmState.STOPPED) {
      throw new AssertionError("the guest has ended: " + vm.awaitExit());
    }
  }

  /** Takes over what the guest has changed; what it does not write must be as it was. */
  void look() {
    boolean[] looked = worthLooking();
    for (int page = 0; page < pages.length; page++) {
      if (looked[page]) {
        byte[] before = pages[page];
        vm.memory().readPage(page, buffer, 0);
        byte[] after = FidelityInstant.page(buffer, 0, before);
        if (page >= setup.firstScribbledPage() && !Arrays.equals(before, after)) {
          throw new AssertionError("page %d changed, which no guest writes".formatted(page));
        }
        pages[page] = after;
      }
    }
    freeze();
  }

  private void freeze() {
    now = new FidelityInstant(pages.clone(), registers(), doorbell(), disk.clone());
  }

  /** Makes sure that the machine is what the model says. */
  void requireAsModelled(String when) {
    requireAt(now, when);
  }

  /** Makes sure that the machine is at an instant. */
  void requireAt(FidelityInstant expected, String when) {
    requireAtButMemory(expected, when);
    byte[][] found = expected.pages().clone();
    readInto(found);
    String difference =
        expected.differenceTo(
            new FidelityInstant(found, expected.vcpus(), expected.doorbell(), expected.disk()));
    if (difference != null) {
      throw new AssertionError(when + ": " + difference);
    }
  }

  /** The same without touching memory, so that missing pages stay missing. */
  void requireAtButMemory(FidelityInstant expected, String when) {
    String difference =
        expected.differenceButMemory(
            new FidelityInstant(expected.pages(), registers(), doorbell(), readDisk()));
    if (difference != null) {
      throw new AssertionError(when + ": " + difference);
    }
  }

  /** From now on the machine is to be at an instant. */
  void moved(FidelityInstant instant) {
    System.arraycopy(instant.pages(), 0, pages, 0, pages.length);
    disk = instant.disk().clone();
    now = instant;
  }

  /** What the machine holds, which no model knows. */
  FidelityInstant read() {
    byte[][] found = now.pages().clone();
    readInto(found);
    return new FidelityInstant(found, registers(), doorbell(), readDisk());
  }

  /** The same without touching memory. */
  FidelityInstant readButMemory() {
    return new FidelityInstant(now.pages(), registers(), doorbell(), readDisk());
  }

  private void readInto(byte[][] found) {
    if (setup.hasTwoSlots()) {
      boolean[] worth = worthLooking();
      for (int page = 0; page < found.length; page++) {
        if (worth[page] || found[page] != null) {
          vm.memory().readPage(page, buffer, 0);
          found[page] = FidelityInstant.page(buffer, 0, found[page]);
        }
      }
      return;
    }
    for (int first = 0; first < found.length; first += CHUNK_PAGES) {
      int count = Math.min(CHUNK_PAGES, found.length - first);
      vm.memory().read(FidelitySetup.gpa(first), buffer.asSlice(0, (long) count * PAGE));
      for (int i = 0; i < count; i++) {
        found[first + i] = FidelityInstant.page(buffer, (long) i * PAGE, found[first + i]);
      }
    }
  }

  /** Pages that the host has for this machine, and some others. */
  private boolean[] worthLooking() {
    boolean[] worth = new boolean[pages.length];
    byte[] entries = new byte[pages.length * Long.BYTES];
    try (RandomAccessFile pageMap = new RandomAccessFile("/proc/self/pagemap", "r")) {
      pageMap.seek(vm.memory().address() / PAGE * Long.BYTES);
      pageMap.readFully(entries);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    ValueLayout.OfLong entry = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    MemorySegment all = MemorySegment.ofArray(entries);
    for (int page = 0; page < worth.length; page++) {
      worth[page] = (all.getAtIndex(entry, page) & PRESENT_OR_SWAPPED) != 0;
    }
    for (int i = 0; i < SAMPLES; i++) {
      worth[random.nextInt(worth.length)] = true;
    }
    return worth;
  }

  private List<byte[]> registers() {
    byte[][] read = new byte[setup.vcpuCount()][];
    vm.machine().vcpus().runOnAll((id, vcpu) -> read[id] = FidelityRegisters.read(vcpu));
    return List.of(read);
  }

  private DoorbellState doorbell() {
    return vm.doorbell().orElseThrow().capture();
  }

  /** Gives vector registers and the doorbell's question random contents. */
  void scribbleRegisters() {
    vm.machine()
        .vcpus()
        .runOnAll((id, vcpu) -> FidelityRegisters.scribble(vcpu, new Random(id ^ now.hashCode())));
    vm.doorbell().orElseThrow().setEcho(random.nextLong());
    freeze();
  }

  /** Writes as device emulation does, in all ways that there are. */
  void scribbleMemory() {
    int first = setup.firstScribbledPage();
    int count = random.nextInt(1, 20);
    for (int i = 0; i < count; i++) {
      // Not across page boundaries but in one case, so that the model is simple.
      int page = random.nextInt(first, pages.length);
      int within = random.nextInt(PAGE / Long.BYTES) * Long.BYTES;
      long gpa = FidelitySetup.gpa(page) + within;
      long value = random.nextLong();
      switch (random.nextInt(6)) {
        case 0 -> write(page, within, 1, value, () -> vm.memory().writeByte(gpa, (byte) value));
        case 1 -> write(page, within, 2, value, () -> vm.memory().writeShort(gpa, (short) value));
        case 2 -> write(page, within, 4, value, () -> vm.memory().writeInt(gpa, (int) value));
        case 3 -> write(page, within, 8, value, () -> vm.memory().writeLong(gpa, value));
        case 4 -> writeSome(first);
        default -> clear(page);
      }
    }
    freeze();
  }

  private void write(int page, int within, int byteCount, long value, Runnable write) {
    byte[] next = pages[page] == null ? new byte[PAGE] : pages[page].clone();
    for (int i = 0; i < byteCount; i++) {
      next[within + i] = (byte) (value >>> (8 * i));
    }
    write.run();
    pages[page] = orNull(next);
  }

  private void writeSome(int firstPage) {
    int start = random.nextInt((pages.length - firstPage - 3) * PAGE);
    byte[] bytes = new byte[random.nextInt(1, 2 * PAGE)];
    random.nextBytes(bytes);
    vm.memory().write(FidelitySetup.gpa(firstPage) + start, MemorySegment.ofArray(bytes));
    int done = 0;
    while (done < bytes.length) {
      int page = firstPage + (start + done) / PAGE;
      int within = (start + done) % PAGE;
      int part = Math.min(PAGE - within, bytes.length - done);
      byte[] next = pages[page] == null ? new byte[PAGE] : pages[page].clone();
      System.arraycopy(bytes, done, next, within, part);
      pages[page] = orNull(next);
      done += part;
    }
  }

  private void clear(int page) {
    vm.memory().fill(FidelitySetup.gpa(page), PAGE, (byte) 0);
    pages[page] = null;
  }

  private static byte[] orNull(byte[] page) {
    for (byte b : page) {
      if (b != 0) {
        return page;
      }
    }
    return null;
  }

  /** Does something to the disk, and compares what it reads there. */
  void useDisk() {
    LayeredDisk target = layeredDisk();
    List<Integer> sectors = new ArrayList<>(List.of(0, 1, 8, 9, disk.length / 512 - 1));
    sectors.add(random.nextInt(disk.length / 512));
    int offset = sectors.get(random.nextInt(sectors.size())) * 512;
    int room = Math.min(disk.length - offset, CHUNK_PAGES * PAGE) / 512;
    int count = random.nextInt(1, Math.min(room, random.nextBoolean() ? 4 : 64) + 1) * 512;
    switch (random.nextInt(5)) {
      case 0, 1 -> {
        byte[] bytes = new byte[count];
        random.nextBytes(bytes);
        MemorySegment.copy(bytes, 0, buffer, ValueLayout.JAVA_BYTE, 0, count);
        target.write(offset, buffer.address(), count);
        System.arraycopy(bytes, 0, disk, offset, count);
      }
      case 2 -> {
        target.writeZeroes(offset, count, random.nextBoolean());
        Arrays.fill(disk, offset, offset + count, (byte) 0);
      }
      case 3 -> {
        target.discard(offset, count);
        // It zeroes the blocks that it covers whole; the disk's last one may be short.
        int end = offset + count == disk.length ? disk.length : (offset + count) & -PAGE;
        int start = (offset + PAGE - 1) & -PAGE;
        if (start < end) {
          Arrays.fill(disk, start, end, (byte) 0);
        }
      }
      default -> target.flush();
    }
    target.read(offset, buffer.address(), count);
    byte[] read = buffer.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE);
    if (!Arrays.equals(read, 0, count, disk, offset, offset + count)) {
      throw new AssertionError("disk at 0x%x: reads otherwise than written".formatted(offset));
    }
    now = new FidelityInstant(now.pages(), now.vcpus(), now.doorbell(), disk.clone());
  }

  private LayeredDisk layeredDisk() {
    return vm.machine().disks().layered().getFirst();
  }

  byte[] readDisk() {
    byte[] all = new byte[disk.length];
    int step = CHUNK_PAGES * PAGE;
    for (int at = 0; at < all.length; at += step) {
      int count = Math.min(step, all.length - at);
      layeredDisk().read(at, buffer.address(), count);
      MemorySegment.copy(buffer, ValueLayout.JAVA_BYTE, 0, all, at, count);
    }
    return all;
  }

  @Override
  public void close() {
    vm.close();
    arena.close();
  }
}
