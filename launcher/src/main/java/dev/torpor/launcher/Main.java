package dev.torpor.launcher;

import java.io.PrintWriter;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;

/** The entry point of {@code torpor}. */
@Command(
    name = "torpor",
    description = {
      "Runs virtual machines on KVM. It is written in Java, and starts no other program for it.",
    },
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {DoctorCommand.class},
    mixinStandardHelpOptions = true)
public final class Main {
  private Main() {}

  /**
   * Runs a command and ends the process with its exit code.
   *
   * @param arguments the command line
   */
  public static void main(String[] arguments) {
    System.exit(commandLine(System.getenv()).execute(arguments));
  }

  /** The commands, with errors told in one line. */
  static CommandLine commandLine(Map<String, String> environment) {
    boolean debug = environment.containsKey("TORPOR_DEBUG");
    return new CommandLine(new Main())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler((e, _) -> complain(e, debug))
        .setExecutionExceptionHandler((e, command, _) -> fail(command, e, debug));
  }

  private static int complain(ParameterException e, boolean debug) {
    CommandLine command = e.getCommandLine();
    String help = command.getCommandSpec().qualifiedName() + " --help";
    report(command, "%s (see '%s')".formatted(oneLine(e), help), e, debug);
    return ExitCode.USAGE;
  }

  private static int fail(CommandLine command, Exception e, boolean debug) {
    report(command, oneLine(e), e, debug);
    return ExitCode.HOST_FAILURE;
  }

  private static void report(CommandLine command, String message, Exception e, boolean debug) {
    PrintWriter err = command.getErr();
    err.println("torpor: " + message);
    if (debug) {
      e.printStackTrace(err);
    }
    err.flush();
  }

  private static String oneLine(Exception e) {
    String message = e.getMessage() == null ? e.toString() : e.getMessage();
    return message.strip().replaceAll("\\s*\\R\\s*", " ");
  }
}
