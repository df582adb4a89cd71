/** The embedding API: how a virtual machine is described, and the machine itself. */
package dev.torpor.vmm.vm;
