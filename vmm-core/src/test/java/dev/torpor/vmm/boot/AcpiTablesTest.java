package dev.torpor.vmm.boot;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class AcpiTablesTest {
  private static final long FIRST_WINDOW = 0xd000_1000L;

  /** The tables as a guest finds them, walking from the RSDP and checking every sum. */
  private record Found(ByteBuffer fadt, ByteBuffer madt, ByteBuffer facs, Map<String, Object> aml) {
    static Found in(GuestMemory memory, long rsdpGpa) {
      ByteBuffer rsdp = at(memory, rsdpGpa, 36);
      assertThat(text(rsdp, 0, 8)).isEqualTo("RSD PTR ");
      assertThat(sum(rsdp, 20)).isZero();
      assertThat(sum(rsdp, 36)).isZero();
      assertThat(rsdp.get(15)).as("revision").isEqualTo((byte) 2);
      ByteBuffer xsdt = table(memory, rsdp.getLong(24), "XSDT");
      assertThat(xsdt.capacity()).isEqualTo(36 + 2 * 8);
      ByteBuffer fadt = table(memory, xsdt.getLong(36), "FACP");
      ByteBuffer madt = table(memory, xsdt.getLong(44), "APIC");
      assertThat(fadt.getInt(40)).as("both DSDT fields").isEqualTo((int) fadt.getLong(140));
      ByteBuffer dsdt = table(memory, fadt.getLong(140), "DSDT");
      byte[] aml = new byte[dsdt.capacity() - 36];
      dsdt.get(36, aml);
      ByteBuffer facs = at(memory, fadt.getInt(36), 64);
      return new Found(fadt, madt, facs, AmlReader.read(aml));
    }

    private static ByteBuffer table(GuestMemory memory, long gpa, String signature) {
      int length = memory.readInt(gpa + 4);
      assertThat(gpa).as("above 0xe0000").isGreaterThanOrEqualTo(0xe_0000);
      assertThat(gpa + length).as("below 1 MiB").isLessThanOrEqualTo(0x10_0000);
      ByteBuffer table = at(memory, gpa, length);
      assertThat(text(table, 0, 4)).isEqualTo(signature);
      assertThat(sum(table, length)).as("checksum of %s", signature).isZero();
      return table;
    }

    private static ByteBuffer at(GuestMemory memory, long gpa, int length) {
      byte[] bytes = new byte[length];
      memory.read(gpa, MemorySegment.ofArray(bytes));
      return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static int sum(ByteBuffer bytes, int length) {
      return IntStream.range(0, length).map(bytes::get).sum() & 0xff;
    }

    static String text(ByteBuffer bytes, int offset, int length) {
      byte[] text = new byte[length];
      bytes.get(offset, text);
      return new String(text, US_ASCII);
    }
  }

  private static List<VirtioMmioWindow> windows(int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> new VirtioMmioWindow(FIRST_WINDOW + i * 0x1000L, 0x1000, 10 + i))
        .toList();
  }

  private static Found install(int vcpuCount, List<VirtioMmioWindow> devices) {
    try (GuestMemory memory = GuestMemory.allocate(4 << 20, MemoryBacking.ANONYMOUS, false)) {
      return Found.in(memory, AcpiTables.install(memory, vcpuCount, devices));
    }
  }

  @Test
  void fadtLeadsToTheDevicesOfPowerManagement() {
    ByteBuffer fadt = install(1, List.of()).fadt();
    assertThat(fadt.capacity()).isEqualTo(276);
    assertThat(fadt.get(8)).as("revision").isEqualTo((byte) 6);
    assertThat(fadt.getShort(46)).as("SCI").isEqualTo((short) 9);
    assertThat(fadt.getInt(48)).as("no SMI port: ACPI is on already").isZero();
    assertThat(fadt.getInt(56)).isEqualTo(0x600);
    assertThat(fadt.getInt(64)).isEqualTo(0x604);
    assertThat(fadt.get(88)).isEqualTo((byte) 4);
    assertThat(fadt.get(89)).isEqualTo((byte) 2);
    assertThat(fadt.get(91)).as("no PM timer").isZero();
    assertThat(fadt.getShort(109)).as("ISA devices, no 8042, no VGA").isEqualTo((short) 0x5);
    assertThat(fadt.getInt(112) & 1 << 10).as("RESET_REG_SUP").isNotZero();
    assertThat(fadt.getInt(112) & 1 << 20).as("not hardware-reduced").isZero();
    assertThat(fadt.getLong(116)).as("8 bits of I/O space").isEqualTo(0x0000_0cf9_0100_0801L);
    assertThat(fadt.get(128)).isEqualTo((byte) 6);
    assertThat(fadt.getLong(152)).isEqualTo(0x600);
    assertThat(fadt.getLong(176)).isEqualTo(0x604);
  }

  @Test
  void facsIsAlignedTo64Bytes() {
    Found found = install(3, windows(2));
    assertThat(Found.text(found.facs(), 0, 4)).isEqualTo("FACS");
    assertThat(found.facs().getInt(4)).isEqualTo(64);
    assertThat(found.fadt().getInt(36) % 64).isZero();
  }

  @Property(tries = 50)
  void madtListsEveryProcessorAndTheIoApic(@ForAll @IntRange(min = 1, max = 255) int vcpuCount) {
    ByteBuffer madt = install(vcpuCount, List.of()).madt();
    assertThat(madt.getInt(36)).isEqualTo((int) 0xfee0_0000L);
    List<Integer> apicIds = new ArrayList<>();
    List<Integer> others = new ArrayList<>();
    int entry = 44;
    for (; entry < madt.capacity(); entry += madt.get(entry + 1)) {
      if (madt.get(entry) == 0) {
        assertThat(madt.getInt(entry + 4)).as("enabled").isEqualTo(1);
        apicIds.add(madt.get(entry + 3) & 0xff);
      } else {
        others.add((int) madt.get(entry));
      }
      if (madt.get(entry) == 1) {
        assertThat(madt.getInt(entry + 4)).isEqualTo((int) 0xfec0_0000L);
        assertThat(madt.getInt(entry + 8)).as("GSI base").isZero();
      }
    }
    assertThat(entry).isEqualTo(madt.capacity());
    assertThat(apicIds).isEqualTo(IntStream.range(0, vcpuCount).boxed().toList());
    assertThat(others).containsExactly(1, 4);
  }

  @Test
  void softOffIsSleepTypeFive() {
    assertThat(install(1, List.of()).aml()).containsEntry("\\_S5_", List.of(5L, 0L, 0L, 0L));
  }

  @Test
  void serialPortAndClockAreWhereTheDevicesAre() {
    Map<String, Object> aml = install(1, List.of()).aml();
    assertThat(aml).containsEntry("\\_SB_.COM1._HID", 0x0105_d041L);
    ByteBuffer serial = (ByteBuffer) aml.get("\\_SB_.COM1._CRS");
    assertThat(serial.get(0)).as("I/O").isEqualTo((byte) 0x47);
    assertThat(serial.getShort(2)).isEqualTo((short) 0x3f8);
    assertThat(serial.get(7)).isEqualTo((byte) 8);
    assertThat(serial.get(8)).as("IRQ").isEqualTo((byte) 0x22);
    assertThat(serial.getShort(9)).isEqualTo((short) (1 << 4));
    assertThat(aml).containsEntry("\\_SB_.RTC_._HID", 0x000b_d041L);
    ByteBuffer clock = (ByteBuffer) aml.get("\\_SB_.RTC_._CRS");
    assertThat(clock.getShort(2)).isEqualTo((short) 0x70);
  }

  @Property(tries = 14)
  void everyVirtioDeviceIsAnnounced(@ForAll @IntRange(max = 13) int count) {
    List<VirtioMmioWindow> windows = windows(count);
    Map<String, Object> aml = install(2, windows).aml();
    for (int i = 0; i < count; i++) {
      String path = "\\_SB_.VR%02X.".formatted(i);
      assertThat(aml)
          .containsEntry(path + "_HID", "LNRO0005")
          .containsEntry(path + "_UID", (long) i);
      ByteBuffer resources = (ByteBuffer) aml.get(path + "_CRS");
      assertThat(resources.get(0)).as("32-bit memory").isEqualTo((byte) 0x86);
      assertThat(resources.getInt(4)).isEqualTo((int) windows.get(i).gpa());
      assertThat(resources.getInt(8)).isEqualTo((int) windows.get(i).byteSize());
      assertThat(resources.get(12)).as("interrupt").isEqualTo((byte) 0x89);
      assertThat(resources.get(15)).as("consumer, edge, high").isEqualTo((byte) 0x03);
      assertThat(resources.getInt(17)).isEqualTo(windows.get(i).gsi());
      assertThat(resources.get(21)).as("end").isEqualTo((byte) 0x79);
    }
    assertThat(aml.keySet().stream().filter(name -> name.endsWith("_HID"))).hasSize(2 + count);
  }

  @Test
  void windowsOutsideTheHoleAndInterruptsOfThePcAreRefused() {
    assertThatThrownBy(() -> new VirtioMmioWindow(0x1000, 0x1000, 10))
        .hasMessageContaining("0xc0000000");
    assertThatThrownBy(() -> new VirtioMmioWindow(0xfebf_f000L, 0x2000, 10))
        .hasMessageContaining("I/O APIC");
    for (int gsi : new int[] {-1, 0, 4, 8, 9, 24}) {
      assertThatThrownBy(() -> new VirtioMmioWindow(FIRST_WINDOW, 0x1000, gsi))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("virtio interrupt " + gsi);
    }
  }

  @Test
  void processorsBeyond8BitIdsAreRefused() {
    assertThatThrownBy(() -> install(256, List.of())).hasMessageContaining("1 to 255");
    assertThatThrownBy(() -> install(0, List.of())).hasMessageContaining("1 to 255");
  }
}
