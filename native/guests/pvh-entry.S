/*
 * The way from a PVH entry to the program: 32-bit without paging -> 64-bit at CPL 0 on provisional
 * page tables -> prepareProgram() in pvh-boot.c -> 64-bit at CPL 3 on the tables of the contract.
 * The boot protocol: Xen, docs/misc/pvh.pandoc, "PVH Specification", direct boot ABI.
 */
#include "pvh.h"

#define CR0_PE_MP_ET_NE_WP_AM_PG 0x80050033
#define CR4_PAE_PGE_OSFXSR_OSXMMEXCPT 0x6a0
#define MSR_EFER 0xc0000080
#define EFER_SCE_LME_NXE 0x901
#define RFLAGS_IOPL3 0x3002
#define PRESENT_WRITABLE 3
#define PRESENT_WRITABLE_LARGE 0x83

#define SELECTOR_KERNEL_CODE 0x08
#define SELECTOR_KERNEL_DATA 0x10
#define SELECTOR_USER_DATA 0x2b
#define SELECTOR_USER_CODE 0x33

    .section .note.Xen, "a", @note
    .balign 4
    .long 4, 8, 18                  /* name bytes, descriptor bytes, XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .quad enterPvh

    .section .boot.text, "ax"
    .code32
    .globl enterPvh
enterPvh:                           /* ebx = GPA of the hvm_start_info */
    cld
    movl $provisionalPdpt + PRESENT_WRITABLE, provisionalPml4
    movl $provisionalPds + PRESENT_WRITABLE, %eax
    xorl %ecx, %ecx
1:  movl %eax, provisionalPdpt(, %ecx, 8)
    addl $4096, %eax
    incl %ecx
    cmpl $4, %ecx
    jb 1b

    movl $PRESENT_WRITABLE_LARGE, %eax
    xorl %ecx, %ecx
1:  movl %eax, provisionalPds(, %ecx, 8)
    addl $0x200000, %eax
    incl %ecx
    cmpl $2048, %ecx
    jb 1b

    movl $CR4_PAE_PGE_OSFXSR_OSXMMEXCPT, %eax
    movl %eax, %cr4
    movl $provisionalPml4, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    movl $EFER_SCE_LME_NXE, %eax
    xorl %edx, %edx
    wrmsr
    movl $CR0_PE_MP_ET_NE_WP_AM_PG, %eax
    movl %eax, %cr0
    lgdt gdtPointer
    ljmp $SELECTOR_KERNEL_CODE, $1f

    .code64
1:  movl $SELECTOR_KERNEL_DATA, %eax
    movl %eax, %ss
    movl $SELECTOR_USER_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl $STACK_TOP, %esp
    subl $ARGUMENTS_BYTES, %esp
    movl %ebx, %edi
    movl %esp, %esi
    call prepareProgram             /* (startInfo, arguments) */

    movl $PML4_GPA, %eax
    movq %rax, %cr3
    movq 0(%rsp), %rdi
    movq 8(%rsp), %rsi
    movq 16(%rsp), %rdx
    movq 24(%rsp), %rcx
    movq 32(%rsp), %r8
    movq 40(%rsp), %r9
    movl $STACK_TOP, %eax
    pushq $SELECTOR_USER_DATA
    pushq %rax
    pushq $RFLAGS_IOPL3             /* interrupts off; exit-pvh.c uses ports */
    pushq $SELECTOR_USER_CODE
    pushq $startProgram
    iretq

    .balign 8
gdt:
    .quad 0
    .quad 0x00af9b000000ffff        /* 0x08: 64-bit code, CPL 0 */
    .quad 0x00cf93000000ffff        /* 0x10: data, CPL 0 */
    .quad 0
    .quad 0
    .quad 0x00cff3000000ffff        /* 0x2b: data, CPL 3 */
    .quad 0x00affb000000ffff        /* 0x33: 64-bit code, CPL 3 */
gdtPointer:
    .word . - gdt - 1
    .long gdt

    .section .boot.bss, "aw", @nobits
    .balign 4096
provisionalPml4:
    .skip 4096
provisionalPdpt:
    .skip 4096
provisionalPds:                     /* identity, the first 4 GiB */
    .skip 4 * 4096

    .section .note.GNU-stack, "", @progbits
