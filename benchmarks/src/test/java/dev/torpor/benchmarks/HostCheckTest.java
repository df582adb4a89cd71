package dev.torpor.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostCheckTest {
  private static final long NEEDED = 4L << 30;

  @TempDir Path root;

  private void write(String file, String text) throws IOException {
    Path path = root.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }

  private void calmHost() throws IOException {
    write("proc/loadavg", "0.50 0.40 0.30 1/200 4711\n");
    write("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
    write("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
    memory(8 << 20, 0, 0);
  }

  private void memory(long availableKib, long usedSwapKib, long dirtyKib) throws IOException {
    write(
        "proc/meminfo",
        """
        MemTotal:       16777216 kB
        MemFree:          100000 kB
        MemAvailable:   %d kB
        Cached:          2097152 kB
        SwapTotal:       1048576 kB
        SwapFree:        %d kB
        Dirty:           %d kB
        """
            .formatted(availableKib, 1048576 - usedSwapKib, dirtyKib));
  }

  private List<String> disturbances() {
    return HostCheck.disturbances(new HostState(root), 2, NEEDED);
  }

  @Test
  void aCalmHostDisturbsNothing() throws IOException {
    calmHost();
    assertThat(disturbances()).isEmpty();
  }

  @Test
  void aHostThatTellsNothingIsNotBlamed() {
    assertThat(disturbances()).isEmpty();
    assertThat(new HostState(root).hasKvm()).isFalse();
  }

  @Test
  void aGovernorThatSavesPowerIsToldWithWhatToDo() throws IOException {
    calmHost();
    write("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n");
    assertThat(disturbances())
        .singleElement()
        .asString()
        .contains("governor powersave", "cpupower frequency-set -g performance");
  }

  @Test
  void loadOfMoreThanHalfACoreForEachIsTold() throws IOException {
    calmHost();
    write("proc/loadavg", "1.01 0.40 0.30 1/200 4711\n");
    assertThat(disturbances()).singleElement().asString().contains("load 1.01 on 2 cores");
  }

  @Test
  void littleFreeMemoryAndSwapInUseAreTold() throws IOException {
    calmHost();
    memory(1 << 20, 2048, 0);
    assertThat(disturbances()).hasSize(2);
    assertThat(disturbances().getFirst()).contains("1 GiB of memory are free", "4 GiB");
    assertThat(disturbances().getLast()).contains("2 MiB of memory are swapped out");
  }

  @Test
  void hugePagesThatNobodyGetsAreTold() throws IOException {
    calmHost();
    write("sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
    assertThat(disturbances()).singleElement().asString().contains("no huge pages");
  }

  @Test
  void muchThatWaitsForTheDiskIsTold() throws IOException {
    calmHost();
    memory(8 << 20, 0, 1 << 20);
    assertThat(disturbances()).singleElement().asString().contains("1 GiB wait").contains("sync");
  }

  @Test
  void garbageWhereNumbersShouldBeCountsAsNothing() throws IOException {
    calmHost();
    write("proc/loadavg", "much");
    write("proc/meminfo", "MemAvailable: -5 kB\nSwapTotal: x kB\nDirty: 99999999999999999999 kB\n");
    assertThat(disturbances()).isEmpty();
  }

  @Test
  void factsNameTheHostAndItsState() throws IOException {
    calmHost();
    write("proc/sys/kernel/hostname", "box\n");
    write("proc/cpuinfo", "processor : 0\nmodel name : Some CPU @ 2 GHz\nmodel name : Other\n");
    SequencedMap<String, String> facts = HostFacts.of(new HostState(root), root, root);
    assertThat(facts)
        .containsEntry("name", "box")
        .containsEntry("cpu", "Some CPU @ 2 GHz")
        .containsEntry("memory", "16 GiB")
        .containsEntry("freeMemory", "8 GiB")
        .containsEntry("pageCache", "2 GiB")
        .containsEntry("governor", "performance")
        .containsEntry("loadBefore", "0.50")
        .containsEntry("transparentHugePages", "madvise")
        .containsKeys("kernel", "cores", "jdk", "jvmOptions", "date", "storeFileSystem")
        .doesNotContainKey("commit");
  }
}
