package dev.torpor.vmm.boot;

import static dev.torpor.vmm.boot.ControlBits.CR0_AM;
import static dev.torpor.vmm.boot.ControlBits.CR0_ET;
import static dev.torpor.vmm.boot.ControlBits.CR0_MP;
import static dev.torpor.vmm.boot.ControlBits.CR0_NE;
import static dev.torpor.vmm.boot.ControlBits.CR0_PE;
import static dev.torpor.vmm.boot.ControlBits.CR0_PG;
import static dev.torpor.vmm.boot.ControlBits.CR0_WP;
import static dev.torpor.vmm.boot.ControlBits.CR4_OSFXSR;
import static dev.torpor.vmm.boot.ControlBits.CR4_OSXMMEXCPT;
import static dev.torpor.vmm.boot.ControlBits.CR4_PAE;
import static dev.torpor.vmm.boot.ControlBits.CR4_PGE;
import static dev.torpor.vmm.boot.ControlBits.EFER_LMA;
import static dev.torpor.vmm.boot.ControlBits.EFER_LME;
import static dev.torpor.vmm.boot.ControlBits.EFER_NXE;
import static dev.torpor.vmm.boot.ControlBits.EFER_SCE;
import static dev.torpor.vmm.boot.ControlBits.RFLAGS_FIXED;

import dev.torpor.kvm.Register;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Boots a flat guest: a raw image that runs in 64-bit mode at CPL 3, where every KVM runs at native
 * speed, and that talks through the {@linkplain dev.torpor.vmm.device.Doorbell doorbell}.
 *
 * <pre>
 * 0x001000  page tables: PML4, PDPT, and a PD for each GiB; identity, user, writable
 * 0x100000  the image, entered at its first byte; ends at 0x180000 at the latest
 * 0x200000  stack of vCPU 0, downwards; that of vCPU i begins 0x2000 * i below
 * 0x400000  workspaces, unless the caller gives others
 * </pre>
 *
 * <p>Every vCPU runs from the start. The contract with the images is in native/guests/README.md.
 */
public final class FlatBoot {
  /** Where the image lies and begins. */
  public static final long IMAGE_GPA = 0x10_0000;

  /** How long an image may be, in bytes. */
  public static final long MAX_IMAGE_BYTES = 0x8_0000;

  /** Where the stacks begin; what lies above is free for workspaces. */
  public static final long STACK_TOP = 0x20_0000;

  /** Where the workspaces begin that {@link #shareMemory} gives. */
  public static final long WORKSPACE_GPA = 0x40_0000;

  /** How many vCPUs have room for their stacks. */
  public static final int MAX_VCPUS = 64;

  private static final long STACK_BYTES = 0x2000;
  private static final long PML4 = 0x1000;
  private static final int MIN_MAPPED_GIBS = 4;
  private static final long GIB = 1L << 30;
  private static final int USER_CODE = 0x33;
  private static final int USER_DATA = 0x2b;
  private static final int TASK_STATE = 0x40;

  private FlatBoot() {}

  /**
   * Loads an image.
   *
   * @param memory the guest's memory, all zeroes
   * @param image the image, for instance from {@link FlatGuests}
   * @param vcpus what each vCPU is given
   * @return how the vCPUs begin
   * @throws BootException if the image is too long, or a workspace is not RAM for it
   */
  public static BootState load(GuestMemory memory, byte[] image, List<FlatArguments> vcpus) {
    requireVcpuCount(vcpus.size());
    if (image.length == 0 || image.length > MAX_IMAGE_BYTES) {
      throw new BootException(
          "a flat image has 1 to %d bytes, and this one %d"
              .formatted(MAX_IMAGE_BYTES, image.length));
    }
    for (FlatArguments vcpu : vcpus) {
      requireWorkspace(memory, vcpu);
    }
    IdentityPages.write(memory, PML4, mappedGibs(memory), IdentityPages.USER);
    memory.write(IMAGE_GPA, MemorySegment.ofArray(image));
    return new BootState(
        IntStream.range(0, vcpus.size()).mapToObj(i -> entry(i, vcpus.get(i))).toList());
  }

  /**
   * Splits the memory above {@link #WORKSPACE_GPA}, up to the end of the first region, into equal
   * workspaces.
   *
   * @param memory the guest's memory
   * @param vcpuCount how many vCPUs share it, 1 to {@link #MAX_VCPUS}
   * @param rdx the program's first argument, for every vCPU
   * @param rcx the program's second argument
   * @param r8 the program's third argument
   * @param r9 the program's fourth argument
   * @return what each vCPU is given
   */
  public static List<FlatArguments> shareMemory(
      GuestMemory memory, int vcpuCount, long rdx, long rcx, long r8, long r9) {
    requireVcpuCount(vcpuCount);
    long available = MemoryMap.endOfLowRam(memory) - WORKSPACE_GPA;
    long share = (available / vcpuCount) & -MemoryLayout.PAGE_BYTES;
    List<FlatArguments> arguments = new ArrayList<>();
    for (long i = 0; i < vcpuCount; i++) {
      arguments.add(new FlatArguments(WORKSPACE_GPA + i * share, share, rdx, rcx, r8, r9));
    }
    return arguments;
  }

  private static void requireVcpuCount(int vcpuCount) {
    if (vcpuCount < 1 || vcpuCount > MAX_VCPUS) {
      throw new BootException(
          "a flat guest has 1 to %d vCPUs, not %d".formatted(MAX_VCPUS, vcpuCount));
    }
  }

  private static void requireWorkspace(GuestMemory memory, FlatArguments vcpu) {
    long gpa = vcpu.workspaceGpa();
    if (vcpu.workspaceBytes() == 0) {
      return;
    }
    if (gpa < STACK_TOP
        || gpa % MemoryLayout.PAGE_BYTES != 0
        || !memory.contains(gpa, vcpu.workspaceBytes())) {
      throw new BootException(
          "workspace 0x%x of 0x%x bytes: must be RAM, page-aligned and not below 0x%x"
              .formatted(gpa, vcpu.workspaceBytes(), STACK_TOP));
    }
  }

  /** The largest memory ends at 253 GiB, and its last PD where the image begins. */
  private static int mappedGibs(GuestMemory memory) {
    return (int) Math.max(MIN_MAPPED_GIBS, Math.ceilDiv(memory.regions().getLast().end(), GIB));
  }

  private static VcpuEntry entry(int vcpuIndex, FlatArguments arguments) {
    return new VcpuEntry(
        Map.of(
            Register.RIP, IMAGE_GPA,
            Register.RSP, STACK_TOP - vcpuIndex * STACK_BYTES,
            Register.RFLAGS, RFLAGS_FIXED,
            Register.RDI, arguments.workspaceGpa(),
            Register.RSI, arguments.workspaceBytes(),
            Register.RDX, arguments.rdx(),
            Register.RCX, arguments.rcx(),
            Register.R8, arguments.r8(),
            Register.R9, arguments.r9()),
        Segments.code64(USER_CODE),
        Segments.data(USER_DATA),
        Segments.taskState(TASK_STATE),
        Segments.none(),
        DescriptorTable.EMPTY,
        DescriptorTable.EMPTY,
        CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG,
        PML4,
        CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT,
        EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE);
  }
}
