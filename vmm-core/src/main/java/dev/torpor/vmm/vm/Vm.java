package dev.torpor.vmm.vm;

import dev.torpor.linux.LinuxException;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.Store;
import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.checkpoint.CheckpointException;
import dev.torpor.vmm.checkpoint.Checkpointer;
import dev.torpor.vmm.checkpoint.MachineLostException;
import dev.torpor.vmm.checkpoint.Origin;
import dev.torpor.vmm.checkpoint.Position;
import dev.torpor.vmm.checkpoint.Start;
import dev.torpor.vmm.checkpoint.WorkingSetRecorder;
import dev.torpor.vmm.cpu.Vcpu;
import dev.torpor.vmm.device.Doorbell;
import dev.torpor.vmm.device.SerialPort;
import dev.torpor.vmm.memory.GuestMemory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * A virtual machine.
 *
 * <pre>{@code
 * try (Vm vm = Vm.create(VmConfig.boot(new LinuxGuest(kernel, initrd, "console=ttyS0")).build())) {
 *   vm.start();
 *   VmExit exit = vm.awaitExit();
 * }
 * }</pre>
 *
 * <p>Its life is that of {@link VmState}. Methods are safe from every thread but the VM's own vCPU
 * and device threads; those that change its state wait for one another. A VM that is not closed
 * keeps its memory, threads and descriptors for ever.
 */
public final class Vm implements AutoCloseable {
  private final String name;
  private final Lifecycle life;

  /** Empty without a store. */
  private final Optional<Checkpointer> checkpointer;

  private final Optional<WorkingSetRecorder> recorder;

  private Vm(
      String name,
      Lifecycle life,
      Optional<Checkpointer> checkpointer,
      Optional<WorkingSetRecorder> recorder) {
    this.name = name;
    this.life = life;
    this.checkpointer = checkpointer;
    this.recorder = recorder;
  }

  /**
   * Builds a VM: allocates its memory, loads its guest, creates its vCPUs. No guest code runs yet.
   *
   * @param config what it is made of
   * @return the VM, which the caller closes
   * @throws IllegalArgumentException if a file is not what it should be, or the host lacks what the
   *     CPU template needs
   * @throws IllegalStateException if there is no KVM to use; the message says what to do
   * @throws LinuxException if the host refuses memory or a disk
   */
  public static Vm create(VmConfig config) {
    String name = config.name();
    Lifecycle life = new Lifecycle(name, exits -> Machine.build(config, exits));
    return owner(
        life,
        () ->
            new Vm(
                name,
                life,
                config
                    .store()
                    .map(
                        store ->
                            new Checkpointer(
                                name,
                                new HeldMachine(life),
                                store,
                                nothingTaken(store, life.machine().memory().pageCount()),
                                config.pauseBudget(),
                                config.checkpointListener())),
                Optional.empty()));
  }

  private static Start nothingTaken(Store store, long pageCount) {
    Image nothing = Image.empty(store.layers(), pageCount);
    return new Start(
        new Position(Optional.empty(), nothing, List.of()), Optional.empty(), Optional.empty());
  }

  /** The VM that a machine belongs to; what failed to become one leaves no machine behind. */
  private static Vm owner(Lifecycle life, Supplier<Vm> made) {
    try {
      return made.get();
    } catch (RuntimeException | Error e) {
      life.machine().close();
      throw e;
    }
  }

  /**
   * Builds a VM that continues from a checkpoint. Nothing of its memory is read before it is
   * needed, and no guest code runs before {@link #start}.
   *
   * @param store where the checkpoint is; stays the caller's, and open for as long as the VM is
   * @param checkpoint which
   * @param config what shall be different from the machine that it was taken of
   * @return the VM, which the caller closes
   * @throws dev.torpor.snapshot.UnknownCheckpointException if there is no such checkpoint
   * @throws dev.torpor.snapshot.SnapshotFormatException if the checkpoint is damaged; the message
   *     names the file and where in it
   * @throws IllegalArgumentException if this host lacks what the checkpoint needs, or a disk's base
   *     is not what it was; the message names it
   * @throws IllegalStateException if there is no KVM to use; the message says what to do
   * @throws java.io.UncheckedIOException if the store cannot be read
   */
  public static Vm restore(Store store, UUID checkpoint, RestoreConfig config) {
    try (Origin origin = Origin.open(store, checkpoint);
        Continuation continuation = new Continuation(origin)) {
      return continued(origin, continuation, config);
    }
  }

  /** The VM has the memory from now on, even if this fails. */
  private static Vm continued(Origin origin, Continuation continuation, RestoreConfig config) {
    String name = config.name();
    Lifecycle life = new Lifecycle(name, exits -> continuation.machine(config, exits));
    return owner(
        life,
        () ->
            new Vm(
                name,
                life,
                Optional.of(
                    new Checkpointer(
                        name,
                        new HeldMachine(life),
                        origin.store(),
                        origin.start(),
                        config.pauseBudget(),
                        config.listener())),
                recorder(origin, life.machine(), config.recordWorkingSet())));
  }

  private static Optional<WorkingSetRecorder> recorder(
      Origin origin, Machine machine, Duration recorded) {
    return recorded.isZero()
        ? Optional.empty()
        : Optional.of(
            new WorkingSetRecorder(
                origin.store(), origin.uuid(), machine.restoredMemory(), recorded));
  }

  /**
   * Whether a VM has left disks in its folder, or has them open there.
   *
   * @param diskFolder the folder that {@link VmConfig.Builder#diskFolder} named; may be missing
   * @return whether there is a disk
   */
  public static boolean hasDisks(Path diskFolder) {
    return MachineDisks.count(diskFolder) > 0;
  }

  /**
   * Deletes the disks that a VM left in its folder, and lets their layers go: the next garbage
   * collection removes what nobody else needs.
   *
   * @param store where their layers are
   * @param diskFolder the folder that {@link VmConfig.Builder#diskFolder} named
   * @return how many there were
   * @throws IllegalStateException if a VM uses them
   * @throws dev.torpor.snapshot.SnapshotFormatException if the file is damaged that says whose
   *     layers they are
   * @throws java.io.UncheckedIOException if a file cannot be deleted
   */
  public static int deleteDisks(Store store, Path diskFolder) {
    return MachineDisks.delete(store, diskFolder);
  }

  /**
   * Its name.
   *
   * @return what it was called when it was created, restored or forked
   */
  public String name() {
    return name;
  }

  /**
   * Where it is in its life.
   *
   * @return its state at this moment; a running guest may end at any time
   */
  public VmState state() {
    return life.state();
  }

  /**
   * Starts the guest.
   *
   * @throws IllegalStateException unless it was just created
   */
  public void start() {
    life.start(() -> recorder.ifPresent(WorkingSetRecorder::start));
  }

  /**
   * Pauses the guest. Returns once every vCPU is out of KVM_RUN and no device is half-way through a
   * request.
   *
   * @throws IllegalStateException unless it runs
   */
  public void pause() {
    life.pause();
  }

  /**
   * Lets a paused guest go on.
   *
   * @throws IllegalStateException unless it is paused
   */
  public void resume() {
    life.resume();
  }

  /**
   * Makes every vCPU leave the guest once and go back at once.
   *
   * @throws IllegalStateException unless it runs
   */
  public void kick() {
    life.kick();
  }

  /**
   * Ends the guest as if its power failed, and waits until its threads have ended. Does nothing to
   * a VM that has ended.
   *
   * @throws IllegalStateException if it is closed
   */
  public void stop() {
    life.stop();
  }

  /**
   * Waits until the guest has ended, for as long as it takes.
   *
   * @return why it ended
   * @throws InterruptedException if the thread is interrupted
   */
  public VmExit awaitExit() throws InterruptedException {
    return life.awaitExit();
  }

  /**
   * Waits until the guest has ended, for a limited time.
   *
   * @param timeout how long at most
   * @return why it ended; empty if it has not
   * @throws InterruptedException if the thread is interrupted
   */
  public Optional<VmExit> awaitExit(Duration timeout) throws InterruptedException {
    return life.awaitExit(timeout);
  }

  /**
   * Takes a checkpoint: memory, vCPUs, devices and disks, at one instant. Returns when the instant
   * is fixed and the guest runs on; its way to the store goes on in the background. In a process
   * that has not paused a VM for a checkpoint before, a running guest's first one takes some tenths
   * of a second longer, in which the guest runs on: the pause is rehearsed with another VM.
   *
   * @param label what to call it; may be empty
   * @return the checkpoint
   * @throws CheckpointException if it could not be taken; the guest goes on
   * @throws IllegalStateException if the VM has ended, or was created without a store
   * @throws InterruptedException if the thread is interrupted before the instant is fixed
   */
  public Checkpoint checkpoint(String label) throws InterruptedException {
    Checkpointer taker = requireCheckpointer();
    if (state() == VmState.RUNNING) {
      Rehearsal.once();
    }
    return taker.take(label);
  }

  /**
   * Brings the VM back to one of its checkpoints, in place: it runs or stands as before, but its
   * memory, vCPUs, devices and disks are as they were then. What it did since is forgotten.
   *
   * @param checkpoint one of this VM, or of one that it comes from
   * @throws CheckpointException if the checkpoint cannot be read; the guest goes on as it was
   * @throws MachineLostException if it failed half-way; the VM has ended with the cause
   * @throws IllegalStateException if the VM has ended, or was created without a store
   * @throws InterruptedException if the thread is interrupted while it waits for checkpoints
   */
  public void revertTo(Checkpoint checkpoint) throws InterruptedException {
    requireCheckpointer().revertTo(checkpoint.awaitDurable().uuid());
  }

  /**
   * The same for a checkpoint of the store.
   *
   * @param checkpoint its identity
   * @throws CheckpointException if there is none, or it cannot be read, or it is of a machine that
   *     is built otherwise; the guest goes on as it was
   * @throws MachineLostException if it failed half-way; the VM has ended with the cause
   * @throws IllegalStateException if the VM has ended, or was created without a store
   * @throws InterruptedException if the thread is interrupted while it waits for checkpoints
   */
  public void revertTo(UUID checkpoint) throws InterruptedException {
    requireCheckpointer().revertTo(checkpoint);
  }

  /**
   * Branches the VM: the child continues from this instant beside it, once it is started. Neither
   * sees what the other does from now on, and they share what neither has written.
   *
   * @param childName the child's name
   * @return the child, not yet started, which the caller closes
   * @throws CheckpointException if it could not be branched; the guest goes on
   * @throws IllegalStateException if the VM has ended, or was created without a store
   * @throws InterruptedException if the thread is interrupted
   */
  public Vm fork(String childName) throws InterruptedException {
    return fork(List.of(RestoreConfig.named(childName).build())).getFirst();
  }

  /**
   * Branches the VM into several children, all from the same instant. They do not wait for the disk
   * unless one has a disk folder.
   *
   * @param children what is to be different with each
   * @return the children in the same order, not yet started, which the caller closes
   * @throws CheckpointException if it could not be branched; the guest goes on
   * @throws IllegalStateException if the VM has ended, or was created without a store
   * @throws InterruptedException if the thread is interrupted
   */
  public List<Vm> fork(List<RestoreConfig> children) throws InterruptedException {
    Checkpoint instant = checkpoint("").awaitWritten();
    if (children.stream().anyMatch(child -> child.diskFolder().isPresent())) {
      instant.awaitDurable(); // what their disks are found to descend from after a crash
    }
    List<Vm> made = new ArrayList<>();
    try (Origin origin = instant.origin();
        Continuation continuation = new Continuation(origin)) {
      for (RestoreConfig child : children) {
        made.add(continued(origin, continuation, child));
      }
      return made;
    } catch (RuntimeException e) {
      made.forEach(Vm::close);
      throw new CheckpointException(
          "VM '%s' was not branched: %s".formatted(name, e.getMessage()), e);
    } catch (Error e) {
      made.forEach(Vm::close);
      throw e;
    }
  }

  /**
   * The checkpoint that it comes from: the last one that it took, or went back to, or was restored
   * from.
   *
   * @return the checkpoint's identity; empty if it has none yet
   */
  public Optional<UUID> parentCheckpoint() {
    return checkpointer.flatMap(Checkpointer::parent);
  }

  private Checkpointer requireCheckpointer() {
    return checkpointer.orElseThrow(
        () ->
            new IllegalStateException(
                "VM '%s' was created without a store for checkpoints: give VmConfig one"
                    .formatted(name)));
  }

  /** Stands still as for a checkpoint, and forgets what was captured. */
  void rehearse(Runnable meanwhile) {
    life.whileHeld(machine().recorder().early(), () -> machine().recorder().capture(meanwhile));
  }

  /**
   * The guest's memory.
   *
   * @return the memory, valid until the VM is closed
   */
  public GuestMemory memory() {
    return machine().memory();
  }

  /**
   * The guest's vCPUs.
   *
   * @return the vCPUs, by their number
   */
  public List<Vcpu> vcpus() {
    return machine().vcpus().vcpus();
  }

  /**
   * The serial port of a Linux guest.
   *
   * @return the port, for input; empty for a flat guest
   */
  public Optional<SerialPort> serialPort() {
    return machine().serial();
  }

  /**
   * The doorbell of a flat guest.
   *
   * @return the doorbell; empty for a Linux guest
   */
  public Optional<Doorbell> doorbell() {
    return machine().doorbell();
  }

  /** The parts, for tests. */
  Machine machine() {
    return life.machine();
  }

  /** Ends the guest if it runs, and gives everything back. A second call does nothing. */
  @Override
  public void close() {
    if (!life.close(this::releaseVcpus)) {
      return;
    }
    // Not while its state changes: checkpoints on their way may need it, and memory until they
    // have arrived.
    try {
      recorder.ifPresent(WorkingSetRecorder::close);
      checkpointer.ifPresent(Checkpointer::close);
    } finally {
      machine().close();
    }
  }

  /** One waits for a page that does not come. Checkpoints first: they read present pages. */
  private void releaseVcpus() {
    checkpointer.ifPresent(Checkpointer::close);
    machine().endPaging();
  }
}
