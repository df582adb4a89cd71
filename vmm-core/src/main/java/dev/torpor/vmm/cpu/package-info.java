/** Virtual CPUs: their threads, how they are paused together, and what CPUID tells their guest. */
package dev.torpor.vmm.cpu;
