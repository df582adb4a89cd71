package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class ReferencesTest {
  private static final List<Summary> ALL =
      List.of(
          one("aaaa1111-0000-0000-0000-000000000001", "web", "v1"),
          one("aaaa2222-0000-0000-0000-000000000002", "db", "v1"),
          one("bbbb2222-0000-0000-0000-000000000003", "web", "v2"),
          one("cccc2222-0000-0000-0000-000000000004", "web", ""),
          one("dddd2222-0000-0000-0000-000000000005", "cafe", "odd"));

  @Test
  void aReferenceIsAUuidABeginningALabelANameOrBoth() {
    assertFinds("aaaa1111-0000-0000-0000-000000000001", 0);
    assertFinds("AAAA1111-0000-0000-0000-000000000001", 0);
    assertFinds("aaaa2", 1);
    assertFinds("aaaa2222-0", 1);
    assertFinds("v2", 2);
    assertFinds("web", 3);
    assertFinds("db", 1);
    assertFinds("web/v1", 0);
    assertFinds("db/v1", 1);
    assertFinds("cafe", 4);
  }

  @Test
  void anAmbiguousReferenceNamesItsCandidates() {
    assertUnknown("aaaa", "2 checkpoints are called \"aaaa\"", 0, 1);
    assertUnknown("v1", "2 checkpoints are called \"v1\"", 0, 1);
  }

  @Test
  void anUnknownReferenceNamesWhatIsAlike() {
    assertUnknown("web/v9", "no checkpoint is called \"web/v9\"", 0, 2, 3);
    assertUnknown("nothing", "no checkpoint is called \"nothing\"");
    assertUnknown("aaa", "no checkpoint", 0, 1);
    assertUnknown("", "no checkpoint");
    assertUnknown("web/", "no checkpoint", 0, 2, 3);
    assertUnknown("/", "no checkpoint");
  }

  private static void assertFinds(String ref, int index) {
    assertThat(References.find(ref, ALL)).as(ref).isEqualTo(ALL.get(index));
  }

  private static void assertUnknown(String ref, String part, int... candidates) {
    assertThatThrownBy(() -> References.find(ref, ALL))
        .isInstanceOfSatisfying(
            UnknownCheckpointException.class,
            e -> {
              assertThat(e).hasMessageContaining(part);
              assertThat(e.candidates().stream().mapToInt(ALL::indexOf))
                  .containsExactly(boxed(candidates));
              for (int candidate : candidates) {
                assertThat(e).hasMessageContaining(ALL.get(candidate).uuid().toString());
              }
            });
  }

  private static Integer[] boxed(int[] numbers) {
    return java.util.Arrays.stream(numbers).boxed().toArray(Integer[]::new);
  }

  private static Summary one(String uuid, String vmName, String label) {
    return Checkpoints.summary(UUID.fromString(uuid), Optional.empty(), vmName, label);
  }
}
