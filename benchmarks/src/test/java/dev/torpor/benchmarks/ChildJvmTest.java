package dev.torpor.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChildJvmTest {
  @TempDir Path folder;

  @Test
  void aFolderOfModulesIsAClassPathOfItsJars() throws Exception {
    Path jars = Files.createDirectory(folder.resolve("jars"));
    Path first = Files.createFile(jars.resolve("a.jar"));
    Path second = Files.createFile(jars.resolve("b.jar"));
    Files.createFile(jars.resolve("notes.txt"));
    Path classes = Files.createDirectory(folder.resolve("classes"));
    Files.createFile(classes.resolve("module-info.class"));
    Path alone = Files.createFile(folder.resolve("alone.jar"));
    assertThat(
            ChildJvm.classPathOf(
                String.join(File.pathSeparator, jars + "", classes + "", alone + "")))
        .isEqualTo(
            String.join(File.pathSeparator, first + "", second + "", classes + "", alone + ""));
  }
}
