package dev.torpor.launcher;

import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads an enum's constant as options are written: {@code catch-up} for {@code CATCH_UP}. */
final class Hyphenated<E extends Enum<E>> implements ITypeConverter<E> {
  private final Class<E> type;

  Hyphenated(Class<E> type) {
    this.type = type;
  }

  @Override
  public E convert(String text) {
    return constants()
        .filter(constant -> hyphenated(constant).equals(text.toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () ->
                new TypeConversionException(
                    "'%s': there are %s"
                        .formatted(
                            text,
                            constants().map(this::hyphenated).collect(Collectors.joining(", ")))));
  }

  private Stream<E> constants() {
    return Stream.of(type.getEnumConstants());
  }

  private String hyphenated(E constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
