package dev.torpor.kvm.abi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.torpor.kvm.Cap;
import dev.torpor.kvm.ClockData;
import dev.torpor.kvm.CpuidEntry;
import dev.torpor.kvm.DirtyRing;
import dev.torpor.kvm.ExitReason;
import dev.torpor.kvm.IrqChip;
import dev.torpor.kvm.Kvm;
import dev.torpor.kvm.Lapic;
import dev.torpor.kvm.MemorySlot;
import dev.torpor.kvm.MpState;
import dev.torpor.kvm.VcpuFd;
import dev.torpor.kvm.VcpuRun;
import dev.torpor.kvm.VmFd;
import dev.torpor.linux.Epoll;
import dev.torpor.linux.Errno;
import dev.torpor.linux.EventFd;
import dev.torpor.linux.LinuxFile;
import dev.torpor.linux.Mapping;
import dev.torpor.linux.PageMap;
import dev.torpor.linux.Terminal;
import dev.torpor.linux.ThreadSignal;
import dev.torpor.linux.UserFaultFd;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Constants that mirror the kernel's have the kernel's values. Found by reflection, private ones
 * too: a new one has a name that the kernel knows, or is added to a table here.
 */
class ConstantsTest {
  private static final List<Class<?>> HOLDERS =
      List.of(
          ClockData.class,
          CpuidEntry.class,
          DirtyRing.class,
          ExitReason.class,
          Kvm.class,
          Lapic.class,
          MemorySlot.class,
          VcpuFd.class,
          VcpuRun.class,
          VmFd.class,
          Epoll.class,
          Errno.class,
          EventFd.class,
          LinuxFile.class,
          Mapping.class,
          PageMap.class,
          Terminal.class,
          ThreadSignal.class,
          UserFaultFd.class);

  /** The beginning of a Java name, and of the kernel's. */
  private static final Map<String, String> PREFIXES =
      Map.ofEntries(
          Map.entry("ClockData.", "KVM_CLOCK_"),
          Map.entry("ExitReason.", "KVM_EXIT_"),
          Map.entry("Epoll.CTL_", "EPOLL_CTL_"),
          Map.entry("MemorySlot.LOG_", "KVM_MEM_LOG_"),
          Map.entry("PageMap.SCAN_", "PM_SCAN_"),
          Map.entry("UserFaultFd.EVENT_", "UFFD_EVENT_"),
          Map.entry("UserFaultFd.FEATURE_", "UFFD_FEATURE_"),
          Map.entry("UserFaultFd.FLAG_", "UFFD_PAGEFAULT_FLAG_"),
          Map.entry("UserFaultFd.MODE_", "UFFDIO_REGISTER_MODE_"),
          Map.entry("VcpuRun.SYNC_", "KVM_SYNC_X86_"),
          Map.entry("VmFd.IOEVENTFD_", "KVM_IOEVENTFD_FLAG_"),
          Map.entry("VmFd.IRQFD_", "KVM_IRQFD_FLAG_"),
          Map.entry("VmFd.ROUTING_", "KVM_IRQ_ROUTING_"));

  private static final Map<String, String> RENAMED =
      Map.of(
          "CpuidEntry.SIGNIFICANT_INDEX", "KVM_CPUID_FLAG_SIGNIFCANT_INDEX",
          "DirtyRing.DIRTY", "KVM_DIRTY_GFN_F_DIRTY",
          "DirtyRing.HARVESTED", "KVM_DIRTY_GFN_F_RESET",
          "Kvm.API_VERSION", "KVM_API_VERSION",
          "MemorySlot.READ_ONLY", "KVM_MEM_READONLY",
          "UserFaultFd.API", "UFFD_API",
          "UserFaultFd.COPY_WP", "UFFDIO_COPY_MODE_WP",
          "UserFaultFd.SYS_USERFAULTFD", "SYS_userfaultfd",
          "VcpuFd.ATTRIBUTES_TSC", "KVM_VCPU_TSC_CTRL",
          "VcpuFd.ATTRIBUTE_TSC_OFFSET", "KVM_VCPU_TSC_OFFSET");

  /** Public, and no constant of the kernel; what they must be is said by tests of their own. */
  private static final Set<String> OURS =
      Set.of(
          "Lapic.LVT_LINT0",
          "Lapic.LVT_LINT1",
          "ThreadSignal.MASK_BIT",
          "ThreadSignal.NUMBER",
          "UserFaultFd.DONT_WAKE");

  @TestFactory
  Stream<DynamicTest> everyConstantHasTheKernelsValue() {
    return HOLDERS.stream()
        .flatMap(holder -> Stream.of(holder.getDeclaredFields()))
        .filter(ConstantsTest::isNumber)
        .filter(field -> kernelName(field).isPresent())
        .map(
            field ->
                dynamicTest(
                    javaName(field),
                    () ->
                        assertThat(value(field))
                            .as(javaName(field))
                            .isEqualTo(kernelValue(field).orElseThrow())));
  }

  @Test
  void everyPublicConstantMirrorsTheKernelOrIsKnownToBeOurs() {
    for (Class<?> holder : HOLDERS) {
      for (Field field : holder.getFields()) {
        if (isNumber(field) && !OURS.contains(javaName(field))) {
          assertThat(kernelName(field)).as(javaName(field)).isPresent();
        }
      }
    }
  }

  @TestFactory
  Stream<DynamicTest> everyCapabilityHasTheKernelsNumber() {
    return Stream.of(Cap.values())
        .map(
            cap ->
                dynamicTest(
                    cap.kernelName(),
                    () ->
                        assertThat(cap.number())
                            .as(cap.kernelName())
                            .isEqualTo((int) kernel(cap.kernelName()))));
  }

  @TestFactory
  Stream<DynamicTest> everyEnumOfKernelNumbersHasTheKernelsNumbers() {
    Map<String, String> adviceNames =
        Map.of(
            "DONT_NEED", "DONTNEED",
            "WILL_NEED", "WILLNEED",
            "HUGE_PAGE", "HUGEPAGE",
            "NO_HUGE_PAGE", "NOHUGEPAGE",
            "DONT_DUMP", "DONTDUMP");
    return Stream.of(
            enumTests(Mapping.Advice.values(), "MADV_", adviceNames),
            enumTests(MpState.values(), "KVM_MP_STATE_", Map.of()),
            enumTests(IrqChip.Id.values(), "KVM_IRQCHIP_", Map.of("IO_APIC", "IOAPIC")))
        .flatMap(tests -> tests);
  }

  private static Stream<DynamicTest> enumTests(
      Enum<?>[] values, String prefix, Map<String, String> renamed) {
    return Stream.of(values)
        .map(
            value -> {
              String name = prefix + renamed.getOrDefault(value.name(), value.name());
              return dynamicTest(
                  name, () -> assertThat(number(value)).as(name).isEqualTo(kernel(name)));
            });
  }

  @Test
  void oneBitMeansDoNotWakeInEveryRequestThatHasIt() {
    assertThat(List.of("COPY", "ZEROPAGE", "CONTINUE", "MOVE"))
        .allSatisfy(
            request ->
                assertThat(kernel("UFFDIO_" + request + "_MODE_DONTWAKE"))
                    .isEqualTo(UserFaultFd.DONT_WAKE));
  }

  @Test
  void theSignalIsOneThatNeitherTheKernelNorLibcUses() {
    assertThat((long) ThreadSignal.NUMBER)
        .isBetween(kernel("SIGRTMIN") + 1, kernel("SIGRTMAX") - 1);
  }

  @Test
  void theDirtyRingIsMappedWhereTheKernelPutsIt() throws ReflectiveOperationException {
    assertThat(value(DirtyRing.class.getDeclaredField("PAGE_OFFSET")))
        .isEqualTo(kernel("KVM_DIRTY_LOG_PAGE_OFFSET") * 4096);
  }

  @Test
  void everyErrorNumberHasItsName() {
    Set<String> aliases = Set.of("EWOULDBLOCK", "EDEADLOCK", "ENOTSUP");
    HeaderFacts.installed()
        .constants()
        .forEach(
            (name, value) -> {
              if (name.matches("E[A-Z0-9]+") && isErrorNumber(name) && !aliases.contains(name)) {
                assertThat(Errno.name(value.intValue())).isEqualTo(name);
              }
            });
  }

  /** ECHO is a flag of terminals, and EPOLL… of epoll. */
  private static boolean isErrorNumber(String name) {
    return !name.startsWith("ECHO") && !name.startsWith("EPOLL");
  }

  private static boolean isNumber(Field field) {
    return Modifier.isStatic(field.getModifiers())
        && Modifier.isFinal(field.getModifiers())
        && (field.getType() == int.class || field.getType() == long.class);
  }

  private static String javaName(Field field) {
    return field.getDeclaringClass().getSimpleName() + "." + field.getName();
  }

  private static Optional<String> kernelName(Field field) {
    String name = javaName(field);
    if (OURS.contains(name)) {
      return Optional.empty();
    }
    if (RENAMED.containsKey(name)) {
      return Optional.of(RENAMED.get(name));
    }
    return Stream.concat(
            PREFIXES.entrySet().stream()
                .filter(prefix -> name.startsWith(prefix.getKey()))
                .map(prefix -> prefix.getValue() + name.substring(prefix.getKey().length())),
            Stream.of(field.getName()))
        .filter(candidate -> HeaderFacts.constant(candidate).isPresent())
        .findFirst();
  }

  private static Optional<Long> kernelValue(Field field) {
    return kernelName(field).flatMap(HeaderFacts::constant);
  }

  private static long kernel(String name) {
    return HeaderFacts.constant(name)
        .orElseThrow(() -> new AssertionError("no header knows " + name));
  }

  private static long value(Field field) throws IllegalAccessException {
    field.setAccessible(true);
    return ((Number) field.get(null)).longValue();
  }

  private static long number(Enum<?> value) throws ReflectiveOperationException {
    Field number = value.getDeclaringClass().getDeclaredField("number");
    number.setAccessible(true);
    return number.getInt(value);
  }
}
