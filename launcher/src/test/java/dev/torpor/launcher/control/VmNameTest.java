package dev.torpor.launcher.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VmNameTest {
  @ParameterizedTest
  @ValueSource(strings = {"a", "web-1", "9", "A.b_c-d"})
  void namesThatAreGoodFileNamesAreGood(String name) {
    assertThat(VmName.require(name)).isEqualTo(name);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ".", "..", "-n", "a/b", "../a", "a b", "ä", "a\n", "a\0"})
  void namesThatCouldMeanSomethingElseAreRefused(String name) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> VmName.require(name))
        .withMessageContaining("is no name for a VM: write up to 64 letters");
  }

  @Test
  void aNameHas64CharactersAtMost() {
    assertThat(VmName.require("x".repeat(64))).hasSize(64);
    assertThatIllegalArgumentException().isThrownBy(() -> VmName.require("x".repeat(65)));
  }
}
