package dev.torpor.kvm.abi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The golden file, used where there is no compiler, says what the compiler says. */
class GoldenFileTest {
  @Test
  void goldenFileEqualsWhatTheProbePrintsForTheSameHeaders() throws IOException {
    HeaderFacts installed = HeaderFacts.installed();
    List<String> golden = Files.readAllLines(HeaderFacts.GOLDEN);
    if (isOfSameSeries(installed)) {
      // A patch release changes the first line only.
      assertThat(installed.lines().subList(1, installed.lines().size()))
          .isEqualTo(golden.subList(1, golden.size()));
    } else {
      // Newer headers know more, and never contradict.
      assertThat(installed.lines()).containsAll(factsOf(golden));
    }
  }

  private static boolean isOfSameSeries(HeaderFacts installed) {
    return installed.kernelVersion().startsWith("6.1.");
  }

  private static List<String> factsOf(List<String> golden) {
    return golden.stream()
        .filter(line -> line.startsWith("field") || line.startsWith("ioctl"))
        .toList();
  }
}
