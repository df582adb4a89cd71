/*
 * The first bytes of every image. The monitor enters here in 64-bit mode at CPL 3 with the
 * program's parameters already where the System V calling convention wants them.
 */
    .section .start, "ax"
    .globl startProgram
startProgram:
    call program

    .section .note.GNU-stack, "", @progbits
