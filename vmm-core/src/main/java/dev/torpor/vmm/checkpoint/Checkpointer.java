package dev.torpor.vmm.checkpoint;

import dev.torpor.snapshot.CheckpointHold;
import dev.torpor.snapshot.SnapshotFormatException;
import dev.torpor.snapshot.Store;
import dev.torpor.vmm.thread.Worker;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Deque;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes checkpoints of one machine.
 *
 * <pre>
 *   caller      copy ahead | pause |
 *   guest      ~~~~~~~~~~~~|       |~~~~~~~~~~~~~~~~~~~~~~~~~~~
 *   writer                         | write out |
 *   syncer                                     | sync    |
 *   publisher                                  | prepare | publish |
 * </pre>
 *
 * <p>The next checkpoint begins once this one is written out, while it is still being made durable:
 * so several are on their way, and become durable in their order. Safe from every thread; one
 * checkpoint, or one return to one, is taken at a time.
 */
public final class Checkpointer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Checkpointer.class);
  private static final String GIVEN_UP = "the checkpoint that it follows has failed";

  private final String vmName;
  private final CheckpointedMachine machine;
  private final Store store;
  private final CheckpointListener listener;
  private final Lineage lineage;
  private final Duration budget;

  /** Made when they are first needed: most forks never take a checkpoint. */
  private DraftTools tools;

  private Reverter reverter;
  private final Executor writer;
  private final Executor syncer;
  private final Executor publisher;

  /** What the machine was forked from, if that was not published yet. */
  private final Optional<Checkpoint> pendingStart;

  /** Held by who takes a checkpoint, or moves the machine to one. */
  private final ReentrantLock taking = new ReentrantLock(true);

  private CompletableFuture<Void> writingOut = CompletableFuture.completedFuture(null);

  /** The last one that was written out on its way to the store: those before it have arrived. */
  private volatile CompletableFuture<Void> publishing = CompletableFuture.completedFuture(null);

  private boolean closed;

  /** The checkpoint that was entered last, decoded: mostly it is entered again. */
  private Entered entered;

  private final Holds holds;

  private record Entered(Origin origin, Position position, PreparedState state) {}

  /**
   * Prepares to take checkpoints of a machine.
   *
   * @param vmName whose checkpoints they are
   * @param machine the machine
   * @param store where they go; outlives this object
   * @param start where the machine stands, and what keeps that
   * @param budget how long the guest may stand
   * @param listener is told of each stage
   */
  public Checkpointer(
      String vmName,
      CheckpointedMachine machine,
      Store store,
      Start start,
      Duration budget,
      CheckpointListener listener) {
    this.vmName = vmName;
    this.machine = machine;
    this.store = store;
    this.listener = listener;
    this.lineage = new Lineage(start.position(), machine.memory().pageCount());
    this.budget = budget;
    this.pendingStart = start.pending();
    this.writer = Worker.executor(vmName + "-checkpoint-writer");
    this.syncer = Worker.executor(vmName + "-checkpoint-syncer");
    this.publisher = Worker.executor(vmName + "-checkpoint-publisher");
    this.holds = new Holds(store, vmName);
    start.hold().ifPresent(holds::origin);
    pendingStart.ifPresent(origin -> origin.whenDurable(() -> holds.origin(origin.uuid())));
  }

  /**
   * The checkpoint that the machine came from last.
   *
   * @return its identity; empty for none
   */
  public Optional<UUID> parent() {
    return lineage.head().checkpoint();
  }

  /**
   * Takes a checkpoint, and returns once its instant is fixed and the guest runs on.
   *
   * @param label what to call it; may be empty
   * @return the checkpoint, on its way to the store
   * @throws CheckpointException if it could not be taken; the machine goes on
   * @throws InterruptedException if the thread is interrupted while it waits for the one before
   */
  public Checkpoint take(String label) throws InterruptedException {
    return exclusively(() -> takeNow(label));
  }

  private Checkpoint takeNow(String label) {
    requireOpen();
    lineage.beginDraft();
    int losses = lineage.lossCount();
    if (tools == null) {
      tools = new DraftTools(machine, store, budget);
    }
    Draft draft = new Draft(tools, lineage.head());
    try {
      lineage.takeUnsaved(draft.written());
      draft.begin();
      draft.copyAhead();
      Duration pause = machine.whileHeld(machine.recorder().early(), draft::capture);
      Checkpoint checkpoint = draft.describe(vmName, label, pause, listener);
      checkpoint.reachedCaptured();
      writingOut = CompletableFuture.runAsync(() -> writeOut(draft, checkpoint, losses), writer);
      return checkpoint;
    } catch (RuntimeException e) {
      giveUp(draft);
      throw explain(label, e);
    } catch (Error e) {
      giveUp(draft);
      throw e;
    }
  }

  private void giveUp(Draft draft) {
    lineage.giveBack(draft.written());
    draft.abandon();
  }

  private RuntimeException explain(String label, RuntimeException e) {
    return e instanceof IllegalStateException || e instanceof CheckpointException
        ? e
        : new CheckpointException(
            "checkpoint '%s' of VM '%s' could not be taken: %s"
                .formatted(label, vmName, e.getMessage()),
            e);
  }

  /** On the writer's thread. */
  private void writeOut(Draft draft, Checkpoint checkpoint, int losses) {
    try {
      Position position = draft.writeOut();
      draft.beginSync(syncer);
      Lineage.Pending pending = new Lineage.Pending(checkpoint, position, draft.written());
      if (!lineage.written(pending, losses)) {
        draft.abandon();
        checkpoint.fail(new CancellationException(GIVEN_UP));
        return;
      }
      checkpoint.reachedWritten(draft.storedBytes(), draft.origin());
      publishing =
          publishing
              .thenRunAsync(() -> publish(draft, pending), publisher)
              .exceptionally(this::tell);
    } catch (RuntimeException | Error e) {
      giveUp(draft);
      checkpoint.fail(e);
    }
  }

  /** A checkpoint that could not even be given up: it is nobody's who waits for later ones. */
  private Void tell(Throwable failure) {
    LOG.warn("a checkpoint of VM '{}' failed, and was not cleared away", vmName, failure);
    return null;
  }

  /** On the publisher's thread. */
  private void publish(Draft draft, Lineage.Pending pending) {
    if (!lineage.isPending(pending)) {
      draft.abandon();
      return;
    }
    Checkpoint checkpoint = pending.checkpoint();
    if (checkpoint.isCancelled() && lineage.loseLast(pending)) {
      checkpoint.fail(new CancellationException("cancelled"));
      draft.abandon();
      return;
    }
    try {
      if (pendingStart.isPresent()) {
        pendingStart.get().awaitDurable(); // its layers are used here
      }
      CheckpointHold published = draft.publish();
      holds.standing(published);
      lineage.durable(pending);
      checkpoint.reachedDurable(draft.sinceCapture());
      draft.close();
    } catch (Exception | Error e) {
      giveUp(pending, e);
      draft.abandon();
    }
  }

  private void giveUp(Lineage.Pending failed, Throwable cause) {
    Deque<Lineage.Pending> lost = lineage.lose(failed);
    LOG.debug("{} checkpoints of VM '{}' are given up", lost.size(), vmName, cause);
    for (Lineage.Pending one : lost) {
      one.checkpoint().fail(one == failed ? cause : new CancellationException(GIVEN_UP));
    }
  }

  /**
   * Brings the machine to a checkpoint in place.
   *
   * @param checkpoint which: its own, or of a machine that is built alike
   * @throws CheckpointException if it cannot be entered; the machine goes on as it was
   * @throws MachineLostException if it was entered half-way: the machine must not go on
   * @throws InterruptedException if the thread is interrupted while it waits for checkpoints
   */
  public void revertTo(UUID checkpoint) throws InterruptedException {
    exclusively(
        () -> {
          requireOpen();
          settle();
          try {
            enter(checkpoint);
          } catch (UncheckedIOException | SnapshotFormatException | IllegalArgumentException e) {
            throw new CheckpointException(
                "VM '%s' stays as it is: checkpoint %s cannot be entered: %s"
                    .formatted(vmName, checkpoint, e.getMessage()),
                e);
          }
          return null;
        });
  }

  /** What was entered before is let go only then: the machine stands there until it has moved. */
  private void enter(UUID checkpoint) {
    boolean again = entered != null && entered.origin().uuid().equals(checkpoint);
    Entered target = again ? entered : open(checkpoint);
    if (reverter == null) {
      reverter = new Reverter(machine, lineage);
    }
    try {
      reverter.revert(target.position(), target.state());
    } catch (RuntimeException | Error e) {
      if (!again) {
        holds.release(target.origin());
      }
      throw e;
    }
    if (!again) {
      forgetEntered();
      entered = target;
    }
  }

  private Entered open(UUID checkpoint) {
    Origin origin = Origin.open(store, checkpoint);
    try {
      return new Entered(origin, origin.position(), machine.recorder().prepare(origin.state()));
    } catch (RuntimeException | Error e) {
      holds.release(origin);
      throw e;
    }
  }

  private void forgetEntered() {
    if (entered != null) {
      holds.release(entered.origin());
      entered = null;
    }
  }

  /** Waits until nothing is on its way: only then may the machine stand elsewhere. */
  private void settle() {
    publishing.join();
  }

  /** What is done by one at a time, after the checkpoint before is written out. */
  private <T> T exclusively(Supplier<T> action) throws InterruptedException {
    taking.lockInterruptibly();
    try {
      writingOut.join();
      return action.get();
    } finally {
      taking.unlock();
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("VM '" + vmName + "' is closed");
    }
  }

  /** Waits until what is on its way has arrived, and ends. */
  @Override
  public void close() {
    taking.lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      writingOut.join();
      publishing.join();
      if (tools != null) {
        tools.close();
      }
      forgetEntered();
      holds.close();
    } finally {
      taking.unlock();
    }
  }
}
