package dev.torpor.linux.abi;

import static dev.torpor.linux.abi.Abi.struct;
import static dev.torpor.linux.abi.Abi.u16;
import static dev.torpor.linux.abi.Abi.u32;
import static dev.torpor.linux.abi.Abi.u64;
import static dev.torpor.linux.abi.Abi.u8;
import static dev.torpor.linux.abi.Abi.union;

import java.lang.foreign.StructLayout;
import java.util.List;

/** Structures and requests of userfaultfd (Linux: {@code include/uapi/linux/userfaultfd.h}). */
public final class UserfaultfdStructs {
  private UserfaultfdStructs() {}

  /** {@code struct uffdio_api}. */
  public static final StructLayout UFFDIO_API_ARG =
      struct("uffdio_api", u64("api"), u64("features"), u64("ioctls"));

  /** {@code struct uffdio_range}. */
  public static final StructLayout UFFDIO_RANGE = struct("uffdio_range", u64("start"), u64("len"));

  /** {@code struct uffdio_register}. */
  public static final StructLayout UFFDIO_REGISTER_ARG =
      struct("uffdio_register", UFFDIO_RANGE.withName("range"), u64("mode"), u64("ioctls"));

  /** {@code struct uffdio_copy}. */
  public static final StructLayout UFFDIO_COPY_ARG =
      struct("uffdio_copy", u64("dst"), u64("src"), u64("len"), u64("mode"), u64("copy"));

  /** {@code struct uffdio_zeropage}. */
  public static final StructLayout UFFDIO_ZEROPAGE_ARG =
      struct("uffdio_zeropage", UFFDIO_RANGE.withName("range"), u64("mode"), u64("zeropage"));

  /** {@code struct uffdio_writeprotect}. */
  public static final StructLayout UFFDIO_WRITEPROTECT_ARG =
      struct("uffdio_writeprotect", UFFDIO_RANGE.withName("range"), u64("mode"));

  /** {@code struct uffdio_continue}. */
  public static final StructLayout UFFDIO_CONTINUE_ARG =
      struct("uffdio_continue", UFFDIO_RANGE.withName("range"), u64("mode"), u64("mapped"));

  /** {@code struct uffdio_poison}, since Linux 6.6. */
  public static final StructLayout UFFDIO_POISON_ARG =
      struct("uffdio_poison", UFFDIO_RANGE.withName("range"), u64("mode"), u64("updated"));

  /** {@code struct uffdio_move}, since Linux 6.8. */
  public static final StructLayout UFFDIO_MOVE_ARG =
      struct("uffdio_move", u64("dst"), u64("src"), u64("len"), u64("mode"), u64("move"));

  /** {@code struct uffd_msg}, which the header packs; its members are aligned all the same. */
  public static final StructLayout UFFD_MSG =
      struct(
          "uffd_msg",
          u8("event"),
          u8("reserved1"),
          u16("reserved2"),
          u32("reserved3"),
          union(
              "arg",
              struct("pagefault", u64("flags"), u64("address"), struct("feat", u32("ptid")))
                  .withName("pagefault"),
              struct("fork", u32("ufd")).withName("fork"),
              struct("remap", u64("from"), u64("to"), u64("len")).withName("remap"),
              struct("remove", u64("start"), u64("end")).withName("remove"),
              struct("", u64("reserved1"), u64("reserved2"), u64("reserved3"))
                  .withName("reserved")));

  private static final int TYPE = 0xaa;

  /** Opens a userfaultfd through {@code /dev/userfaultfd}, since Linux 6.1. */
  public static final IoctlRequest USERFAULTFD_IOC_NEW =
      IoctlRequest.plain("USERFAULTFD_IOC_NEW", TYPE, 0x00);

  /** Agrees on the features. */
  public static final IoctlRequest UFFDIO_API =
      IoctlRequest.readWrite("UFFDIO_API", TYPE, 0x3f, UFFDIO_API_ARG);

  /** Registers a range. */
  public static final IoctlRequest UFFDIO_REGISTER =
      IoctlRequest.readWrite("UFFDIO_REGISTER", TYPE, 0x00, UFFDIO_REGISTER_ARG);

  /** Takes a range back. */
  public static final IoctlRequest UFFDIO_UNREGISTER =
      IoctlRequest.read("UFFDIO_UNREGISTER", TYPE, 0x01, UFFDIO_RANGE);

  /** Wakes those who wait for a range. */
  public static final IoctlRequest UFFDIO_WAKE =
      IoctlRequest.read("UFFDIO_WAKE", TYPE, 0x02, UFFDIO_RANGE);

  /** Supplies pages by copying. */
  public static final IoctlRequest UFFDIO_COPY =
      IoctlRequest.readWrite("UFFDIO_COPY", TYPE, 0x03, UFFDIO_COPY_ARG);

  /** Supplies zero pages. */
  public static final IoctlRequest UFFDIO_ZEROPAGE =
      IoctlRequest.readWrite("UFFDIO_ZEROPAGE", TYPE, 0x04, UFFDIO_ZEROPAGE_ARG);

  /** Moves pages, since Linux 6.8. */
  public static final IoctlRequest UFFDIO_MOVE =
      IoctlRequest.readWrite("UFFDIO_MOVE", TYPE, 0x05, UFFDIO_MOVE_ARG);

  /** Protects against writes, or ends the protection. */
  public static final IoctlRequest UFFDIO_WRITEPROTECT =
      IoctlRequest.readWrite("UFFDIO_WRITEPROTECT", TYPE, 0x06, UFFDIO_WRITEPROTECT_ARG);

  /** Maps pages that are in the page cache already. */
  public static final IoctlRequest UFFDIO_CONTINUE =
      IoctlRequest.readWrite("UFFDIO_CONTINUE", TYPE, 0x07, UFFDIO_CONTINUE_ARG);

  /** Makes a range answer with SIGBUS, since Linux 6.6. */
  public static final IoctlRequest UFFDIO_POISON =
      IoctlRequest.readWrite("UFFDIO_POISON", TYPE, 0x08, UFFDIO_POISON_ARG);

  /** Every structure here, for the test against the headers. */
  public static final List<StructLayout> ALL =
      List.of(
          UFFDIO_API_ARG,
          UFFDIO_RANGE,
          UFFDIO_REGISTER_ARG,
          UFFDIO_COPY_ARG,
          UFFDIO_ZEROPAGE_ARG,
          UFFDIO_WRITEPROTECT_ARG,
          UFFDIO_CONTINUE_ARG,
          UFFDIO_POISON_ARG,
          UFFDIO_MOVE_ARG,
          UFFD_MSG);

  /** Every request here, for the test against the headers. */
  public static final List<IoctlRequest> REQUESTS =
      List.of(
          USERFAULTFD_IOC_NEW,
          UFFDIO_API,
          UFFDIO_REGISTER,
          UFFDIO_UNREGISTER,
          UFFDIO_WAKE,
          UFFDIO_COPY,
          UFFDIO_ZEROPAGE,
          UFFDIO_MOVE,
          UFFDIO_WRITEPROTECT,
          UFFDIO_CONTINUE,
          UFFDIO_POISON);
}
