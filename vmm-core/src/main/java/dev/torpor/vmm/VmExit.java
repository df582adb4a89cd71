package dev.torpor.vmm;

/** Why a virtual machine came to its end. */
public sealed interface VmExit {

  /**
   * The reason in one line, for a person.
   *
   * @return for instance {@code powered off}
   */
  String describe();

  /** The guest switched the machine off. */
  record PoweredOff() implements VmExit {
    @Override
    public String describe() {
      return "powered off";
    }
  }

  /** The guest asked for a reset. */
  record Reset() implements VmExit {
    @Override
    public String describe() {
      return "reset by the guest";
    }
  }

  /**
   * A flat guest ended itself.
   *
   * @param code the code it gave
   * @param detail the diagnostic word it gave before, or 0
   */
  record GuestExited(long code, long detail) implements VmExit {
    @Override
    public String describe() {
      return "guest exited with code %d%s"
          .formatted(code, detail == 0 ? "" : " (detail 0x%x)".formatted(detail));
    }
  }

  /**
   * A vCPU cannot go on, and with it the guest.
   *
   * @param vcpuId the vCPU
   * @param reason what happened, and where
   */
  record Crashed(int vcpuId, String reason) implements VmExit {
    @Override
    public String describe() {
      return "vCPU %d crashed: %s".formatted(vcpuId, reason);
    }
  }

  /**
   * The VMM cannot go on; the guest is not to blame.
   *
   * @param cause what happened
   */
  record Failed(Throwable cause) implements VmExit {
    @Override
    public String describe() {
      return "the VMM failed: " + cause;
    }
  }

  /** The host stopped it. */
  record Stopped() implements VmExit {
    @Override
    public String describe() {
      return "stopped by the host";
    }
  }
}
