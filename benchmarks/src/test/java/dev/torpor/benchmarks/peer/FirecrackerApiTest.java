package dev.torpor.benchmarks.peer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Firecracker's API as it is documented, spoken with somebody who plays Firecracker. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FirecrackerApiTest {
  private static final String DONE = "HTTP/1.1 204 \r\nServer: Firecracker API\r\n\r\n";
  private static final Pattern LENGTH = Pattern.compile("Content-Length: (\\d+)");

  @TempDir private Path folder;

  private final LinkedBlockingQueue<String> requests = new LinkedBlockingQueue<>();

  /** Answers each request alike. */
  private FakePeer answering(String answer) throws IOException {
    return new FakePeer(
        (in, out) -> {
          while (true) {
            requests.add(readRequest(in));
            out.write(answer.getBytes(UTF_8));
          }
        });
  }

  /** The request line, a blank, and the body. */
  private static String readRequest(InputStream in) throws IOException {
    String request = readLine(in);
    int length = 0;
    for (String line = readLine(in); !line.isEmpty(); line = readLine(in)) {
      Matcher matcher = LENGTH.matcher(line);
      length = matcher.matches() ? Integer.parseInt(matcher.group(1)) : length;
    }
    return request + " " + new String(in.readNBytes(length), UTF_8);
  }

  private static String readLine(InputStream in) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int next = in.read(); next != '\n'; next = in.read()) {
      if (next < 0) {
        throw new IOException("the client has gone");
      }
      line.append((char) next);
    }
    return line.toString().strip();
  }

  private static HttpClient connect(FakePeer peer) throws IOException {
    return HttpClient.connect(peer.socket(), Duration.ofSeconds(20));
  }

  private void assertRequested(String line, String body) throws InterruptedException {
    String request = requests.take();
    assertThat(request).startsWith(line + " HTTP/1.1 ");
    String sent = request.substring(line.length() + " HTTP/1.1 ".length());
    assertThat(JsonParser.parseString(sent)).isEqualTo(JsonParser.parseString(body));
  }

  @Test
  void bootsAGuestWhoseWritesAreTracked() throws Exception {
    try (FakePeer peer = answering(DONE);
        HttpClient http = connect(peer)) {
      new FirecrackerApi(http).boot(Path.of("/k.elf"), PeerGuest.usual(), true);
    }
    assertRequested(
        "PUT /boot-source",
        "{\"kernel_image_path\": \"/k.elf\","
            + " \"boot_args\": \"rdi=0x400000 rsi=0x3fc00000 rdx=2000 rcx=532480\"}");
    assertRequested(
        "PUT /machine-config",
        "{\"vcpu_count\": 1, \"mem_size_mib\": 1024, \"track_dirty_pages\": true}");
    assertRequested("PUT /actions", "{\"action_type\": \"InstanceStart\"}");
  }

  @Test
  void savesAPausedMachineAndLoadsIt() throws Exception {
    FirecrackerFiles files = new FirecrackerFiles(Path.of("/s"), Path.of("/m"));
    try (FakePeer peer = answering(DONE);
        HttpClient http = connect(peer)) {
      FirecrackerApi api = new FirecrackerApi(http);
      api.pause();
      api.save(true, files);
      api.save(false, files);
      api.resume();
      api.load(files);
    }
    assertRequested("PATCH /vm", "{\"state\": \"Paused\"}");
    for (String type : List.of("Full", "Diff")) {
      assertRequested(
          "PUT /snapshot/create",
          "{\"snapshot_type\": \"%s\", \"snapshot_path\": \"/s\", \"mem_file_path\": \"/m\"}"
              .formatted(type));
    }
    assertRequested("PATCH /vm", "{\"state\": \"Resumed\"}");
    assertRequested(
        "PUT /snapshot/load",
        "{\"snapshot_path\": \"/s\", \"resume_vm\": true,"
            + " \"mem_backend\": {\"backend_type\": \"File\", \"backend_path\": \"/m\"}}");
  }

  @Test
  void answersMayHaveABody() throws Exception {
    String body = "{\"firecracker_version\": \"1.7.0\"}";
    String answer =
        "HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s".formatted(body.length(), body);
    try (FakePeer peer = answering(answer);
        HttpClient http = connect(peer)) {
      FirecrackerApi api = new FirecrackerApi(http);
      assertThat(api.version()).isEqualTo("1.7.0");
      assertThat(api.version()).isEqualTo("1.7.0");
    }
  }

  @Test
  void refusalCarriesRequestAndReason() throws Exception {
    String body = "{\"fault_message\": \"no such file\"}";
    String answer =
        "HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%s".formatted(body.length(), body);
    try (FakePeer peer = answering(answer);
        HttpClient http = connect(peer)) {
      assertThatThrownBy(() -> new FirecrackerApi(http).pause())
          .hasMessage("Firecracker refused PATCH /vm with 400: \"no such file\"");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{]",
        "HTTP/1.1 400 Bad Request\r\n\r\n"
      })
  void whatIsNoAnswerIsRefused(String answer) throws Exception {
    try (FakePeer peer = answering(answer);
        HttpClient http = connect(peer)) {
      assertThatThrownBy(() -> http.request("PATCH", "/vm", Map.of("state", "Paused")))
          .isInstanceOf(PeerException.class)
          .hasMessageStartingWith("Firecracker");
    }
  }

  @Test
  void endlessHeadersAreRefused() throws Exception {
    try (FakePeer peer = answering("HTTP/1.1 200 OK\r\n" + "a: b\r\n".repeat(101));
        HttpClient http = connect(peer)) {
      assertThatThrownBy(() -> new FirecrackerApi(http).resume())
          .hasMessage("Firecracker's answer is too long");
    }
  }

  @Test
  void anAnswerThatIsCutOffIsRefused() throws Exception {
    String half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\"";
    try (FakePeer peer =
            new FakePeer(
                (in, out) -> {
                  readRequest(in);
                  out.write(half.getBytes(UTF_8));
                  out.flush();
                });
        HttpClient http = connect(peer)) {
      assertThatThrownBy(() -> new FirecrackerApi(http).resume())
          .hasMessage("Firecracker hung up after 4 of 9 bytes");
    }
  }

  @Test
  void aProgramThatIsNotFirecrackerLeavesColumnsEmptyAndSaysWhy() {
    List<String> told = new ArrayList<>();
    FirecrackerPeer peer =
        new FirecrackerPeer(
            Path.of("/bin/false"), Path.of("k"), folder, PeerGuest.usual(), told::add);
    assertThat(peer.all(1)).isEmpty();
    assertThat(told)
        .hasSize(3)
        .allMatch(line -> line.startsWith("firecracker ") && line.contains("it has not started"));
    assertThat(folder).isEmptyDirectory();
  }
}
