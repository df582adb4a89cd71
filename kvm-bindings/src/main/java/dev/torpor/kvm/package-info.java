/**
 * KVM, one type for each kind of file descriptor: {@link dev.torpor.kvm.Kvm} for the system, {@link
 * dev.torpor.kvm.VmFd} for a virtual machine, {@link dev.torpor.kvm.VcpuFd} for a virtual CPU.
 * Around them stand views of the kernel's structures, laid over native memory: made once, filled
 * and read in place, copied as bytes.
 *
 * <p>No policy and no allocation on hot paths. A failed request throws {@link
 * dev.torpor.kvm.KvmException}. Section numbers are those of the kernel's {@code
 * Documentation/virt/kvm/api.rst}.
 */
package dev.torpor.kvm;
