package dev.torpor.launcher;

import dev.torpor.vmm.device.ConsoleSession;
import java.util.List;

/** One keyboard for the VMs in the foreground: the keys go to one of them at a time. */
final class Keyboard implements ConsoleSession.Input, ConsoleInput.Commands {
  private final List<Resident> residents;
  private final Runnable help;
  private int current;

  Keyboard(List<Resident> residents, Runnable help) {
    this.residents = List.copyOf(residents);
    this.help = help;
  }

  @Override
  public int offer(byte[] source, int offset, int byteCount) {
    return residents
        .get(current)
        .vm()
        .serialPort()
        .map(port -> port.offer(source, offset, byteCount))
        .orElse(byteCount); // nobody reads there
  }

  @Override
  public void help() {
    help.run();
  }

  @Override
  public void next() {
    current = (current + 1) % residents.size();
  }
}
