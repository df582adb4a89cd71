package dev.torpor.launcher;

import dev.torpor.launcher.doctor.Capability;
import dev.torpor.launcher.doctor.HostReport;
import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.vm.Vm;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/**
 * VMs in the foreground, mostly one: their consoles on the terminal until the guests end, the user
 * quits, or time is up. The terminal is restored however it ends, by a signal too.
 */
final class Foreground implements AutoCloseable {
  private static final String HELP =
      """

      Ctrl-A x  ends the VM
      Ctrl-A a  sends Ctrl-A
      Ctrl-A n  gives the keyboard to the next of several VMs
      Ctrl-A h  shows this
      """;

  private final Stdio stdio;
  private final PrintWriter messages;
  private final boolean quiet;
  private final List<Resident> residents = new ArrayList<>();

  /** Why the VMs were ended from outside, if they were. */
  private final AtomicReference<Ending> endedFromOutside = new AtomicReference<>();

  /**
   * How it ended.
   *
   * @param exitCode what the process tells its parent
   * @param description in a few words
   */
  record Ending(int exitCode, String description) {
    static Ending of(VmExit exit) {
      return new Ending(ExitCode.of(exit), exit.describe());
    }
  }

  Foreground(Stdio stdio, PrintWriter messages, boolean quiet) {
    this.stdio = stdio;
    this.messages = messages;
    this.quiet = quiet;
  }

  /**
   * Makes VMs and runs them to their ends.
   *
   * @param newcomers the VMs, at least one
   * @param timeout how long they may run, if not for ever
   * @return how the first one ended that did not end well; else how the first ended
   * @throws IllegalArgumentException if one cannot be made as described; nothing has run then
   */
  Ending run(List<Newcomer> newcomers, Optional<Duration> timeout)
      throws IOException, InterruptedException {
    for (Newcomer newcomer : newcomers) {
      OutputStream output =
          newcomers.size() == 1 ? stdio.out() : new LinePrefix(stdio.out(), newcomer.name());
      residents.add(Resident.admit(newcomer, output, this::endBrokenOutput));
    }
    boolean raw = stdio.isTerminal() && hasKeyboard();
    if (raw) {
      say("the console is yours; Ctrl-A x ends the VM, Ctrl-A h helps");
    }
    long start = System.nanoTime();
    try (RawMode _ = raw ? RawMode.enter(stdio) : RawMode.NONE) {
      residents.forEach(resident -> resident.vm().start());
      startBesides(raw);
      awaitEnds(start, timeout);
    }
    return sayEndings((System.nanoTime() - start) / 1e9);
  }

  private boolean hasKeyboard() {
    return residents.stream().anyMatch(resident -> resident.vm().serialPort().isPresent());
  }

  /** Only Linux guests have a serial port, and only they need guest kernel mode. */
  private void startBesides(boolean raw) {
    if (!hasKeyboard()) {
      return;
    }
    Keyboard keyboard = new Keyboard(residents, this::help);
    Thread.ofPlatform().daemon().name("console-input").start(() -> carryInput(keyboard));
    if (!quiet) {
      Thread.ofPlatform().daemon().name("host-check").start(() -> warnIfInterpreted(raw));
    }
  }

  private void carryInput(Keyboard keyboard) {
    ConsoleInput input = new ConsoleInput(stdio.in(), keyboard);
    try {
      if (!stdio.isTerminal()) {
        input.carry();
      } else if (input.carryKeys(keyboard)) {
        end(ExitCode.QUIT, "ended by Ctrl-A x");
      }
    } catch (IOException | InterruptedException noMoreInput) {
      // As at the end of a file: the guests go on without.
    }
  }

  /** Asked beside the guest: where all is well it takes milliseconds, else there is time. */
  private void warnIfInterpreted(boolean raw) {
    Capability kernelMode = HostReport.guestKernelMode();
    if (!kernelMode.ok()) {
      say(
          "KVM on this host does not execute guest kernels (%s); 'torpor doctor' tells what to do"
                  .formatted(kernelMode.detail())
              + (raw ? "\r" : ""));
    }
  }

  private void awaitEnds(long start, Optional<Duration> timeout) throws InterruptedException {
    for (Resident resident : residents) {
      if (timeout.isEmpty()) {
        resident.vm().awaitExit();
      } else if (resident.vm().awaitExit(left(start, timeout.get())).isEmpty()) {
        end(ExitCode.TIMEOUT, "ended: its time was up");
      }
    }
  }

  private static Duration left(long start, Duration timeout) {
    Duration left = timeout.minusNanos(System.nanoTime() - start);
    return left.isNegative() ? Duration.ZERO : left;
  }

  private void endBrokenOutput() {
    end(ExitCode.HOST_FAILURE, "ended: its output cannot be written");
  }

  /** Ends those that still run; the first reason counts. */
  private void end(int exitCode, String description) {
    if (endedFromOutside.compareAndSet(null, new Ending(exitCode, description))) {
      residents.forEach(resident -> resident.console().neverWait());
      residents.stream().map(Resident::vm).forEach(Vm::stop);
    }
  }

  /** What the guests printed comes before what we say. */
  private Ending sayEndings(double seconds) throws InterruptedException {
    residents.forEach(resident -> resident.console().finish());
    List<Ending> endings = new ArrayList<>();
    for (Resident resident : residents) {
      Ending ending = ending(resident.vm().awaitExit());
      endings.add(ending);
      String who = residents.size() == 1 ? "" : resident.name() + " ";
      long lost = resident.console().lostBytes();
      say(
          "%s%s after %.1f s%s"
              .formatted(
                  who,
                  ending.description(),
                  seconds,
                  lost == 0 ? "" : "; %,d bytes of its output were not taken".formatted(lost)));
    }
    return endings.stream()
        .filter(ending -> ending.exitCode() != ExitCode.OK)
        .findFirst()
        .orElse(endings.getFirst());
  }

  private Ending ending(VmExit exit) {
    Ending outside = endedFromOutside.get();
    return exit instanceof VmExit.Stopped && outside != null ? outside : Ending.of(exit);
  }

  private void help() {
    messages.print(HELP.replace("\n", "\r\n"));
    messages.flush();
  }

  private void say(String message) {
    if (!quiet) {
      messages.println("torpor: " + message);
      messages.flush();
    }
  }

  @Override
  public void close() throws IOException {
    IOException first = null;
    for (Resident resident : residents.reversed()) {
      try {
        resident.close();
      } catch (IOException e) {
        first = first == null ? e : first;
      }
    }
    if (first != null) {
      throw first;
    }
  }
}
