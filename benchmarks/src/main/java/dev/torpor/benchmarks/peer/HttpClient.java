package dev.torpor.benchmarks.peer;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * As much of HTTP/1.1 as Firecracker's API needs, over a socket of the file system, which the JDK's
 * own client does not know. One thread at a time.
 */
final class HttpClient implements AutoCloseable {
  private static final Gson GSON = new Gson();
  private static final Pattern STATUS = Pattern.compile("HTTP/1\\.1 (\\d{3})( .*)?");
  private static final Pattern LENGTH = Pattern.compile("(?i)content-length: *(\\d{1,9})");
  private static final int MOST_HEADERS = 100;
  private static final int MOST_BODY_BYTES = 1 << 20;

  private final TimedLines lines;

  private HttpClient(TimedLines lines) {
    this.lines = lines;
  }

  /**
   * Connects.
   *
   * @param limit how long to wait for any answer
   */
  static HttpClient connect(Path socket, Duration limit) throws IOException {
    SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
    return new HttpClient(new TimedLines("Firecracker", channel, limit));
  }

  /**
   * Sends a request.
   *
   * @param body by name: anything that JSON can say
   * @return the body of the answer, which is empty if there is none
   * @throws PeerException if it was refused, with the reason
   */
  JsonObject request(String method, String path, Map<String, ?> body) throws IOException {
    String text = body.isEmpty() ? "" : GSON.toJson(body);
    lines.write(
        "%s %s HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n".formatted(method, path)
            + "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                .formatted(text.getBytes(StandardCharsets.UTF_8).length, text));
    int status = status();
    JsonObject answer = body();
    if (status / 100 != 2) {
      throw new PeerException(
          "Firecracker refused %s %s with %d: %s"
              .formatted(method, path, status, answer.get("fault_message")));
    }
    return answer;
  }

  private int status() throws IOException {
    String line = line();
    Matcher status = STATUS.matcher(line);
    if (!status.matches()) {
      throw new PeerException("Firecracker's answer is no HTTP/1.1: " + beginningOf(line));
    }
    return Integer.parseInt(status.group(1));
  }

  private JsonObject body() throws IOException {
    int length = 0;
    String line = line();
    for (int count = 0; !line.isEmpty(); line = line()) {
      Matcher matcher = LENGTH.matcher(line);
      length = matcher.matches() ? Integer.parseInt(matcher.group(1)) : length;
      if (++count > MOST_HEADERS || length > MOST_BODY_BYTES) {
        throw new PeerException("Firecracker's answer is too long");
      }
    }
    return length == 0 ? new JsonObject() : parse(lines.read(length));
  }

  private static JsonObject parse(String text) throws PeerException {
    try {
      JsonElement element = GSON.fromJson(text, JsonElement.class);
      if (element != null && element.isJsonObject()) {
        return element.getAsJsonObject();
      }
    } catch (JsonParseException e) {
      throw new PeerException("Firecracker sent no JSON: " + beginningOf(text), e);
    }
    throw new PeerException("Firecracker sent no JSON object: " + beginningOf(text));
  }

  private String line() throws IOException {
    Optional<String> line = lines.read();
    return line.orElseThrow(() -> new PeerException("Firecracker hung up instead of answering"));
  }

  private static String beginningOf(String text) {
    return text.substring(0, Math.min(text.length(), 100));
  }

  @Override
  public void close() throws IOException {
    lines.close();
  }
}
