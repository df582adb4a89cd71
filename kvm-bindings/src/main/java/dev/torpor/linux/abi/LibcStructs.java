package dev.torpor.linux.abi;

import static dev.torpor.linux.abi.Abi.array;
import static dev.torpor.linux.abi.Abi.bytes;
import static dev.torpor.linux.abi.Abi.struct;
import static dev.torpor.linux.abi.Abi.u32;
import static dev.torpor.linux.abi.Abi.u64;
import static dev.torpor.linux.abi.Abi.u8;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Structures of glibc on x86-64. */
public final class LibcStructs {
  private LibcStructs() {}

  /** {@code struct epoll_event}, which x86-64 packs: its second member is not aligned. */
  public static final StructLayout EPOLL_EVENT =
      MemoryLayout.structLayout(u32("events"), ValueLayout.JAVA_LONG_UNALIGNED.withName("data"))
          .withName("epoll_event");

  /** {@code struct timespec}. */
  public static final StructLayout TIMESPEC = struct("timespec", u64("tv_sec"), u64("tv_nsec"));

  /** {@code struct termios}. */
  public static final StructLayout TERMIOS =
      struct(
          "termios",
          u32("c_iflag"),
          u32("c_oflag"),
          u32("c_cflag"),
          u32("c_lflag"),
          u8("c_line"),
          bytes("c_cc", 32),
          u32("c_ispeed"),
          u32("c_ospeed"));

  /** {@code sigset_t}: 1,024 bits, of which the kernel reads 64. */
  public static final StructLayout SIGSET =
      struct("sigset_t", array("__val", 16, ValueLayout.JAVA_LONG));

  /** {@code cpu_set_t}: 1,024 bits. */
  public static final StructLayout CPU_SET =
      struct("cpu_set_t", array("__bits", 16, ValueLayout.JAVA_LONG));

  /** Every structure here, for the test against the headers. */
  public static final List<StructLayout> ALL =
      List.of(EPOLL_EVENT, TIMESPEC, TERMIOS, SIGSET, CPU_SET);
}
