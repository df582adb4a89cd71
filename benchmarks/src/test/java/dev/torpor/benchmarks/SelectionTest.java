package dev.torpor.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SelectionTest {
  private static List<Operation> selected(String text) {
    Selection selection = Selection.parse(text);
    return Operations.ALL.stream().filter(one -> selection.matches(one.subject())).toList();
  }

  @Test
  void aNameSelectsWhatHasThatNameAndNotWhatBeginsWithIt() {
    assertThat(selected("fault")).containsExactly(Operations.FAULT);
  }

  @Test
  void parametersNarrowWithOrWithoutSpacesAndInAnyCase() {
    assertThat(selected("pause:memory=1GiB"))
        .containsExactly(Operations.PAUSE_1_GIB, Operations.PAUSE_MANY_PAGES);
    assertThat(selected("pause:memory=1 gib,dirtyPages=2000"))
        .containsExactly(Operations.PAUSE_1_GIB);
  }

  @Test
  void everyLabelSelectsItsOperation() {
    for (Operation operation : Operations.ALL) {
      assertThat(selected(operation.label())).contains(operation);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "paus", "pause:memory=3GiB", "pause:depth=1", "nothing"})
  void whatNothingMatchesIsAnErrorThatListsWhatThereIs(String text) {
    assertThatThrownBy(() -> Selection.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'" + text + "'")
        .hasMessageContaining("pause:dirtyPages=2000,memory=1GiB");
  }

  @ParameterizedTest
  @ValueSource(strings = {"pause:", "pause:memory", "pause:=1GiB", "pause:memory=1GiB,"})
  void aParameterWithoutNameOrValueIsAnErrorThatShowsHow(String text) {
    assertThatThrownBy(() -> Selection.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("for example pause:memory=1GiB");
  }

  @Test
  void operationsAreDistinctAndTheShortRunHasEveryHeadline() {
    assertThat(Operations.ALL).extracting(Operation::subject).doesNotHaveDuplicates();
    assertThat(Operations.ALL)
        .filteredOn(one -> one.effort() == Operation.Effort.HEADLINE)
        .extracting(one -> one.subject().operation())
        .contains(
            "exit",
            "kick",
            "pause",
            "dirty-collect",
            "write-out",
            "fork",
            "restore",
            "fault",
            "fault-bulk",
            "working-set",
            "revert");
  }
}
