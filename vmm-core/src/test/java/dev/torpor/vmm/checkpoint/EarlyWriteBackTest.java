package dev.torpor.vmm.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.torpor.snapshot.WriteHints;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Hints help where they can, and where they cannot nobody notices. */
class EarlyWriteBackTest {
  private static final int PIECE = 1 << 20;

  @TempDir private Path folder;

  @Test
  void theFileStaysAsItIsWritten() throws IOException {
    Path file = Files.write(folder.resolve("layer"), new byte[] {1, 2, 3});
    try (WriteHints hints = EarlyWriteBack.of(file)) {
      hints.before(0, 2 * PIECE);
      hints.after(0, 2 * PIECE);
      assertThat(file).hasBinaryContent(new byte[] {1, 2, 3});
    }
  }

  @Test
  void aFileThatCannotBeAllocatedOrWrittenBackIsLeftAlone() throws Exception {
    Path pipe = folder.resolve("pipe");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    try (WriteHints hints = EarlyWriteBack.of(pipe)) {
      assertThat(hints).isNotSameAs(WriteHints.NONE);
      assertThatCode(
              () -> {
                hints.after(0, PIECE);
                hints.before(PIECE, PIECE);
                hints.after(PIECE, PIECE);
              })
          .doesNotThrowAnyException();
    }
  }

  @Test
  void aFileThatCannotBeOpenedGetsNoHints() {
    assertThat(EarlyWriteBack.of(folder.resolve("missing"))).isSameAs(WriteHints.NONE);
  }
}
