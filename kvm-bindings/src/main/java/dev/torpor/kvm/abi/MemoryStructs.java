package dev.torpor.kvm.abi;

import static dev.torpor.linux.abi.Abi.array;
import static dev.torpor.linux.abi.Abi.bytes;
import static dev.torpor.linux.abi.Abi.struct;
import static dev.torpor.linux.abi.Abi.u32;
import static dev.torpor.linux.abi.Abi.u64;
import static dev.torpor.linux.abi.Abi.union;

import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Memslots, the dirty log and ring, and capabilities (KVM API: sections 4.8, 4.35, 4.37, 4.117 and
 * 8.29).
 */
public final class MemoryStructs {
  private MemoryStructs() {}

  /** A memslot. */
  public static final StructLayout KVM_USERSPACE_MEMORY_REGION =
      struct(
          "kvm_userspace_memory_region",
          u32("slot"),
          u32("flags"),
          u64("guest_phys_addr"),
          u64("memory_size"),
          u64("userspace_addr"));

  /** Where to put a memslot's dirty bitmap. */
  public static final StructLayout KVM_DIRTY_LOG =
      struct(
          "kvm_dirty_log",
          u32("slot"),
          u32("padding1"),
          union("", u64("dirty_bitmap"), u64("padding2")));

  /** Which pages of a memslot to track anew. */
  public static final StructLayout KVM_CLEAR_DIRTY_LOG =
      struct(
          "kvm_clear_dirty_log",
          u32("slot"),
          u32("num_pages"),
          u64("first_page"),
          union("", u64("dirty_bitmap"), u64("padding2")));

  /** An entry of the dirty ring. */
  public static final StructLayout KVM_DIRTY_GFN =
      struct("kvm_dirty_gfn", u32("flags"), u32("slot"), u64("offset"));

  /** A capability to enable, with its arguments. */
  public static final StructLayout KVM_ENABLE_CAP =
      struct(
          "kvm_enable_cap",
          u32("cap"),
          u32("flags"),
          array("args", 4, ValueLayout.JAVA_LONG),
          bytes("pad", 64));

  /** Every structure here, for the test against the headers. */
  public static final List<StructLayout> ALL =
      List.of(
          KVM_USERSPACE_MEMORY_REGION,
          KVM_DIRTY_LOG,
          KVM_CLEAR_DIRTY_LOG,
          KVM_DIRTY_GFN,
          KVM_ENABLE_CAP);
}
