package dev.torpor.launcher;

import dev.torpor.launcher.doctor.Capability;
import dev.torpor.launcher.doctor.HostReport;
import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.boot.LinuxGuest;
import dev.torpor.vmm.device.SerialPort;
import dev.torpor.vmm.vm.Vm;
import dev.torpor.vmm.vm.VmConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/**
 * One VM in the foreground: its console on the terminal until the guest ends, the user quits, or
 * time is up. The terminal is restored however it ends, by a signal too.
 */
final class Foreground {
  private static final String HELP =
      "\r\nCtrl-A x  ends the VM\r\nCtrl-A a  sends Ctrl-A\r\nCtrl-A h  shows this\r\n";

  private final Stdio stdio;
  private final PrintWriter messages;
  private final boolean quiet;

  /** Why the VM was ended from outside, if it was. */
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
   * Runs a VM to its end.
   *
   * @param machine its description, without a console
   * @param timeout how long it may run, if not for ever
   * @return how it ended
   * @throws IllegalArgumentException if the description cannot be; nothing has run then
   */
  Ending run(VmConfig.Builder machine, Optional<Duration> timeout) throws InterruptedException {
    AtomicReference<Vm> running = new AtomicReference<>();
    Runnable onBroken =
        () -> end(running.get(), ExitCode.HOST_FAILURE, "ended: its output cannot be written");
    try (ConsoleOutput console = new ConsoleOutput(stdio.out(), onBroken);
        Vm vm = Vm.create(machine.console(console).build())) {
      running.set(vm);
      long start = System.nanoTime();
      Ending ending = run(vm, console, timeout);
      double seconds = (System.nanoTime() - start) / 1e9;
      console.finish(); // what the guest printed comes before what we say
      say("%s after %.1f s".formatted(ending.description(), seconds));
      return ending;
    }
  }

  private Ending run(Vm vm, ConsoleOutput console, Optional<Duration> timeout)
      throws InterruptedException {
    Optional<SerialPort> port = vm.serialPort();
    boolean raw = stdio.isTerminal() && port.isPresent();
    if (raw) {
      say("the console is yours; Ctrl-A x ends the VM, Ctrl-A h helps");
    }
    try (RawMode _ = raw ? RawMode.enter(stdio) : RawMode.NONE) {
      vm.start();
      if (vm.config().guest() instanceof LinuxGuest && !quiet) {
        Thread.ofPlatform().daemon().name("host-check").start(() -> warnIfInterpreted(raw));
      }
      port.ifPresent(serial -> startInput(vm, console, serial));
      Optional<VmExit> exit =
          timeout.isPresent() ? vm.awaitExit(timeout.get()) : Optional.of(vm.awaitExit());
      if (exit.isEmpty()) {
        console.neverWait();
        end(vm, ExitCode.TIMEOUT, "ended: its time was up");
      }
      Ending outside = endedFromOutside.get();
      return exit.isPresent() && outside == null ? Ending.of(exit.get()) : outside;
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

  private void startInput(Vm vm, ConsoleOutput console, SerialPort serial) {
    ConsoleInput input = new ConsoleInput(stdio.in(), serial::offer);
    Thread.ofPlatform()
        .daemon()
        .name("console-input")
        .start(
            () -> {
              try {
                if (!stdio.isTerminal()) {
                  input.carry();
                } else if (input.carryKeys(this::help)) {
                  console.neverWait();
                  end(vm, ExitCode.QUIT, "ended by Ctrl-A x");
                }
              } catch (IOException | InterruptedException noMoreInput) {
                // As at the end of a file: the guest goes on without.
              }
            });
  }

  private void end(Vm vm, int exitCode, String description) {
    if (endedFromOutside.compareAndSet(null, new Ending(exitCode, description)) && vm != null) {
      vm.stop();
    }
  }

  private void help() {
    messages.print(HELP);
    messages.flush();
  }

  private void say(String message) {
    if (!quiet) {
      messages.println("torpor: " + message);
      messages.flush();
    }
  }
}
