package dev.torpor.launcher.control;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A control socket answers whoever keeps to the protocol, whatever others send. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ControlServerTest {
  @TempDir private Path folder;
  private Path store;
  private ControlServer server;
  private final CountDownLatch slowBegun = new CountDownLatch(1);
  private final CountDownLatch slowMayEnd = new CountDownLatch(1);

  @BeforeEach
  void begin() throws IOException {
    store = folder.resolve("store");
    server = serve(store, "vm");
  }

  @AfterEach
  void close() throws IOException {
    slowMayEnd.countDown();
    server.close();
  }

  private ControlServer serve(Path folder, String name) throws IOException {
    ControlServer claimed = ControlServer.claim(folder, name);
    claimed.serve(this::handle);
    return claimed;
  }

  private JsonObject handle(JsonObject request, Consumer<String> progress) throws Exception {
    switch (Json.text(request, "command").orElse("")) {
      case "echo" -> {}
      case "stages" -> List.of("one", "two").forEach(progress);
      case "slow" -> {
        slowBegun.countDown();
        slowMayEnd.await();
      }
      case "fail" -> throw new IllegalStateException("first line\n  second line");
      default -> throw new IllegalArgumentException("unknown command");
    }
    JsonObject result = new JsonObject();
    result.add("got", request.get("text"));
    return result;
  }

  private static JsonObject request(String command) {
    JsonObject request = new JsonObject();
    request.addProperty("command", command);
    return request;
  }

  private void requireAlive() throws IOException {
    try (ControlClient client = ControlClient.connect(store, "vm")) {
      JsonObject request = request("echo");
      request.addProperty("text", "ünï \" \n");
      assertThat(client.call(request, _ -> {}).get("got").getAsString()).isEqualTo("ünï \" \n");
    }
  }

  @Test
  void aClientGetsTheStagesInOrderAndThenTheResult() throws Exception {
    List<String> stages = new ArrayList<>();
    try (ControlClient client = ControlClient.connect(store, "vm")) {
      client.call(request("stages"), stages::add);
      client.call(request("echo"), stages::add);
    }
    assertThat(stages).containsExactly("one", "two");
  }

  @Test
  void aFailureIsToldInOneLineAndTheConnectionGoesOn() throws Exception {
    try (ControlClient client = ControlClient.connect(store, "vm")) {
      assertThatThrownBy(() -> client.call(request("fail"), _ -> {}))
          .isInstanceOf(ControlException.class)
          .hasMessage("VM 'vm': first line second line");
      assertThat(client.call(request("echo"), _ -> {}).has("got")).isTrue();
    }
  }

  @Test
  void oneClientIsServedWhileAnotherWaits() throws Exception {
    try (SocketChannel slow = connect()) {
      send(slow, "{\"command\": \"slow\", \"id\": 7}\n");
      slowBegun.await();
      requireAlive();
      slowMayEnd.countDown();
      assertThat(receiveLine(slow)).contains("\"id\":7").contains("\"result\"");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "hello | not JSON",
        "{'command': 'echo'} | not JSON",
        "{\"command\": \"echo\"} x | not JSON",
        "[1, 2] | not a JSON object",
        "null | not a JSON object",
        "{} | unknown command",
        "{\"command\": 3} | must be a string, not 3",
        "{\"command\": \"no\\u0000such\"} | unknown command",
      })
  void aBadRequestGetsAnErrorAndTheConnectionGoesOn(String line, String expected) throws Exception {
    try (SocketChannel client = connect()) {
      send(client, line + "\n");
      assertThat(receiveLine(client)).startsWith("{\"error\":").contains(expected);
      send(client, "{\"command\": \"echo\"}\n");
      assertThat(receiveLine(client)).startsWith("{\"result\":");
    }
  }

  @Test
  void nestingWithoutEndIsAnError() throws Exception {
    try (SocketChannel client = connect()) {
      send(client, "{\"a\":".repeat(10_000) + "\n");
      assertThat(receiveLine(client)).startsWith("{\"error\":");
    }
    requireAlive();
  }

  @Test
  void aLineWithoutEndIsCutOffWithAnError() throws Exception {
    try (SocketChannel client = connect()) {
      Thread sender =
          Thread.ofVirtual().start(() -> trySend(client, "x".repeat(10 << 20).getBytes(UTF_8)));
      assertThat(receiveLine(client)).startsWith("{\"error\":").contains("65536 bytes");
      sender.join();
    }
    requireAlive();
  }

  @Test
  void bytesThatAreNoTextAreAnError() throws Exception {
    try (SocketChannel client = connect()) {
      client.write(ByteBuffer.wrap("{\"text\": \"\u00ff\"}\n".getBytes(ISO_8859_1)));
      assertThat(receiveLine(client)).contains("a line must be UTF-8");
    }
    requireAlive();
  }

  @Test
  void randomBytesHarmNobody() throws Exception {
    Random random = new Random(4711);
    for (int i = 0; i < 200; i++) {
      byte[] noise = new byte[random.nextInt(3000)];
      random.nextBytes(noise);
      try (SocketChannel client = connect()) {
        trySend(client, noise);
      }
    }
    requireAlive();
  }

  @Test
  void requestsThatAreCutOffAnywhereHarmNobody() throws Exception {
    String request = "{\"command\": \"stages\", \"id\": \"ü\"}\n";
    byte[] bytes = request.getBytes(UTF_8);
    for (int length = 0; length <= bytes.length; length++) {
      try (SocketChannel client = connect()) {
        client.write(ByteBuffer.wrap(bytes, 0, length));
      }
    }
    requireAlive();
  }

  @Test
  void aClientThatVanishesWhileItsRequestIsUnderWayHarmsNobody() throws Exception {
    try (SocketChannel client = connect()) {
      send(client, "{\"command\": \"slow\"}\n");
      slowBegun.await();
    }
    requireAlive();
    slowMayEnd.countDown();
    requireAlive();
  }

  @Test
  void oneClientTooManyIsToldSoAndTheOthersGoOn() throws Exception {
    List<SocketChannel> clients = new ArrayList<>();
    try {
      for (int i = 0; i < ControlServer.MAX_CLIENTS; i++) {
        clients.add(connect());
        send(clients.get(i), "{\"command\": \"echo\"}\n");
        assertThat(receiveLine(clients.get(i))).startsWith("{\"result\":");
      }
      try (SocketChannel tooMany = connect()) {
        assertThat(receiveLine(tooMany)).contains("64 clients are connected");
      }
      send(clients.getFirst(), "{\"command\": \"echo\"}\n");
      assertThat(receiveLine(clients.getFirst())).startsWith("{\"result\":");
    } finally {
      for (SocketChannel client : clients) {
        client.close();
      }
    }
  }

  @Test
  void closingLetsARequestUnderWayComeToItsEnd() throws Exception {
    try (SocketChannel client = connect()) {
      send(client, "{\"command\": \"slow\"}\n");
      slowBegun.await();
      Thread closer =
          Thread.ofPlatform().start(() -> assertThat(catchThrowable(server::close)).isNull());
      assertThat(closer.join(Duration.ofMillis(100))).isFalse();
      slowMayEnd.countDown();
      assertThat(receiveLine(client)).startsWith("{\"result\":");
      closer.join(TimeUnit.SECONDS.toMillis(30));
    }
    assertThatThrownBy(() -> ControlClient.connect(store, "vm"))
        .hasMessageContaining("no VM 'vm' runs");
    assertThat(store.resolve("run")).isDirectoryNotContaining("glob:**.{sock,json}");
  }

  @Test
  void onlyTheOwnerMayConnect() throws Exception {
    assertThat(Files.getPosixFilePermissions(store.resolve("run/vm.sock")))
        .isEqualTo(PosixFilePermissions.fromString("rw-------"));
    assertThat(Files.getPosixFilePermissions(store.resolve("run")))
        .isEqualTo(PosixFilePermissions.fromString("rwx------"));
  }

  @Test
  void aNameThatIsTakenIsRefusedAndItsOwnerGoesOn() throws Exception {
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> serve(store, "vm"))
          .isInstanceOf(ControlException.class)
          .hasMessageContaining("VM 'vm' already runs (process " + ProcessHandle.current().pid());
    }
    requireAlive();
  }

  @Test
  void whoConnectsBeforeTheVmIsThereIsServedThen() throws Exception {
    try (ControlServer early = ControlServer.claim(store, "early");
        ControlClient client = ControlClient.connect(store, "early")) {
      early.serve(this::handle);
      assertThat(client.call(request("echo"), _ -> {}).has("got")).isTrue();
    }
  }

  @Test
  void aNameThatWasGivenBackCanBeTakenAgain() throws Exception {
    server.close();
    server = serve(store, "vm");
    requireAlive();
  }

  @Test
  void whatADeadProcessLeftIsReplaced() throws Exception {
    Path run = store.resolve("run");
    try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      dead.bind(UnixDomainSocketAddress.of(run.resolve("ghost.sock")));
    }
    Files.writeString(
        run.resolve("ghost.json"),
        Files.readString(run.resolve("vm.json")).replace("vm.sock", "ghost.sock"));
    Files.createFile(run.resolve("ghost.lock"));
    assertThatThrownBy(() -> ControlClient.connect(store, "ghost"))
        .isInstanceOf(ControlException.class)
        .hasMessageContaining("no VM 'ghost' runs");

    try (ControlServer _ = serve(store, "ghost");
        ControlClient client = ControlClient.connect(store, "ghost")) {
      assertThat(client.call(request("echo"), _ -> {}).has("got")).isTrue();
    }
  }

  @Test
  void aPathThatIsTooLongForASocketIsReachedByAShortOne() throws Exception {
    Path deep = folder.resolve("d".repeat(100)).resolve("e".repeat(100));
    try (ControlServer _ = serve(deep, "vm");
        ControlClient client = ControlClient.connect(deep, "vm")) {
      assertThat(client.call(request("echo"), _ -> {}).has("got")).isTrue();
      Path socket = Residence.socket(deep, "vm").orElseThrow();
      assertThat(socket.toString().length()).isLessThanOrEqualTo(107);
      assertThat(Files.getPosixFilePermissions(socket.getParent()))
          .isEqualTo(PosixFilePermissions.fromString("rwx------"));
    }
  }

  private SocketChannel connect() throws IOException {
    return SocketChannel.open(UnixDomainSocketAddress.of(store.resolve("run/vm.sock")));
  }

  private static void send(SocketChannel channel, String text) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(UTF_8));
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  /** Sends as much as the server takes before it hangs up. */
  private static void trySend(SocketChannel channel, byte[] bytes) {
    try {
      channel.write(ByteBuffer.wrap(bytes));
    } catch (IOException hungUp) {
      // What becomes of the server is what counts.
    }
  }

  private static String receiveLine(SocketChannel channel) throws IOException {
    StringBuilder line = new StringBuilder();
    ByteBuffer one = ByteBuffer.allocate(1);
    while (channel.read(one.clear()) == 1) {
      if (one.get(0) == '\n') {
        return line.toString();
      }
      line.append((char) one.get(0));
    }
    throw new IOException("the connection ended after '" + line + "'");
  }
}
