package dev.torpor.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A C program that measures when it is told to, so that it and we can take turns. */
final class Yardstick implements AutoCloseable {
  private static final int LAST_WORDS_SECONDS = 10;

  private final String name;
  private final Process process;
  private final Writer commands;
  private final BufferedReader answers;

  private Yardstick(String name, Process process) {
    this.name = name;
    this.process = process;
    this.commands = process.outputWriter(StandardCharsets.US_ASCII);
    this.answers = process.inputReader(StandardCharsets.US_ASCII);
  }

  /** Starts a yardstick of the tree at {@code home}. */
  static Yardstick start(Path home, YardstickCommand command) throws IOException {
    Path program = home.resolve("native/target/yardsticks").resolve(command.program());
    if (!Files.isExecutable(program)) {
      throw new IOException(program + " is not there: the build makes it, with gcc");
    }
    List<String> words = new ArrayList<>();
    words.add(program.toString());
    words.add(home.resolve("native/target/guests").toString());
    words.add("--stdin");
    words.addAll(command.options());
    Process process =
        new ProcessBuilder(words).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    return new Yardstick(command.program(), process);
  }

  /** Lets it take that many samples. */
  Distribution measure(int count) throws IOException {
    String answer = ask("go " + count + "\n");
    if (answer == null) {
      throw new IOException(name + " ended before it answered");
    }
    return new Distribution(
        (int) field(answer, "count"), field(answer, "p50Nanos"), field(answer, "p99Nanos"));
  }

  /** Null if it has ended, whether before it was asked or after. */
  private String ask(String question) throws IOException {
    try {
      commands.write(question);
      commands.flush();
    } catch (IOException e) {
      return null;
    }
    return answers.readLine();
  }

  private long field(String answer, String key) throws IOException {
    Matcher matcher = Pattern.compile('"' + key + "\": *([0-9]+)").matcher(answer);
    if (!matcher.find()) {
      throw new IOException(name + " answered without " + key + ": " + answer);
    }
    return Long.parseLong(matcher.group(1));
  }

  @Override
  public void close() {
    try {
      commands.close();
    } catch (IOException e) {
      process.destroyForcibly(); // what it was not told is told to nobody
    }
    try {
      if (!process.waitFor(LAST_WORDS_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
