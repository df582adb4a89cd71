package dev.torpor.vmm.boot;

/** What a VM boots. */
public sealed interface Guest permits LinuxGuest, FlatGuest {}
