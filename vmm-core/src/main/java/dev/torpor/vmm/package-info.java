/** What every room of the VMM shares. */
package dev.torpor.vmm;
