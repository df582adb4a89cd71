package dev.torpor.kvm;

import dev.torpor.linux.FileDescriptor;
import dev.torpor.linux.abi.Ioctl;
import dev.torpor.linux.abi.IoctlRequest;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.function.Supplier;

/**
 * What the three kinds of descriptor share: ownership, and requests that fail with their operands.
 */
abstract sealed class KvmFd implements AutoCloseable permits Kvm, VmFd, VcpuFd {
  private final FileDescriptor descriptor;

  KvmFd(FileDescriptor descriptor) {
    this.descriptor = descriptor;
  }

  /**
   * The descriptor.
   *
   * @return the descriptor, owned by this object
   */
  public final FileDescriptor descriptor() {
    return descriptor;
  }

  final int call(IoctlRequest request, long argument, Supplier<String> operands) {
    int result = Ioctl.invoke(descriptor.number(), request, argument);
    if (result < 0) {
      throw failure(request, result, operands.get());
    }
    return result;
  }

  /** A request whose argument is a plain value. */
  final int call(IoctlRequest request, long argument) {
    int result = Ioctl.invoke(descriptor.number(), request, argument);
    if (result < 0) {
      throw failure(request, result, "argument=" + argument);
    }
    return result;
  }

  /** A request that reads or fills a structure, which stays reachable during the call. */
  final int call(IoctlRequest request, MemorySegment argument) {
    try {
      int result = Ioctl.invoke(descriptor.number(), request, argument.address());
      if (result < 0) {
        throw failure(request, result, descriptor.toString());
      }
      return result;
    } finally {
      Reference.reachabilityFence(argument);
    }
  }

  static KvmException failure(IoctlRequest request, int result, String operands) {
    return new KvmException(request.name(), -result, operands);
  }

  /** Closes the descriptor; a second call does nothing. */
  @Override
  public void close() {
    descriptor.close();
  }
}
