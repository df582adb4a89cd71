package dev.torpor.kvm;

import dev.torpor.kvm.abi.KvmRequests;
import dev.torpor.linux.Errno;
import dev.torpor.linux.FileDescriptor;
import dev.torpor.linux.LinuxException;
import dev.torpor.linux.LinuxFile;
import dev.torpor.linux.abi.IoctlRequest;
import java.nio.file.Path;

/** The system: {@code /dev/kvm}. Safe from every thread. */
public final class Kvm extends KvmFd {
  /** The only version of the interface that there has been since 2007. */
  private static final int API_VERSION = 12;

  private static final int LARGEST_LIST = 1 << 14;

  /** 0 until the first VM is created. */
  private volatile int knownRunByteSize;

  Kvm(FileDescriptor descriptor) {
    super(descriptor);
  }

  /**
   * Opens {@code /dev/kvm}.
   *
   * @return the system
   * @throws LinuxException ENOENT without KVM, EACCES without permission
   * @throws KvmException if it is no KVM, or one of another version
   */
  public static Kvm open() {
    Kvm kvm = new Kvm(LinuxFile.open(Path.of("/dev/kvm"), LinuxFile.O_RDWR).descriptor());
    try {
      int version = kvm.call(KvmRequests.KVM_GET_API_VERSION, 0);
      if (version == API_VERSION) {
        return kvm;
      }
      throw new KvmException(
          "KVM_GET_API_VERSION",
          Errno.EINVAL,
          "/dev/kvm has version " + version + ", not " + API_VERSION);
    } catch (LinuxException e) {
      kvm.close();
      throw e;
    }
  }

  /**
   * What the system says of a capability (section 4.4).
   *
   * @param cap the capability
   * @return 0 if it is missing; else 1, or a number that the capability defines
   * @throws KvmException EBADF
   */
  public int check(Cap cap) {
    return call(KvmRequests.KVM_CHECK_EXTENSION, cap.number());
  }

  /**
   * The size of the memory that each vCPU shares with the VMM (section 4.5).
   *
   * @return the size in bytes
   * @throws KvmException EBADF
   */
  public int runByteSize() {
    return call(KvmRequests.KVM_GET_VCPU_MMAP_SIZE, 0);
  }

  /**
   * Creates a virtual machine without memory and vCPUs (section 4.2).
   *
   * @return the virtual machine
   * @throws KvmException ENOMEM, EMFILE
   */
  public VmFd createVm() {
    // The call may be interrupted by a signal while KVM waits for other CPUs; it then had no
    // effect.
    while (true) {
      try {
        return vm(FileDescriptor.owning(call(KvmRequests.KVM_CREATE_VM, 0)));
      } catch (KvmException e) {
        if (e.errno() != Errno.EINTR) {
          throw e;
        }
      }
    }
  }

  private VmFd vm(FileDescriptor descriptor) {
    try {
      if (knownRunByteSize == 0) {
        knownRunByteSize = runByteSize();
      }
      return new VmFd(descriptor, knownRunByteSize);
    } catch (KvmException e) {
      descriptor.close();
      throw e;
    }
  }

  /**
   * The CPUID answers that this host and KVM can give a guest (section 4.46).
   *
   * @return the answers, in a list of the caller's
   * @throws KvmException ENOMEM
   */
  public Cpuid supportedCpuid() {
    return cpuid(KvmRequests.KVM_GET_SUPPORTED_CPUID);
  }

  /**
   * The CPUID features that KVM emulates although the host lacks them (section 4.88).
   *
   * @return the answers, in a list of the caller's
   * @throws KvmException ENOMEM
   */
  public Cpuid emulatedCpuid() {
    return cpuid(KvmRequests.KVM_GET_EMULATED_CPUID);
  }

  private Cpuid cpuid(IoctlRequest request) {
    for (int capacity = Cpuid.USUAL_CAPACITY; ; capacity *= 2) {
      Cpuid list = new Cpuid(capacity);
      try {
        call(request, list.segment());
        return list;
      } catch (KvmException e) {
        if (e.errno() != Errno.E2BIG || capacity >= LARGEST_LIST) {
          throw e;
        }
      }
    }
  }

  /**
   * The MSRs whose values make up a guest's state, as far as KVM lists them (section 4.3). The list
   * is not complete: see {@link Msrs}.
   *
   * @return their indices
   * @throws KvmException EFAULT
   */
  public int[] msrIndices() {
    return msrList(KvmRequests.KVM_GET_MSR_INDEX_LIST);
  }

  /**
   * The MSRs that describe features of the host rather than state of a guest (section 4.3).
   *
   * @return their indices
   * @throws KvmException EFAULT
   */
  public int[] featureMsrIndices() {
    return msrList(KvmRequests.KVM_GET_MSR_FEATURE_INDEX_LIST);
  }

  private int[] msrList(IoctlRequest request) {
    for (int capacity = 256; ; capacity *= 2) {
      MsrIndexList list = new MsrIndexList(capacity);
      try {
        call(request, list.segment());
        return list.indices();
      } catch (KvmException e) {
        if (e.errno() != Errno.E2BIG || capacity >= LARGEST_LIST) {
          throw e;
        }
      }
    }
  }

  /**
   * Reads MSRs that describe features of the host (section 4.18).
   *
   * @param msrs the indices to read; their values are filled
   * @throws KvmException EIO, naming the first that is no such MSR
   */
  public void readFeatureMsrs(Msrs msrs) {
    msrs.requireAll("KVM_GET_MSRS", call(KvmRequests.KVM_GET_MSRS, msrs.segment()));
  }
}
