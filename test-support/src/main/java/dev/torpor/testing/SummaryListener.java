package dev.torpor.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.TestTag;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/**
 * Counts what ran, and against what, into the folder named by {@code TORPOR_TEST_SUMMARY}: one
 * properties file for each test JVM, which {@code ./torpor test} adds up. Without the variable it
 * writes nothing. Found by JUnit's launcher as a service.
 */
public final class SummaryListener implements TestExecutionListener {
  private static final Set<String> KVM_TAGS = Set.of("kvm", "linux-guest");

  private final AtomicInteger passed = new AtomicInteger();
  private final AtomicInteger failed = new AtomicInteger();
  private final AtomicInteger skipped = new AtomicInteger();
  private final AtomicInteger kvm = new AtomicInteger();
  private final AtomicInteger linuxGuest = new AtomicInteger();
  private TestPlan plan;

  /** Made by JUnit. */
  public SummaryListener() {}

  @Override
  public void testPlanExecutionStarted(TestPlan testPlan) {
    plan = testPlan;
  }

  @Override
  public void executionSkipped(TestIdentifier test, String reason) {
    // A skipped container takes its tests with it; count them, not the container.
    skipped.addAndGet(
        test.isTest()
            ? 1
            : Math.max(
                1,
                (int) plan.getDescendants(test).stream().filter(TestIdentifier::isTest).count()));
  }

  @Override
  public void executionFinished(TestIdentifier test, TestExecutionResult result) {
    switch (result.getStatus()) {
      case SUCCESSFUL -> {
        if (test.isTest()) {
          passed.incrementAndGet();
          countTags(test);
        }
      }
      case FAILED -> {
        failed.incrementAndGet();
        countTags(test);
      }
      case ABORTED -> skipped.incrementAndGet();
    }
  }

  private void countTags(TestIdentifier test) {
    Set<String> tags =
        test.getTags().stream().map(TestTag::getName).collect(Collectors.toUnmodifiableSet());
    if (tags.stream().anyMatch(KVM_TAGS::contains)) {
      kvm.incrementAndGet();
    }
    if (tags.contains("linux-guest")) {
      linuxGuest.incrementAndGet();
    }
  }

  @Override
  public void testPlanExecutionFinished(TestPlan testPlan) {
    String folder = System.getenv("TORPOR_TEST_SUMMARY");
    if (folder == null) {
      return;
    }
    List<String> lines =
        List.of(
            "where=" + (System.getenv("TORPOR_IN_LAB") == null ? "host" : "lab"),
            "found=" + (passed.get() + failed.get() + skipped.get()),
            "passed=" + passed,
            "failed=" + failed,
            "skipped=" + skipped,
            "kvm=" + kvm,
            "linux-guest=" + linuxGuest);
    try {
      Path file = Path.of(folder, ProcessHandle.current().pid() + ".properties");
      Files.createDirectories(file.getParent());
      Files.write(file, lines);
    } catch (IOException e) {
      throw new UncheckedIOException("writing the test summary into " + folder, e);
    }
  }
}
