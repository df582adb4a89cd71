package dev.torpor.benchmarks.report;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * Where and when something was measured.
 *
 * @param facts by name, such as {@code kernel}, in the order in which people read them
 * @param disturbances what of the host's state would disturb the figures, and what to do about it
 */
public record Host(SequencedMap<String, String> facts, List<String> disturbances) {
  /** Keeps copies. */
  public Host {
    facts = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(facts));
    disturbances = List.copyOf(disturbances);
  }
}
