/* Addresses of the contract that assembly and C share. */
#ifndef PVH_H
#define PVH_H

#define PML4_GPA 0x1000
#define PDPT_GPA 0x2000
#define FIRST_PD_GPA 0x3000
#define STACK_TOP 0x200000
#define ARGUMENTS_BYTES 48

#endif
