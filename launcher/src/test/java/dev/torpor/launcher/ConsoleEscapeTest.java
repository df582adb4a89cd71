package dev.torpor.launcher;

import static dev.torpor.launcher.ConsoleEscape.CTRL_A;
import static dev.torpor.launcher.ConsoleEscape.Meaning.ESCAPED_CTRL_A;
import static dev.torpor.launcher.ConsoleEscape.Meaning.HELP;
import static dev.torpor.launcher.ConsoleEscape.Meaning.KEY;
import static dev.torpor.launcher.ConsoleEscape.Meaning.NOTHING;
import static dev.torpor.launcher.ConsoleEscape.Meaning.QUIT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.launcher.ConsoleEscape.Meaning;
import org.junit.jupiter.api.Test;

class ConsoleEscapeTest {
  private final ConsoleEscape escape = new ConsoleEscape();

  @Test
  void everyKeyButCtrlAGoesToTheGuest() {
    for (int key = 0; key < 256; key++) {
      if (key != CTRL_A) {
        assertThat(escape.accept((byte) key)).as("key %d", key).isEqualTo(KEY);
      }
    }
  }

  @Test
  void ctrlAThenXQuits() {
    assertThat(afterCtrlA('x')).isEqualTo(QUIT);
    assertThat(afterCtrlA('X')).isEqualTo(QUIT);
  }

  @Test
  void ctrlAThenHOrQuestionMarkShowsHelp() {
    assertThat(afterCtrlA('h')).isEqualTo(HELP);
    assertThat(afterCtrlA('?')).isEqualTo(HELP);
  }

  @Test
  void ctrlAThenAOrCtrlASendsCtrlA() {
    assertThat(afterCtrlA('a')).isEqualTo(ESCAPED_CTRL_A);
    assertThat(afterCtrlA((char) CTRL_A)).isEqualTo(ESCAPED_CTRL_A);
  }

  @Test
  void ctrlAThenAnyOtherKeySendsNeither() {
    assertThat(afterCtrlA('z')).isEqualTo(NOTHING);
    assertThat(escape.accept((byte) 'x')).isEqualTo(KEY);
  }

  @Test
  void aCommandIsOverAfterItsLetter() {
    afterCtrlA('a');

    assertThat(escape.accept((byte) 'x')).isEqualTo(KEY);
  }

  private Meaning afterCtrlA(char key) {
    assertThat(escape.accept(CTRL_A)).isEqualTo(NOTHING);
    return escape.accept((byte) key);
  }
}
