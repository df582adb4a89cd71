package dev.torpor.launcher;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The entry point of {@code torpor}. */
@Command(
    name = "torpor",
    description = "Runs virtual machines on KVM.",
    mixinStandardHelpOptions = true)
public final class Main {
  private Main() {}

  /**
   * Runs a command and ends the process with its exit code.
   *
   * @param arguments the command line
   */
  public static void main(String[] arguments) {
    System.exit(new CommandLine(new Main()).execute(arguments));
  }
}
