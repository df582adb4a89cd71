package dev.torpor.launcher;

import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;

/** Runs commands as the shell would, with captured streams. */
final class Cli {
  /** Streams where nobody types and nobody reads. */
  static final Stdio NOBODY =
      new Stdio(InputStream.nullInputStream(), OutputStream.nullOutputStream(), false);

  private Cli() {}

  /** What a command left behind. */
  record Result(int exitCode, String out, String err) {
    /** Without how far it is, which is told where something takes over a second. */
    List<String> errLines() {
      return err.lines().filter(line -> !line.matches("torpor: .* \\([0-9]+ s\\)")).toList();
    }
  }

  static Result run(String... arguments) {
    return run(NOBODY, Map.of(), arguments);
  }

  static Result run(Stdio stdio, Map<String, String> environment, String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine command =
        Main.commandLine(environment, stdio)
            .setOut(new PrintWriter(out, true))
            .setErr(new PrintWriter(err, true));
    int exitCode = command.execute(arguments);
    return new Result(exitCode, out.toString(), err.toString());
  }
}
