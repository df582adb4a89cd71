package dev.torpor.launcher;

import dev.torpor.vmm.VmExit;

/** What the process tells its parent. */
final class ExitCode {
  /** The VM was powered off, or the command did what it should. */
  static final int OK = 0;

  /** The host or the VMM failed. */
  static final int HOST_FAILURE = 1;

  /** The command line is wrong. */
  static final int USAGE = 2;

  /** The guest asked for a reset, which ends a VM. */
  static final int RESET = 64;

  /** The guest crashed: a vCPU cannot go on. */
  static final int CRASHED = 65;

  /** The VM did not end in time. */
  static final int TIMEOUT = 124;

  /** The user ended the VM. */
  static final int QUIT = 130;

  private static final int MOST = 255;

  private ExitCode() {}

  /** The code for a VM that came to its end by itself. */
  static int of(VmExit exit) {
    return switch (exit) {
      case VmExit.PoweredOff _ -> OK;
      case VmExit.Reset _ -> RESET;
      case VmExit.GuestExited(long code, long _) -> code >= 0 && code <= MOST ? (int) code : MOST;
      case VmExit.Crashed _ -> CRASHED;
      case VmExit.Failed _ -> HOST_FAILURE;
      case VmExit.Stopped _ -> QUIT;
    };
  }
}
