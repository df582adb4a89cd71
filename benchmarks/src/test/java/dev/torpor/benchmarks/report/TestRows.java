package dev.torpor.benchmarks.report;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.TreeMap;

/** Rows and results to test with. */
final class TestRows {
  private TestRows() {}

  static Row pause(String memory, long p50) {
    return new Row(
        "pause",
        new TreeMap<>(Map.of("memory", memory, "dirtyPages", "2000")),
        Figures.nanos(p50, 2 * p50, 3 * p50, 240),
        Optional.of(Figures.nanos(p50 / 2, p50, 2 * p50, 240)),
        Optional.of(Figures.nanos(100 * p50, 200 * p50, 200 * p50, 3)),
        OptionalDouble.of(0.05));
  }

  static Results results() {
    SequencedMap<String, String> facts = new LinkedHashMap<>();
    facts.put("name", "box");
    facts.put("kernel", "6.18");
    facts.put("date", "2026-01-02T03:04:05Z");
    return new Results(
        new Host(facts, List.of("others are at work (load 3.00 on 2 cores)")),
        List.of(
            pause("256 MiB", 400_000),
            pause("1 GiB", 900_000),
            new Row(
                "write-out",
                new TreeMap<>(Map.of("dirtyPages", "2000")),
                Figures.nanos(5_000_000, 9_000_000, 9_000_000, 12).asThroughput(8_000_000),
                Optional.of(new Figures(2000, 1500, 1000, 12, Figures.THROUGHPUT)),
                Optional.empty()),
            Row.ofTorpor(
                "stored-bytes",
                Map.of("children", "100"),
                new Figures(265_000, 270_000, 270_000, 3, Figures.BYTES))),
        List.of(new Note("allocated per exit", 0, "bytes"), Note.millis("durable", 1_234_567)));
  }
}
