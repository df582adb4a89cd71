package dev.torpor.benchmarks.peer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever comes over the socket, a client answers with a result or an error that says why. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class QmpClientTest {
  private static final String GREETING = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n";
  private static final String STOP =
      "{\"event\": \"STOP\", \"timestamp\": {\"seconds\": 7, \"microseconds\": 250}}\r\n";
  private static final Duration LIMIT = Duration.ofSeconds(20);

  /** Talks to one client as QEMU does until the first command, which gets this answer. */
  private static FakePeer answering(String answer) throws IOException {
    return new FakePeer(
        (in, out) -> {
          negotiate(in, out);
          say(out, answer);
          in.transferTo(OutputStream.nullOutputStream());
        });
  }

  private static void negotiate(InputStream in, OutputStream out) throws IOException {
    say(out, GREETING);
    readLine(in);
    say(out, "{\"return\": {}, \"id\": 1}\r\n");
    readLine(in);
  }

  private static String readLine(InputStream in) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int next = in.read(); next != '\n'; next = in.read()) {
      if (next < 0) {
        throw new IOException("the client has gone");
      }
      line.append((char) next);
    }
    return line.toString();
  }

  private static void say(OutputStream out, String text) throws IOException {
    out.write(text.getBytes(UTF_8));
  }

  private static QmpClient connect(FakePeer peer) throws IOException {
    return QmpClient.connect(peer.socket(), LIMIT);
  }

  private static void assertRefused(String answer, String reason) throws IOException {
    try (FakePeer peer = answering(answer);
        QmpClient client = connect(peer)) {
      assertThatThrownBy(() -> client.execute("query-status"))
          .isInstanceOf(PeerException.class)
          .hasMessageContaining(reason);
    }
  }

  @Test
  void sendsCommandAndArgumentsAsOneObjectOnOneLine() throws Exception {
    LinkedBlockingQueue<String> received = new LinkedBlockingQueue<>();
    try (FakePeer peer =
            new FakePeer(
                (in, out) -> {
                  say(out, GREETING);
                  received.add(readLine(in));
                  say(out, "{\"return\": {}, \"id\": 1}\n");
                  received.add(readLine(in));
                  say(out, "{\"return\": [5], \"id\": 2}\n");
                });
        QmpClient client = connect(peer)) {
      assertThat(client.execute("migrate", Map.of("uri", "exec:cat >'a\nb'")).toString())
          .isEqualTo("[5]");
    }
    JsonObject first = JsonParser.parseString(received.take()).getAsJsonObject();
    assertThat(first.get("execute").getAsString()).isEqualTo("qmp_capabilities");
    JsonObject second = JsonParser.parseString(received.take()).getAsJsonObject();
    assertThat(second.get("execute").getAsString()).isEqualTo("migrate");
    assertThat(second.getAsJsonObject("arguments").get("uri").getAsString())
        .isEqualTo("exec:cat >'a\nb'");
  }

  @Test
  void putsAReplyTogetherThatComesByteByByte() throws Exception {
    try (FakePeer peer =
            new FakePeer(
                (in, out) -> {
                  negotiate(in, out);
                  for (byte each :
                      "{\"return\": {\"status\": \"\u00fcber\"}, \"id\": 2}\r\n".getBytes(UTF_8)) {
                    out.write(each);
                    out.flush();
                  }
                  in.transferTo(OutputStream.nullOutputStream());
                });
        QmpClient client = connect(peer)) {
      JsonObject result = client.execute("query-status").getAsJsonObject();
      assertThat(result.get("status").getAsString()).isEqualTo("\u00fcber");
    }
  }

  @Test
  void keepsEventsThatComeBeforeAReplyAndForgetsThemWhenTold() throws Exception {
    String resume = STOP.replace("STOP", "RESUME").replace("250", "900");
    try (FakePeer peer = answering(STOP + "{\"return\": {}, \"id\": 2}\n" + resume);
        QmpClient client = connect(peer)) {
      client.execute("stop");
      assertThat(client.await("RESUME").atMicros()).isEqualTo(7_000_900);
      assertThat(client.await("STOP").atMicros()).isEqualTo(7_000_250);
      client.forgetEvents();
    }
  }

  @Test
  void eventsForgottenAreAwaitedAnew() throws Exception {
    try (FakePeer peer = answering(STOP + "{\"return\": {}, \"id\": 2}\n");
        QmpClient client = QmpClient.connect(peer.socket(), Duration.ofMillis(200))) {
      client.execute("stop");
      client.forgetEvents();
      assertThatThrownBy(() -> client.await("STOP")).hasMessageContaining("said nothing");
    }
  }

  @Test
  void refusalCarriesCommandAndReason() throws Exception {
    String error = "{\"error\": {\"class\": \"GenericError\", \"desc\": \"not now\"}, \"id\": 2}\n";
    assertRefused(error, "QEMU refused query-status: \"not now\"");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"return\": {}, \"id\": 3}",
        "{\"return\": {}}",
        "{\"id\": 2}",
        "[1, 2]",
        "null",
        "",
        "{\"return\": {}, \"id\": 2",
        "{'return': {}, 'id': 2}",
        "{\"event\": 5}",
        "{\"event\": \"STOP\"}",
        "{\"event\": \"STOP\", \"timestamp\": []}",
        "{\"event\": \"STOP\", \"timestamp\": {\"seconds\": \"x\", \"microseconds\": 1}}",
        "{\"event\": \"STOP\", \"data\": 1, \"timestamp\": {\"seconds\": 1, \"microseconds\": 1}}",
        "{\"error\": 7}"
      })
  void whatIsNoAnswerIsRefused(String answer) throws Exception {
    assertRefused(answer + "\n", "QEMU");
  }

  @Test
  void whatIsNotQemuIsRefused() throws Exception {
    try (FakePeer peer = new FakePeer((in, out) -> say(out, "{\"SSH\": 2}\n"))) {
      assertThatThrownBy(() -> connect(peer)).hasMessageContaining("what answers is not QEMU");
    }
  }

  @Test
  void aPeerThatHangsUpIsNotWaitedFor() throws Exception {
    try (FakePeer peer =
            new FakePeer(
                (in, out) -> {
                  negotiate(in, out);
                  say(out, "{\"return\"");
                });
        QmpClient client = connect(peer)) {
      assertThatThrownBy(() -> client.execute("cont")).hasMessageContaining("hung up");
    }
  }

  @Test
  void aPeerThatSaysNothingIsWaitedForNoLongerThanTold() throws Exception {
    try (FakePeer peer = answering("");
        QmpClient client = QmpClient.connect(peer.socket(), Duration.ofMillis(200))) {
      assertThatThrownBy(() -> client.execute("cont")).hasMessage("QEMU said nothing for 200 ms");
    }
  }

  @Test
  void aLineMayBeLongButNotEndless() throws Exception {
    String beginning = "{\"id\": 2, \"return\": \"";
    String end = "\"}";
    String most = "x".repeat(TimedLines.MAX_LINE_BYTES - beginning.length() - end.length());
    try (FakePeer peer = answering(beginning + most + end + "\n");
        QmpClient client = connect(peer)) {
      assertThat(client.execute("query-status").getAsString()).isEqualTo(most);
    }
    assertRefused(beginning + most + "x" + end + "\n", "more than 1048576 bytes");
  }

  @Test
  void deepNestingIsRefused() throws Exception {
    assertRefused("[".repeat(500_000) + "\n", "QEMU sent no JSON");
  }

  @Test
  void tooManyEventsAreRefused() throws Exception {
    assertRefused(STOP.repeat(10_001), "more than 10000 events");
  }

  @Property(tries = 200)
  void anyBytesGiveAResultOrAnError(@ForAll @Size(max = 40) List<Byte> bytes) throws Exception {
    byte[] answer = new byte[bytes.size() + 1];
    for (int i = 0; i < bytes.size(); i++) {
      answer[i] = bytes.get(i);
    }
    answer[bytes.size()] = '\n';
    try (FakePeer peer =
            new FakePeer(
                (in, out) -> {
                  negotiate(in, out);
                  out.write(answer);
                });
        QmpClient client = connect(peer)) {
      assertThatThrownBy(() -> client.execute("query-status")).isInstanceOf(IOException.class);
    }
  }

  /** Answers as QEMU would, and keeps what it was told. */
  static final class Script {
    private final LinkedBlockingQueue<JsonObject> commands = new LinkedBlockingQueue<>();
    private final Map<String, String> events;

    /** Events follow the commands that they belong to. */
    Script(Map<String, String> events) {
      this.events = events;
    }

    FakePeer start() throws IOException {
      return new FakePeer(this::talk);
    }

    private void talk(InputStream in, OutputStream out) throws IOException {
      say(out, GREETING);
      BufferedReader lines = new BufferedReader(new InputStreamReader(in, UTF_8));
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        JsonObject command = JsonParser.parseString(line).getAsJsonObject();
        String name = command.get("execute").getAsString();
        commands.add(command);
        String result =
            switch (name) {
              case "query-status" -> "{\"status\": \"postmigrate\"}";
              case "query-jobs" -> "[]";
              default -> "{}";
            };
        say(out, "{\"return\": %s, \"id\": %s}\n".formatted(result, command.get("id")));
        say(out, events.getOrDefault(name, ""));
      }
    }

    /** What it was told after the negotiation, in order. */
    List<String> told() {
      return commands.stream().skip(1).map(each -> each.get("execute").getAsString()).toList();
    }

    String told(String command, String argument) {
      return commands.stream()
          .filter(each -> each.get("execute").getAsString().equals(command))
          .map(each -> each.getAsJsonObject("arguments").get(argument).toString())
          .findFirst()
          .orElseThrow();
    }
  }
}
