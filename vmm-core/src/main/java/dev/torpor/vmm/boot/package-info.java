/**
 * Bringing a guest to its first instruction: loading kernels and flat images into guest memory, and
 * the tables that describe the machine to them. Pure work on {@link
 * dev.torpor.vmm.memory.GuestMemory}; what the vCPUs' registers must hold is returned, not set.
 */
package dev.torpor.vmm.boot;
