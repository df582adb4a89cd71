package dev.torpor.launcher;

import dev.torpor.launcher.control.ErrorText;
import dev.torpor.vmm.checkpoint.GuestClock;
import dev.torpor.vmm.checkpoint.MemorySource;
import java.io.PrintWriter;
import java.lang.module.ModuleDescriptor;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.ParameterException;

/** The entry point of {@code torpor}. */
@Command(
    name = "torpor",
    description = "Runs virtual machines on KVM. A monitor in pure Java: no other program does it.",
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "Examples:",
      "  torpor demo",
      "  torpor run --kernel vmlinuz --initrd initrd.gz --cmdline console=ttyS0",
      "  torpor run --name web --kernel vmlinuz --disk root.ext4    # then, from another terminal:",
      "  torpor checkpoint web v1",
      "  torpor fork web --name web2",
      "  torpor revert web v1",
      "",
      "'torpor COMMAND --help' tells more. TORPOR_DEBUG=1 shows where an error comes from.",
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class)
public final class Main {
  private Main() {}

  /**
   * Runs a command and ends the process with its exit code.
   *
   * @param arguments the command line
   */
  public static void main(String[] arguments) {
    System.exit(commandLine(System.getenv(), Stdio.ofProcess()).execute(arguments));
  }

  /** The commands, with errors told in one line. */
  static CommandLine commandLine(Map<String, String> environment, Stdio stdio) {
    boolean debug = environment.containsKey("TORPOR_DEBUG");
    return new CommandLine(new Main())
        .addSubcommand(new RunCommand(stdio, environment))
        .addSubcommand(new CheckpointCommand(environment))
        .addSubcommand(new RestoreCommand(stdio, environment))
        .addSubcommand(new ForkCommand(stdio, environment))
        .addSubcommand(new RevertCommand(environment))
        .addSubcommand(new LogCommand(environment))
        .addSubcommand(new ShowCommand(environment))
        .addSubcommand(new RmCommand(environment))
        .addSubcommand(new DemoCommand(environment))
        .addSubcommand(new DoctorCommand())
        .registerConverter(ByteSize.class, new ByteSize.Converter())
        .registerConverter(DiskArgument.class, new DiskArgument.Converter())
        .registerConverter(Word.class, new Word.Converter())
        .registerConverter(GuestClock.class, new Hyphenated<>(GuestClock.class))
        .registerConverter(MemorySource.class, new Hyphenated<>(MemorySource.class))
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler((e, _) -> complain(e, debug))
        .setExecutionExceptionHandler((e, command, _) -> fail(command, e, debug));
  }

  /** The version that the build gave to the module. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {
        "torpor "
            + Optional.ofNullable(Main.class.getModule().getDescriptor())
                .flatMap(ModuleDescriptor::rawVersion)
                .orElse("(unpackaged)")
      };
    }
  }

  private static int complain(ParameterException e, boolean debug) {
    CommandLine command = e.getCommandLine();
    String help = command.getCommandSpec().qualifiedName() + " --help";
    report(command, "%s (see '%s')".formatted(ErrorText.of(e), help), e, debug);
    return ExitCode.USAGE;
  }

  private static int fail(CommandLine command, Exception e, boolean debug) {
    report(command, ErrorText.of(e), e, debug);
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
}
