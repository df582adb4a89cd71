package dev.torpor.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whoever asks for help is taught by example. */
class HelpTest {
  @ParameterizedTest
  @ValueSource(strings = {"run", "checkpoint", "restore", "fork", "revert", "log", "show", "rm"})
  void everyVerbSaysWhatItDoesAndShowsAnExample(String verb) {
    Cli.Result help = Cli.run(verb, "--help");

    assertThat(help.exitCode()).isZero();
    assertThat(help.err()).isEmpty();
    assertThat(help.out()).contains("--store=DIR").containsPattern("Examples?:\\R  torpor " + verb);
    assertThat(help.out().lines()).allSatisfy(line -> assertThat(line).hasSizeLessThan(100));
  }

  @Test
  void theOverviewNamesEveryVerb() {
    assertThat(Cli.run("--help").out())
        .contains("run", "checkpoint", "restore", "fork", "revert", "log", "show", "rm", "doctor");
  }
}
