/** Guest memory: its backing, its layout in guest physical space, and checked access to it. */
package dev.torpor.vmm.memory;
