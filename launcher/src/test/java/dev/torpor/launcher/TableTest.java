package dev.torpor.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TableTest {
  @Test
  void numbersStandToTheRightAndTheRestToTheLeft() {
    Table table = new Table("VM", "LABEL", "STORED");
    table.row("web", "-", "1.5 MiB");
    table.row("a", "before-upgrade", "12 B");

    assertThat(table.lines())
        .containsExactly(
            "VM   LABEL            STORED",
            "web  -               1.5 MiB",
            "a    before-upgrade     12 B");
  }

  @Test
  void aTableWithoutRowsIsItsHeading() {
    assertThat(new Table("A", "B").lines()).containsExactly("A  B");
  }
}
