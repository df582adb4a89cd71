/**
 * Linux system calls for a virtual machine monitor: file descriptors, mappings, eventfd, epoll,
 * signals, userfaultfd, the page map. Thin and typed; policy belongs to the callers.
 *
 * <p>Every call happens in the thread's native state, so it may block without delaying a safepoint.
 * A failed call throws {@link dev.torpor.linux.LinuxException} with the call, its operands and the
 * name of the error. Owners of a resource are {@link java.lang.AutoCloseable}; closing twice is
 * harmless.
 */
package dev.torpor.linux;
