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
  private static final Pattern SAMPLES = Pattern.compile("\"samplesNanos\":\\[([0-9,]+)]");
  private static final Pattern SEPARATOR = Pattern.compile(",");

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
    String answer = ask("all " + count + "\n");
    if (answer == null) {
      throw new IOException(name + " ended before it answered");
    }
    return Distribution.of(samples(answer, count));
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

  private long[] samples(String answer, int count) throws IOException {
    Matcher matcher = SAMPLES.matcher(answer);
    if (matcher.find()) {
      long[] samples =
          SEPARATOR.splitAsStream(matcher.group(1)).mapToLong(Long::parseLong).toArray();
      if (samples.length == count) {
        return samples;
      }
    }
    throw new IOException("%s answered without %d samples: %.200s".formatted(name, count, answer));
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
