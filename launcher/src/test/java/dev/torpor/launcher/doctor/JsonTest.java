package dev.torpor.launcher.doctor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class JsonTest {
  @Property
  void whatIsWrittenReadsBackTheSame(@ForAll("values") Map<String, Object> value) {
    assertThat(JsonParser.parse(Json.write(value))).isEqualTo(value);
  }

  @Provide
  Arbitrary<Map<String, Object>> values() {
    Arbitrary<Object> leaf =
        Arbitraries.oneOf(
            Arbitraries.strings().all().ofMaxLength(20).asGeneric(),
            Arbitraries.longs().asGeneric(),
            Arbitraries.of(true, false).asGeneric());
    Arbitrary<Object> tree =
        Arbitraries.recursive(
            () -> leaf,
            inner ->
                Arbitraries.oneOf(
                    inner.list().ofMaxSize(3).asGeneric(),
                    Arbitraries.maps(Arbitraries.strings().ofMaxLength(5), inner)
                        .ofMaxSize(3)
                        .asGeneric()),
            0,
            3);
    return Arbitraries.maps(Arbitraries.strings().ofMaxLength(5), tree).ofMaxSize(4);
  }

  @Example
  void controlCharactersAndQuotesAreEscaped() {
    assertThat(Json.write("a\"b\\c\nd\u0001")).isEqualTo("\"a\\\"b\\\\c\\nd\\u0001\"");
  }

  @Example
  void whatJsonDoesNotKnowIsRefused() {
    assertThatIllegalArgumentException().isThrownBy(() -> Json.write(List.of(new Object())));
  }
}
