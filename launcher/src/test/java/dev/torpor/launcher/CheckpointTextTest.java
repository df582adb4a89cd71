package dev.torpor.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.launcher.control.Json;
import dev.torpor.snapshot.Summary;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CheckpointTextTest {
  private static final UUID ID = UUID.fromString("11111111-2222-3333-4444-555555555555");
  private static final UUID PARENT = UUID.fromString("aaaaaaaa-2222-3333-4444-555555555555");
  private static final Instant NOON = Instant.parse("2026-03-01T12:00:00Z");

  @Test
  void aCheckpointsObjectHasItsIdentityItsParentAndWhatItTook() {
    assertThat(Json.line(CheckpointText.json(summary("v1", Optional.of(PARENT)))))
        .isEqualTo(
            "{\"name\":\"web/v1\",\"uuid\":\"11111111-2222-3333-4444-555555555555\","
                + "\"parent\":\"aaaaaaaa-2222-3333-4444-555555555555\",\"pauseMicros\":312,"
                + "\"dirtyPages\":1880,\"storedBytes\":7700480,\"durableMillis\":41,"
                + "\"label\":\"v1\",\"created\":\"2026-03-01T12:00:00Z\",\"vm\":\"web\"}");
  }

  @Test
  void theFirstOneHasNoParentAndOneWithoutLabelIsCalledByItsUuid() {
    assertThat(Json.line(CheckpointText.json(summary("", Optional.empty()))))
        .startsWith("{\"name\":\"" + ID + "\"")
        .contains("\"parent\":null");
  }

  @Test
  void aLineSaysWhatItTook() {
    assertThat(CheckpointText.line(CheckpointText.json(summary("v1", Optional.empty()))))
        .isEqualTo("web/v1  pause 0.31 ms, 1,880 dirty pages, 7.3 MiB stored, durable after 41 ms");
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0 B",
    "1023, 1023 B",
    "1024, 1.0 KiB",
    "1536, 1.5 KiB",
    "5242880, 5.0 MiB",
    "3221225472, 3.0 GiB",
    "2199023255552, 2.0 TiB"
  })
  void amountsStandInTheirLargestUnit(long count, String expected) {
    assertThat(CheckpointText.bytes(count)).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({"-5, 0 s", "59, 59 s", "60, 1 min", "7199, 1 h", "86399, 23 h", "200000, 2 d"})
  void agesStandInTheirLargestUnit(long seconds, String expected) {
    assertThat(CheckpointText.age(NOON, NOON.plusSeconds(seconds))).isEqualTo(expected);
  }

  private static Summary summary(String label, Optional<UUID> parent) {
    return new Summary(
        ID, parent, "web", label, NOON, new Summary.Metrics(312_900, 1880, 7_700_480, 41_900_000));
  }
}
