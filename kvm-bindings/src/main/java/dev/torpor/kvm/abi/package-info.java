/** How KVM lays out its structures and numbers its requests. */
package dev.torpor.kvm.abi;
