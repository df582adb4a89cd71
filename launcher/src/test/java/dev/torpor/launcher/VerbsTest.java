package dev.torpor.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.torpor.testing.KvmTest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The verbs, typed as a person would, on a VM that another process runs: one that checks itself.
 */
@KvmTest
@Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class VerbsTest {
  private static final String UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";

  @TempDir private Path folder;

  @Test
  void aVmIsCheckpointedAndTakenBackInPlace() throws Exception {
    try (VmProcess vm = start("a")) {
      JsonObject first = checkpoint("a", "v1");
      assertThat(first.keySet())
          .containsExactly(
              "name",
              "uuid",
              "parent",
              "pauseMicros",
              "dirtyPages",
              "storedBytes",
              "durableMillis",
              "label",
              "created",
              "vm");
      assertThat(first.get("name").getAsString()).isEqualTo("a/v1");
      assertThat(first.get("uuid").getAsString()).matches(UUID);
      assertThat(first.get("parent").isJsonNull()).isTrue();
      assertThat(first.get("dirtyPages").getAsLong()).isPositive();
      assertThat(first.get("storedBytes").getAsLong()).isPositive();
      JsonObject second = checkpoint("a", "v2");
      assertThat(second.get("parent")).isEqualTo(first.get("uuid"));
      assertThat(vm.ask("status").get("parent")).isEqualTo(second.get("uuid"));

      assertThat(ok("revert", "a", "v1")).startsWith("a is at a/v1 again, after ");

      assertThat(vm.ask("status").get("parent")).isEqualTo(first.get("uuid"));
      assertThat(vm.ask("status").get("state").getAsString()).isEqualTo("running");
      JsonObject third = checkpoint("a", "v3");
      assertThat(third.get("parent")).isEqualTo(first.get("uuid"));
      assertThat(third.get("dirtyPages").getAsLong()).as("it runs again").isPositive();

      JsonArray log = JsonParser.parseString(ok("log", "--json")).getAsJsonArray();
      assertThat(log).containsExactly(first, second, third);
      assertThat(ok("log", "a").lines())
          .satisfiesExactly(
              line -> assertThat(line).matches("VM +LABEL +UUID +PARENT +AGE +PAUSE .*"),
              line -> assertThat(line).matches("a +v1 +[0-9a-f]{8} +- +.*"),
              line -> assertThat(line).matches("a +v2 +[0-9a-f]{8} +a/v1 +.*"),
              line -> assertThat(line).matches("a +v3 +[0-9a-f]{8} +a/v1 +.*"));
      assertThat(ok("show", "a/v2"))
          .startsWith("a/v2")
          .contains(second.get("uuid").getAsString(), first.get("uuid").getAsString())
          .contains("64.0 MiB", "not recorded");
      assertThat(vm.ask("stop").get("state").getAsString()).isEqualTo("stopped");
      assertThat(vm.exitCode()).isEqualTo(130);
      assertThat(vm.errors()).matches("torpor: stopped by the host after [0-9.]+ s\\R");
    }
  }

  @Test
  void aChildBeginsWhereItsParentIsAndBothRunOn() throws Exception {
    try (VmProcess parent = start("a");
        VmProcess child = VmProcess.start(folder, "b", "fork", "a")) {
      JsonObject origin = json("show", "a/fork-b").getAsJsonObject("checkpoint");
      assertThat(child.ask("status").get("parent")).isEqualTo(origin.get("uuid"));

      JsonObject ofChild = checkpoint("b", "later");
      JsonObject ofParent = checkpoint("a", "later");

      assertThat(ofChild.get("parent")).isEqualTo(origin.get("uuid"));
      assertThat(ofParent.get("parent")).isEqualTo(origin.get("uuid"));
      awaitWrites("b");
      awaitWrites("a");
      parent.ask("stop");
      child.ask("stop");
      assertThat(parent.exitCode()).as(parent.errors()).isEqualTo(130);
      assertThat(child.exitCode()).as(child.errors()).isEqualTo(130);
    }
  }

  /** A guest that runs writes sooner or later, on a busy host later; the test has a time limit. */
  private void awaitWrites(String vm) throws Exception {
    for (int i = 0; checkpoint(vm, "write-" + i).get("dirtyPages").getAsLong() == 0; i++) {
      TimeUnit.MILLISECONDS.sleep(20);
    }
  }

  @Test
  void severalVmsAreMadeOfOneCheckpointWithEitherMemorySource() throws Exception {
    checkpointOfEndedVm();
    for (String source : List.of("mapped", "paged")) {
      Cli.Result result =
          run(
              "restore",
              "a/v1",
              "--name",
              "c",
              "-n",
              "2",
              "--timeout",
              "2",
              "--memory-source",
              source);
      assertThat(result.exitCode()).as(result.err()).isEqualTo(124);
      assertThat(result.errLines())
          .satisfiesExactly(
              line -> assertThat(line).startsWith("torpor: c-1 ended: its time was up"),
              line -> assertThat(line).startsWith("torpor: c-2 ended: its time was up"));
    }
  }

  @Test
  void aRecordedWorkingSetIsShown() throws Exception {
    checkpointOfEndedVm();
    assertThat(
            run("restore", "a/v1", "--name", "c", "--timeout", "3", "--record-working-set", "1")
                .exitCode())
        .isEqualTo(124);
    assertThat(json("show", "a/v1").get("workingSetPages").getAsLong()).isPositive();
  }

  @Test
  void aNameThatRunsIsNotTakenTwiceAndThatOfAKilledProcessIsFree() throws Exception {
    try (VmProcess vm = start("a")) {
      Cli.Result second = run("run", "--flat", "spin", "--memory", "8M", "--name", "a");
      assertThat(second.exitCode()).isEqualTo(1);
      assertThat(second.errLines())
          .singleElement()
          .asString()
          .contains("VM 'a' already runs (process ");
      checkpoint("a", "still-there");
      vm.kill();
    }
    Cli.Result gone = run("checkpoint", "a");
    assertThat(gone.exitCode()).isEqualTo(1);
    assertThat(gone.errLines()).singleElement().asString().contains("no VM 'a' runs");
    try (VmProcess vm = start("a")) {
      assertThat(vm.ask("status").get("state").getAsString()).isEqualTo("running");
    }
  }

  @Test
  void whatIsRemovedIsGoneAndItsChildrenStay() throws Exception {
    try (VmProcess vm = start("a")) {
      checkpoint("a", "v1");
      checkpoint("a", "v2");
      vm.kill();
    }
    assertThat(ok("rm", "a/v1")).startsWith("removed a/v1: ");
    Cli.Result gone = run("show", "a/v1");
    assertThat(gone.exitCode()).isEqualTo(1);
    assertThat(gone.errLines()).singleElement().asString().contains("a/v1").contains("torpor log");
    assertThat(ok("log")).contains("(removed)");
    assertThat(run("restore", "a/v2", "--name", "c", "--timeout", "1").exitCode()).isEqualTo(124);

    assertThat(ok("rm", "a/v2")).matches("removed a/v2: [0-9.]+ [KM]iB freed\\R");
    assertThat(JsonParser.parseString(ok("log", "--json")).getAsJsonArray()).isEmpty();
  }

  @Test
  void aVmsDisksOutliveItUntilTheyAreRemoved() throws Exception {
    Path disk = Files.write(folder.resolve("disk.raw"), new byte[1 << 20]);
    folder = folder.resolve("store");
    Path state = folder.resolve("vms/a/disk0.state");
    String[] spin = {"run", "--flat", "spin", "--memory", "8M", "--disk", disk.toString()};
    try (VmProcess vm = VmProcess.start(folder, "a", spin)) {
      assertThat(failure("rm", "--disks", "a")).contains("in use by another VM");
      checkpoint("a", "v1");
      vm.kill();
    }
    assertThat(state).exists();
    assertThat(run("restore", "a/v1", "--name", "c", "--timeout", "1").exitCode()).isEqualTo(124);
    assertThat(folder.resolve("vms/c/disk0.state")).exists();
    ok("rm", "a/v1");
    assertThat(failure("rm", "a")).contains("'torpor rm --disks a' removes that VM's disks");
    VmProcess.start(folder, "a", spin).close(); // it goes on with them

    assertThat(ok("rm", "--disks", "a", "c")).startsWith("removed the disks of a: ");

    assertThat(state).doesNotExist();
    assertThat(layers()).isEmpty();
    assertThat(failure("rm", "--disks", "a")).contains("VM 'a' has no disks");
    assertThat(failure("rm", "a")).doesNotContain("--disks");
    assertThat(run("rm", "--disks", "x/y").exitCode()).isEqualTo(2);
  }

  @Test
  void aDamagedCheckpointIsNotRestoredAndTheFileIsNamed() throws Exception {
    checkpointOfEndedVm();
    for (Path layer : layers()) {
      flipByteInTheMiddle(layer);
    }
    for (String source : List.of("mapped", "paged")) {
      Cli.Result result =
          run("restore", "a/v1", "--name", "c", "--timeout", "60", "--memory-source", source);
      assertThat(result.exitCode()).as(result.err()).isEqualTo(1);
      assertThat(result.errLines())
          .singleElement()
          .asString()
          .contains(".layer at byte ")
          .contains("expected ");
    }
  }

  @Test
  void aRequestThatCannotBeDoneIsToldInOneLine() throws Exception {
    try (VmProcess vm = start("a")) {
      assertThat(failure("revert", "a", "nosuch")).contains("VM 'a': ").contains("nosuch");
      checkpoint("a", "v1");
      assertThat(failure("checkpoint", "a", "v1")).contains("there is a checkpoint a/v1 already");
      assertThat(failure("checkpoint", "a", "x/y")).contains("'x/y' is no label");
      assertThat(vm.ask("status").get("state").getAsString()).isEqualTo("running");
    }
  }

  private VmProcess start(String name) throws Exception {
    return VmProcess.start(folder, name, "run", "--flat", "memory-check", "--memory", "64M");
  }

  private void checkpointOfEndedVm() throws Exception {
    try (VmProcess vm = start("a")) {
      checkpoint("a", "v1");
      vm.ask("stop");
      assertThat(vm.exitCode()).isEqualTo(130);
    }
  }

  private JsonObject checkpoint(String vm, String label) {
    return json("checkpoint", vm, label);
  }

  private JsonObject json(String... arguments) {
    List<String> command = new ArrayList<>(List.of(arguments));
    command.add("--json");
    return JsonParser.parseString(ok(command.toArray(String[]::new))).getAsJsonObject();
  }

  private String ok(String... arguments) {
    Cli.Result result = run(arguments);
    assertThat(result.exitCode()).as(result.err()).isZero();
    return result.out();
  }

  private String failure(String... arguments) {
    Cli.Result result = run(arguments);
    assertThat(result.exitCode()).isEqualTo(1);
    assertThat(result.errLines()).hasSize(1);
    return result.err();
  }

  private Cli.Result run(String... arguments) {
    List<String> command = new ArrayList<>(List.of(arguments));
    command.addAll(List.of("--store", folder.toString()));
    return Cli.run(command.toArray(String[]::new));
  }

  private List<Path> layers() throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve("layers"))) {
      return files.filter(file -> file.toString().endsWith(".layer")).toList();
    }
  }

  private static void flipByteInTheMiddle(Path file) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer one = ByteBuffer.allocate(1);
      long offset = channel.size() / 2;
      channel.read(one, offset);
      one.put(0, (byte) ~one.get(0)).flip();
      channel.write(one, offset);
    }
  }
}
