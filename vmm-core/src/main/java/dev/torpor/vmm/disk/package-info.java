/**
 * Disks as images: what a VM writes goes to a layer of its own, over an immutable image, over a
 * base file that is only read.
 */
package dev.torpor.vmm.disk;
