/** Threads that wait for system calls. */
package dev.torpor.vmm.thread;
