/** Emulated devices and the buses on which the guest finds them. */
package dev.torpor.vmm.device;
