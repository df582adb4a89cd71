package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.testing.KvmTest;
import dev.torpor.testing.ProcessResources;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@KvmTest
@Timeout(60)
class RehearsalTest {
  @Test
  void aRehearsalLeavesNothing() throws Exception {
    Rehearsal.run(1);
    ProcessResources before = ProcessResources.count("kvm");
    long files = temporaryFiles();
    Rehearsal.run(20);
    ProcessResources after = ProcessResources.count("kvm");
    assertThat(after.fileDescriptors()).isEqualTo(before.fileDescriptors());
    assertThat(after.mappings()).isEqualTo(before.mappings());
    assertThat(temporaryFiles()).isEqualTo(files);
    assertThat(Thread.getAllStackTraces().keySet())
        .extracting(Thread::getName)
        .noneMatch(name -> name.startsWith("rehearsal"));
  }

  private static long temporaryFiles() throws Exception {
    try (Stream<Path> files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
      return files
          .filter(file -> file.getFileName().toString().startsWith("torpor-rehearsal"))
          .count();
    }
  }
}
