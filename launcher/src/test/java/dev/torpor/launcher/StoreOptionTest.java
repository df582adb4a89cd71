package dev.torpor.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands that look for something say so if there is no store, and make none. */
class StoreOptionTest {
  @TempDir private Path folder;

  @Test
  void theStoreIsInTheUsersDataFolder() {
    assertThat(new StoreOption(Map.of("XDG_DATA_HOME", "/data")).folder())
        .isEqualTo(Path.of("/data/torpor"));
    Path usual = Path.of(System.getProperty("user.home"), ".local/share/torpor");
    assertThat(new StoreOption(Map.of()).folder()).isEqualTo(usual);
    assertThat(new StoreOption(Map.of("XDG_DATA_HOME", "relative")).folder()).isEqualTo(usual);
  }

  @Test
  void aStoreThatIsNotThereIsToldAndNotMade() {
    Path store = folder.resolve("none");
    for (String command : new String[] {"show v1", "rm v1", "restore v1 --name b"}) {
      Cli.Result result = Cli.run((command + " --store " + store).split(" "));
      assertThat(result.exitCode()).isEqualTo(1);
      assertThat(result.errLines()).singleElement().asString().contains("no store at " + store);
    }
    for (String command : new String[] {"checkpoint a v1", "revert a v1"}) {
      Cli.Result result = Cli.run((command + " --store " + store).split(" "));
      assertThat(result.exitCode()).isEqualTo(1);
      assertThat(result.errLines())
          .singleElement()
          .asString()
          .contains("no VM 'a' runs on store " + store);
    }
    assertThat(store).doesNotExist();
  }

  @Test
  void theLogOfAStoreThatIsNotThereIsEmpty() {
    Path store = folder.resolve("none");
    assertThat(Cli.run("log", "--json", "--store", store.toString()).out().strip()).isEqualTo("[]");
    Cli.Result result = Cli.run("log", "a", "--store", store.toString());
    assertThat(result.exitCode()).isZero();
    assertThat(result.errLines()).containsExactly("torpor: no checkpoint of 'a' in " + store);
    assertThat(store).doesNotExist();
  }
}
