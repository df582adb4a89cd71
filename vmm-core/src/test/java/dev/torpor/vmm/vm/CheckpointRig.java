package dev.torpor.vmm.vm;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.torpor.snapshot.Store;
import dev.torpor.vmm.boot.FlatArguments;
import dev.torpor.vmm.boot.FlatBoot;
import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.checkpoint.MemorySource;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.stream.IntStream;

/** A store, and VMs with a guest that checks its memory, a disk and memory that no guest writes. */
final class CheckpointRig implements AutoCloseable {
  static final long MEMORY_BYTES = (8L << 20) + 4096;

  /** Above all that the guest uses. */
  static final long FREE_GPA = 6L << 20;

  private static final long WORKSPACE_BYTES = 1L << 20;
  private static final int NODES = 40;
  private static final int DISK_BYTES = 64 << 10;

  final Path folder;
  final Store store;
  private final Path base;

  CheckpointRig(Path folder) throws IOException {
    this(folder, folder.resolve("store"));
  }

  CheckpointRig(Path folder, Path storeFolder) throws IOException {
    this.folder = folder;
    this.base = folder.resolve("base.raw");
    byte[] disk = new byte[DISK_BYTES];
    new Random(1).nextBytes(disk);
    if (!Files.exists(base)) {
      Files.write(base, disk);
    }
    store = Store.open(storeFolder);
  }

  VmConfig.Builder config(int vcpuCount) {
    List<FlatArguments> each =
        IntStream.range(0, vcpuCount)
            .mapToObj(i -> new FlatArguments(workspace(i), WORKSPACE_BYTES, NODES, i + 1, 0, 16))
            .toList();
    return VmConfig.boot(FlatGuest.named("memory-check").withVcpus(each))
        .name("parent")
        .memory(MEMORY_BYTES)
        .vcpus(vcpuCount)
        .disk(base, false)
        .store(store);
  }

  private static long workspace(int vcpu) {
    return FlatBoot.WORKSPACE_GPA + vcpu * WORKSPACE_BYTES;
  }

  /** A VM that is paused, and has come some way. */
  Vm paused() throws InterruptedException {
    Vm vm = Vm.create(config(1).build());
    vm.start();
    runFor(vm, 0);
    return vm;
  }

  /** Lets a guest run until it has told of further steps, and pauses it. */
  static void runFor(Vm vm, int reports) throws InterruptedException {
    if (vm.state() == VmState.CREATED) {
      vm.start();
    } else if (vm.state() == VmState.PAUSED) {
      vm.resume();
    }
    long from = vm.doorbell().orElseThrow().progress();
    if (!vm.doorbell()
        .orElseThrow()
        .awaitProgress(from + 16L * (reports + 1), Duration.ofSeconds(30))) {
      throw new AssertionError("the guest makes no progress: " + vm.state());
    }
    vm.pause();
  }

  Vm restore(UUID checkpoint, MemorySource source) {
    return Vm.restore(
        store, checkpoint, RestoreConfig.named("restored").memorySource(source).build());
  }

  /** All that a VM holds which stands still: memory, registers, doorbell, disk. */
  static byte[] contents(Vm vm) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment page = arena.allocate(4096, 4096);
      for (long i = 0; i < vm.memory().pageCount(); i++) {
        vm.memory().readPage(i, page, 0);
        all.writeBytes(page.toArray(ValueLayout.JAVA_BYTE));
      }
      for (int at = 0; at < DISK_BYTES; at += 4096) {
        vm.machine().disks().layered().getFirst().read(at, page.address(), 4096);
        all.writeBytes(page.toArray(ValueLayout.JAVA_BYTE));
      }
    }
    byte[][] registers = new byte[vm.vcpus().size()][];
    vm.machine().vcpus().runOnAll((id, vcpu) -> registers[id] = FidelityRegisters.read(vcpu));
    for (byte[] one : registers) {
      all.writeBytes(one);
    }
    all.writeBytes(vm.doorbell().orElseThrow().capture().toString().getBytes(UTF_8));
    return all.toByteArray();
  }

  /** Writes a block of the disk that is full of one byte. */
  static void writeDisk(Vm vm, int block, int value) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(4096, 4096).fill((byte) value);
      vm.machine().disks().layered().getFirst().write(block * 4096L, bytes.address(), 4096);
    }
  }

  static int readDisk(Vm vm, int block) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(4096, 4096);
      vm.machine().disks().layered().getFirst().read(block * 4096L, bytes.address(), 4096);
      return bytes.get(ValueLayout.JAVA_BYTE, 77);
    }
  }

  @Override
  public void close() {
    store.close();
  }
}
