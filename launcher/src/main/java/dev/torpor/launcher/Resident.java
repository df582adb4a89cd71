package dev.torpor.launcher;

import dev.torpor.launcher.control.ControlServer;
import dev.torpor.vmm.vm.Vm;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Optional;

/** A VM in the foreground, with its console and, if others may control it, its control socket. */
final class Resident implements AutoCloseable {
  private final String name;
  private final Optional<ControlServer> control;
  private final ConsoleOutput console;
  private final Vm vm;

  private Resident(String name, Optional<ControlServer> control, ConsoleOutput console, Vm vm) {
    this.name = name;
    this.control = control;
    this.console = console;
    this.vm = vm;
  }

  /**
   * Claims the name, then makes the VM. It does not run yet.
   *
   * @param output where the console goes, which stays the caller's
   * @param onBroken called once if the output takes nothing any more
   */
  static Resident admit(Newcomer newcomer, OutputStream output, Runnable onBroken)
      throws IOException, InterruptedException {
    Optional<ControlServer> control = Optional.empty();
    if (newcomer.store().isPresent()) {
      control =
          Optional.of(ControlServer.claim(newcomer.store().get().directory(), newcomer.name()));
    }
    ConsoleOutput console =
        new ConsoleOutput(
            output,
            onBroken,
            control.isPresent() ? ConsoleOutput.WhenFull.LOSE : ConsoleOutput.WhenFull.WAIT);
    try {
      Vm vm = newcomer.maker().make(console);
      control.ifPresent(
          server -> server.serve(new VmControl(newcomer.name(), vm, newcomer.store().get())));
      return new Resident(newcomer.name(), control, console, vm);
    } catch (IOException | InterruptedException | RuntimeException e) {
      console.close();
      if (control.isPresent()) {
        control.get().close();
      }
      throw e;
    }
  }

  String name() {
    return name;
  }

  Vm vm() {
    return vm;
  }

  ConsoleOutput console() {
    return console;
  }

  /** Requests under way come to their end first: a checkpoint becomes durable. */
  @Override
  public void close() throws IOException {
    try (console;
        vm) {
      if (control.isPresent()) {
        control.get().close();
      }
    }
  }
}
