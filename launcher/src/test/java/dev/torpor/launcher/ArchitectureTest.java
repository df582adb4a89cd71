package dev.torpor.launcher;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.PackageMatcher;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Imports point down only, from the launcher to the bindings. */
class ArchitectureTest {
  /** From the top to the bottom: a room may use those below it, and never those above. */
  private static final List<String> ROOMS =
      List.of(
          "dev.torpor.launcher..",
          "dev.torpor.vmm.vm..",
          "dev.torpor.vmm.checkpoint..",
          "dev.torpor.vmm.cpu..",
          "dev.torpor.vmm.boot..",
          "dev.torpor.vmm.disk..",
          "dev.torpor.vmm.device.virtio..",
          "dev.torpor.vmm.device",
          "dev.torpor.vmm.memory..",
          "dev.torpor.vmm.thread..",
          "dev.torpor.vmm",
          "dev.torpor.snapshot..",
          "dev.torpor.kvm..",
          "dev.torpor.linux..");

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages(
              "dev.torpor.launcher",
              "dev.torpor.vmm",
              "dev.torpor.snapshot",
              "dev.torpor.kvm",
              "dev.torpor.linux");

  @TestFactory
  Stream<DynamicTest> aRoomUsesOnlyTheRoomsBelowIt() {
    return Stream.iterate(1, i -> i < ROOMS.size(), i -> i + 1)
        .map(
            i ->
                DynamicTest.dynamicTest(
                    ROOMS.get(i),
                    () ->
                        noClasses()
                            .that()
                            .resideInAPackage(ROOMS.get(i))
                            .should()
                            .dependOnClassesThat()
                            .resideInAnyPackage(ROOMS.subList(0, i).toArray(String[]::new))
                            .check(CLASSES)));
  }

  @Test
  void everyClassBelongsToARoom() {
    assertThat(CLASSES)
        .allSatisfy(
            type ->
                assertThat(ROOMS)
                    .anySatisfy(
                        room ->
                            assertThat(PackageMatcher.of(room).matches(type.getPackageName()))
                                .isTrue()));
  }

  @Test
  void theSnapshotFormatKnowsNothingOfTheMachine() {
    noClasses()
        .that()
        .resideInAPackage("dev.torpor.snapshot..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("dev.torpor.vmm..", "dev.torpor.kvm..", "dev.torpor.linux..")
        .check(CLASSES);
  }

  @Test
  void packagesFormNoCycle() {
    slices().matching("dev.torpor.(**)").should().beFreeOfCycles().check(CLASSES);
  }

  /**
   * Widening a segment is the one unchecked step into native memory; each says who answers for it.
   */
  @Test
  void everyReinterpretSaysWhyItIsSafe() throws IOException {
    List<Path> sources;
    try (Stream<Path> files = Files.walk(Path.of("../kvm-bindings/src/main/java"))) {
      sources = files.filter(file -> file.toString().endsWith(".java")).toList();
    }
    int found = 0;
    for (Path source : sources) {
      List<String> lines = Files.readAllLines(source);
      for (int i = 0; i < lines.size(); i++) {
        if (lines.get(i).contains(".reinterpret(")) {
          found++;
          assertThat(lines.subList(Math.max(0, i - 6), i))
              .as("%s:%d", source, i + 1)
              .anyMatch(line -> line.contains("// SAFETY:"));
        }
      }
    }
    assertThat(found).isPositive();
  }

  @Test
  void onlyTheBindingsReachNativeMemory() {
    noClasses()
        .that()
        .resideOutsideOfPackages("dev.torpor.kvm..", "dev.torpor.linux..")
        .should()
        .dependOnClassesThat()
        .haveFullyQualifiedName("java.lang.foreign.Linker")
        .check(CLASSES);
  }
}
