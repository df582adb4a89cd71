package dev.torpor.vmm.boot;

/**
 * What one vCPU of a flat guest is given: a workspace of its own, and the program's arguments, of
 * which 0 asks for the default.
 *
 * @param workspaceGpa where the workspace begins, page-aligned; in RDI
 * @param workspaceBytes its length in bytes, 0 for none; in RSI
 * @param rdx the program's first argument
 * @param rcx the program's second argument
 * @param r8 the program's third argument
 * @param r9 the program's fourth argument
 */
public record FlatArguments(
    long workspaceGpa, long workspaceBytes, long rdx, long rcx, long r8, long r9) {}
