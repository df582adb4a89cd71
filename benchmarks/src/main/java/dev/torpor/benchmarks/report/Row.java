package dev.torpor.benchmarks.report;

import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * One line of the results: an operation under certain circumstances, measured of Torpor and, where
 * there are such, of the C program and of a peer.
 *
 * @param operation what was measured, for example {@code pause}
 * @param parameters under what circumstances, by name, for example {@code memory} → {@code 1 GiB};
 *     a number of bytes is written with its unit, other numbers as plain digits
 * @param torpor Torpor's figures
 * @param yardstick those of the C program that makes the same system calls
 * @param peer those of another monitor, of the best way that it has
 * @param ratioSpread half the interquartile range of the rounds' ratios to the C program
 */
public record Row(
    String operation,
    SortedMap<String, String> parameters,
    Figures torpor,
    Optional<Figures> yardstick,
    Optional<Figures> peer,
    OptionalDouble ratioSpread) {
  /**
   * Keeps a copy of the parameters.
   *
   * @throws IllegalArgumentException if the sides' units differ
   */
  public Row {
    parameters = Collections.unmodifiableSortedMap(new TreeMap<>(parameters));
    requireUnit(torpor, yardstick);
    requireUnit(torpor, peer);
  }

  /**
   * A row whose ratio has no known spread.
   *
   * @param operation what was measured
   * @param parameters under what circumstances, by name
   * @param torpor Torpor's figures
   * @param yardstick those of the C program
   * @param peer those of another monitor
   */
  public Row(
      String operation,
      SortedMap<String, String> parameters,
      Figures torpor,
      Optional<Figures> yardstick,
      Optional<Figures> peer) {
    this(operation, parameters, torpor, yardstick, peer, OptionalDouble.empty());
  }

  /**
   * A row of Torpor's alone.
   *
   * @param operation what was measured
   * @param parameters under what circumstances, by name
   * @param torpor Torpor's figures
   * @return the row
   */
  public static Row ofTorpor(String operation, Map<String, String> parameters, Figures torpor) {
    return new Row(
        operation, new TreeMap<>(parameters), torpor, Optional.empty(), Optional.empty());
  }

  private static void requireUnit(Figures torpor, Optional<Figures> other) {
    if (other.isPresent() && !other.get().unit().equals(torpor.unit())) {
      throw new IllegalArgumentException(
          "a row in %s cannot compare with %s".formatted(torpor.unit(), other.get().unit()));
    }
  }

  /**
   * The same beside a peer.
   *
   * @param figures the peer's
   * @return the row
   */
  public Row withPeer(Figures figures) {
    return new Row(operation, parameters, torpor, yardstick, Optional.of(figures), ratioSpread);
  }

  /**
   * Torpor's median in units of the C program's. Of throughputs as well, so there more is better.
   *
   * @return empty without a C program, or if it took no time
   */
  public OptionalDouble ratio() {
    return ratioTo(yardstick);
  }

  /**
   * Torpor's median in units of the peer's. Of throughputs as well, so there more is better.
   *
   * @return empty without a peer, or if it took no time
   */
  public OptionalDouble peerRatio() {
    return ratioTo(peer);
  }

  private OptionalDouble ratioTo(Optional<Figures> other) {
    return other.isPresent() && other.get().p50() > 0
        ? OptionalDouble.of((double) torpor.p50() / other.get().p50())
        : OptionalDouble.empty();
  }

  /**
   * The parameters for people.
   *
   * @return for example {@code dirtyPages=2000, memory=1 GiB}; empty if there are none
   */
  public String parametersText() {
    return parameters.entrySet().stream()
        .map(entry -> entry.getKey() + "=" + entry.getValue())
        .collect(Collectors.joining(", "));
  }
}
