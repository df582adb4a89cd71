package dev.torpor.vmm.boot;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.torpor.vmm.device.PowerManagement;
import dev.torpor.vmm.device.RealTimeClock;
import dev.torpor.vmm.device.SerialPort;
import dev.torpor.vmm.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Describes the machine to the guest: its processors and interrupt controllers, its serial port and
 * clock, how to switch it off, and where its virtio devices are.
 *
 * <pre>
 * RSDP → XSDT → FADT → DSDT (devices, in AML)
 *             │      → FACS
 *             → MADT (processors, I/O APIC)
 * </pre>
 *
 * <p>The tables lie in the BIOS area below 1 MiB, which the memory map reserves. The keyboard
 * controller is not announced: no keyboard is behind it, and Linux then does not look for one.
 * Source: ACPI specification 6.5, 5.2.
 */
public final class AcpiTables {
  /** The interrupt by which ACPI would announce events. */
  public static final int SCI_GSI = 9;

  /** The largest number of processors that 8-bit local APIC ids can tell apart. */
  public static final int MAX_VCPUS = 255;

  private static final long LOCAL_APIC = 0xfee0_0000L;
  private static final long IO_APIC = 0xfec0_0000L;
  private static final int TABLE_ALIGNMENT = 64;

  private static final String OEM_ID = "TORPOR";
  private static final int HEADER_BYTES = 36;
  private static final int CHECKSUM = 9;
  private static final int RSDP_BYTES = 36;
  private static final int RSDP_1_BYTES = 20;
  private static final int RSDP_EXTENDED_CHECKSUM = 32;
  private static final int FADT_BYTES = 276;
  private static final int FACS_BYTES = 64;

  private static final int LEGACY_DEVICES = 1;
  private static final int NO_VGA = 1 << 2;
  private static final int WBINVD = 1;
  private static final int PROC_C1 = 1 << 2;
  private static final int NO_FIXED_POWER_BUTTON = 1 << 4;
  private static final int NO_FIXED_SLEEP_BUTTON = 1 << 5;
  private static final int NO_RTC_WAKE = 1 << 6;
  private static final int RESET_REG_SUP = 1 << 10;
  private static final int C2_UNSUPPORTED = 101;
  private static final int C3_UNSUPPORTED = 1001;

  private static final int MADT_LOCAL_APIC = 0;
  private static final int MADT_IO_APIC = 1;
  private static final int MADT_LOCAL_APIC_NMI = 4;
  private static final int MADT_ENABLED = 1;
  private static final int MADT_HAS_8259 = 1;
  private static final int EVERY_PROCESSOR = 0xff;

  private final GuestMemory memory;
  private long next = LowMemory.ACPI_TABLES + TABLE_ALIGNMENT;

  private AcpiTables(GuestMemory memory) {
    this.memory = memory;
  }

  /**
   * Writes the tables into guest memory.
   *
   * @param memory the guest's memory
   * @param vcpuCount how many processors there are, 1 to {@link #MAX_VCPUS}; their local APIC ids
   *     count from 0
   * @param devices the virtio devices, in the order in which the guest is to find them
   * @return the guest physical address of the RSDP
   */
  public static long install(GuestMemory memory, int vcpuCount, List<VirtioMmioWindow> devices) {
    if (vcpuCount < 1 || vcpuCount > MAX_VCPUS) {
      throw new IllegalArgumentException(
          vcpuCount + " vCPUs: the ACPI tables can list 1 to " + MAX_VCPUS);
    }
    AcpiTables tables = new AcpiTables(memory);
    long dsdt = tables.place(table("DSDT", 2, dsdt(devices)));
    long facs = tables.place(facs());
    long fadt = tables.place(fadt(dsdt, facs));
    long madt = tables.place(table("APIC", 5, madt(vcpuCount)));
    long xsdt = tables.place(table("XSDT", 1, addresses(fadt, madt)));
    memory.write(LowMemory.ACPI_TABLES, MemorySegment.ofArray(rsdp(xsdt)));
    return LowMemory.ACPI_TABLES;
  }

  private long place(byte[] table) {
    long gpa = next;
    next = (gpa + table.length + TABLE_ALIGNMENT - 1) & -TABLE_ALIGNMENT;
    if (next > LowMemory.END) {
      throw new IllegalArgumentException("the ACPI tables of so many devices exceed the BIOS area");
    }
    memory.write(gpa, MemorySegment.ofArray(table));
    return gpa;
  }

  private static byte[] dsdt(List<VirtioMmioWindow> devices) {
    List<byte[]> terms = new ArrayList<>();
    terms.add(serialPort());
    terms.add(realTimeClock());
    for (int i = 0; i < devices.size(); i++) {
      terms.add(virtioDevice(i, devices.get(i)));
    }
    return Aml.concat(softOff(), Aml.scope("\\_SB_", terms.toArray(byte[][]::new)));
  }

  private static byte[] softOff() {
    byte[] zero = Aml.integer(0);
    return Aml.name(
        "\\_S5_",
        Aml.packageOf(Aml.integer(PowerManagement.SOFT_OFF_SLEEP_TYPE), zero, zero, zero));
  }

  private static byte[] serialPort() {
    return Aml.device(
        "COM1",
        Aml.name("_HID", Aml.eisaId("PNP0501")),
        Aml.name("_UID", Aml.integer(1)),
        Aml.name(
            "_CRS",
            Aml.resources(
                Aml.ioPorts(SerialPort.COM1, SerialPort.PORT_COUNT),
                Aml.isaInterrupt(SerialPort.COM1_IRQ))));
  }

  private static byte[] realTimeClock() {
    return Aml.device(
        "RTC_",
        Aml.name("_HID", Aml.eisaId("PNP0B00")),
        Aml.name(
            "_CRS",
            Aml.resources(Aml.ioPorts(RealTimeClock.FIRST_PORT, RealTimeClock.PORT_COUNT))));
  }

  /** LNRO0005 is what Linux's driver virtio_mmio looks for. */
  private static byte[] virtioDevice(int index, VirtioMmioWindow window) {
    return Aml.device(
        "VR%02X".formatted(index),
        Aml.name("_HID", Aml.string("LNRO0005")),
        Aml.name("_UID", Aml.integer(index)),
        Aml.name("_CCA", Aml.integer(1)),
        Aml.name(
            "_CRS",
            Aml.resources(
                Aml.memory(window.gpa(), window.byteSize()), Aml.interrupt(window.gsi()))));
  }

  /**
   * The processors, and one I/O APIC whose inputs are the GSIs: KVM wires interrupt 0, the timer,
   * to its input 0, so the ISA interrupts need no override.
   */
  private static byte[] madt(int vcpuCount) {
    byte[] contents = new byte[8 + vcpuCount * 8 + 12 + 6];
    ByteBuffer madt = littleEndian(contents);
    madt.putInt((int) LOCAL_APIC).putInt(MADT_HAS_8259);
    for (int i = 0; i < vcpuCount; i++) {
      madt.put((byte) MADT_LOCAL_APIC).put((byte) 8);
      madt.put((byte) i).put((byte) i).putInt(MADT_ENABLED);
    }
    madt.put((byte) MADT_IO_APIC).put((byte) 12).putShort((short) 0);
    madt.putInt((int) IO_APIC).putInt(0);
    madt.put((byte) MADT_LOCAL_APIC_NMI).put((byte) 6);
    madt.put((byte) EVERY_PROCESSOR).putShort((short) 0).put((byte) 1);
    return contents;
  }

  /** Field by field, at the specification's offsets and with its names. */
  private static byte[] fadt(long dsdt, long facs) {
    byte[] whole = new byte[FADT_BYTES];
    ByteBuffer fadt = littleEndian(whole);
    fadt.putInt(36, (int) facs); // FIRMWARE_CTRL
    fadt.putInt(40, (int) dsdt); // DSDT
    fadt.putShort(46, (short) SCI_GSI); // SCI_INT
    fadt.putInt(56, PowerManagement.EVENT_PORT); // PM1a_EVT_BLK
    fadt.putInt(64, PowerManagement.CONTROL_PORT); // PM1a_CNT_BLK
    fadt.put(88, (byte) PowerManagement.EVENT_PORT_COUNT); // PM1_EVT_LEN
    fadt.put(89, (byte) PowerManagement.CONTROL_PORT_COUNT); // PM1_CNT_LEN
    fadt.putShort(96, (short) C2_UNSUPPORTED); // P_LVL2_LAT
    fadt.putShort(98, (short) C3_UNSUPPORTED); // P_LVL3_LAT
    fadt.put(108, (byte) RealTimeClock.CENTURY); // CENTURY
    fadt.putShort(109, (short) (LEGACY_DEVICES | NO_VGA)); // IAPC_BOOT_ARCH
    fadt.putInt(
        112, // Flags
        WBINVD
            | PROC_C1
            | NO_FIXED_POWER_BUTTON
            | NO_FIXED_SLEEP_BUTTON
            | NO_RTC_WAKE
            | RESET_REG_SUP);
    putIoRegister(fadt, 116, PowerManagement.RESET_PORT, 1); // RESET_REG
    fadt.put(128, (byte) PowerManagement.RESET_VALUE); // RESET_VALUE
    fadt.put(131, (byte) 5); // FADT Minor Version
    fadt.putLong(140, dsdt); // X_DSDT
    putIoRegister(fadt, 148, PowerManagement.EVENT_PORT, 4); // X_PM1a_EVT_BLK
    putIoRegister(fadt, 172, PowerManagement.CONTROL_PORT, 2); // X_PM1a_CNT_BLK
    return table("FACP", 6, Arrays.copyOfRange(whole, HEADER_BYTES, FADT_BYTES));
  }

  /** A generic address structure: a register in the space of I/O ports. */
  private static void putIoRegister(ByteBuffer table, int offset, int port, int byteCount) {
    int systemIo = 1;
    int accessSize = Integer.numberOfTrailingZeros(byteCount) + 1;
    table.put(offset, (byte) systemIo);
    table.put(offset + 1, (byte) (byteCount * Byte.SIZE));
    table.put(offset + 3, (byte) accessSize);
    table.putLong(offset + 4, port);
  }

  private static byte[] facs() {
    byte[] facs = new byte[FACS_BYTES];
    littleEndian(facs).put("FACS".getBytes(US_ASCII)).putInt(FACS_BYTES);
    facs[32] = 2; // Version
    return facs;
  }

  private static byte[] addresses(long... gpas) {
    byte[] addresses = new byte[gpas.length * Long.BYTES];
    littleEndian(addresses).asLongBuffer().put(gpas);
    return addresses;
  }

  private static byte[] rsdp(long xsdt) {
    byte[] rsdp = new byte[RSDP_BYTES];
    ByteBuffer fields = littleEndian(rsdp);
    fields.put("RSD PTR ".getBytes(US_ASCII)).put((byte) 0).put(OEM_ID.getBytes(US_ASCII));
    fields.put((byte) 2).putInt(0); // Revision; no RSDT
    fields.putInt(RSDP_BYTES).putLong(xsdt);
    rsdp[8] = checksum(rsdp, RSDP_1_BYTES);
    rsdp[RSDP_EXTENDED_CHECKSUM] = checksum(rsdp, RSDP_BYTES);
    return rsdp;
  }

  /** Puts the common header in front of a table's contents. */
  private static byte[] table(String signature, int revision, byte[] contents) {
    byte[] table = new byte[HEADER_BYTES + contents.length];
    ByteBuffer fields = littleEndian(table);
    fields.put(signature.getBytes(US_ASCII)).putInt(table.length);
    fields.put((byte) revision).put((byte) 0).put(OEM_ID.getBytes(US_ASCII));
    fields.put("TORPORVM".getBytes(US_ASCII)).putInt(1); // OEM Table ID and Revision
    fields.put("TRPR".getBytes(US_ASCII)).putInt(1); // Creator ID and Revision
    fields.put(contents);
    table[CHECKSUM] = checksum(table, table.length);
    return table;
  }

  private static byte checksum(byte[] bytes, int byteCount) {
    byte sum = 0;
    for (int i = 0; i < byteCount; i++) {
      sum += bytes[i];
    }
    return (byte) -sum;
  }

  private static ByteBuffer littleEndian(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
