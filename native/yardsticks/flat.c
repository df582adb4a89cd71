#define _GNU_SOURCE
#include "flat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    IMAGE_GPA = 0x100000,
    IMAGE_LIMIT = 0x180000,
    STACK_TOP = 0x200000,
    STACK_BYTES = 0x2000,
    PML4_GPA = 0x1000,
    PDPT_GPA = 0x2000,
    FIRST_PD_GPA = 0x3000,
    MAPPED_GIBS = 4,
    ACCESSED_USER_WRITABLE_PRESENT = 0x27,
    DIRTY_LARGE = 0xc0,
    MAXIMUM_CPUID_ENTRIES = 256,
};

_Noreturn void fail(const char *format, ...)
{
    int error = errno;
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s%s\n", error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
    exit(1);
}

static int kvmIoctl(int fd, unsigned long request, const char *name, unsigned long argument)
{
    int result = ioctl(fd, request, argument);
    if (result < 0) {
        fail("%s", name);
    }
    return result;
}

#define KVM(fd, request, argument) kvmIoctl(fd, request, #request, (unsigned long)(argument))

static void loadImage(uint8_t *memory, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fail("open %s", path);
    }
    ssize_t byteSize = read(fd, memory + IMAGE_GPA, IMAGE_LIMIT - IMAGE_GPA);
    if (byteSize <= 0 || byteSize == IMAGE_LIMIT - IMAGE_GPA) {
        fail("%s is empty, unreadable or larger than a flat image can be", path);
    }
    close(fd);
}

static void buildPageTables(uint8_t *memory)
{
    uint64_t *pml4 = (uint64_t *)(memory + PML4_GPA);
    uint64_t *pdpt = (uint64_t *)(memory + PDPT_GPA);
    uint64_t *pds = (uint64_t *)(memory + FIRST_PD_GPA);
    pml4[0] = PDPT_GPA | ACCESSED_USER_WRITABLE_PRESENT;
    for (uint64_t i = 0; i < MAPPED_GIBS; i++) {
        pdpt[i] = (FIRST_PD_GPA + i * 4096) | ACCESSED_USER_WRITABLE_PRESENT;
    }
    for (uint64_t i = 0; i < MAPPED_GIBS * 512; i++) {
        pds[i] = i << 21 | ACCESSED_USER_WRITABLE_PRESENT | DIRTY_LARGE;
    }
}

struct flatVm flatOpen(const char *imagePath, size_t ramByteSize)
{
    struct flatVm vm = {.byteSize = ramByteSize};
    vm.kvmFd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (vm.kvmFd < 0) {
        fail("open /dev/kvm");
    }
    vm.vmFd = KVM(vm.kvmFd, KVM_CREATE_VM, 0);
    vm.memory = mmap(NULL, ramByteSize, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (vm.memory == MAP_FAILED) {
        fail("mmap of %zu bytes of guest RAM", ramByteSize);
    }
    struct kvm_userspace_memory_region region = {
        .memory_size = ramByteSize, .userspace_addr = (uint64_t)vm.memory};
    KVM(vm.vmFd, KVM_SET_USER_MEMORY_REGION, &region);
    buildPageTables(vm.memory);
    loadImage(vm.memory, imagePath);
    return vm;
}

void flatClose(struct flatVm *vm)
{
    close(vm->vmFd);
    close(vm->kvmFd);
    munmap(vm->memory, vm->byteSize);
}

static void setCpuid(int kvmFd, int vcpuFd)
{
    struct kvm_cpuid2 *cpuid =
        calloc(1, sizeof(*cpuid) + MAXIMUM_CPUID_ENTRIES * sizeof(struct kvm_cpuid_entry2));
    cpuid->nent = MAXIMUM_CPUID_ENTRIES;
    KVM(kvmFd, KVM_GET_SUPPORTED_CPUID, cpuid);
    KVM(vcpuFd, KVM_SET_CPUID2, cpuid);
    free(cpuid);
}

/* 64-bit mode at CPL 3. */
static void setSystemRegisters(int vcpuFd)
{
    struct kvm_segment code = {.limit = 0xffffffff, .selector = 0x33, .type = 11, .present = 1,
                               .dpl = 3, .s = 1, .l = 1, .g = 1};
    struct kvm_segment data = {.limit = 0xffffffff, .selector = 0x2b, .type = 3, .present = 1,
                               .dpl = 3, .db = 1, .s = 1, .g = 1};
    struct kvm_sregs sregs;
    KVM(vcpuFd, KVM_GET_SREGS, &sregs);
    sregs.cs = code;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
    sregs.cr0 = 0x80050033; /* PG AM WP NE ET MP PE */
    sregs.cr3 = PML4_GPA;
    sregs.cr4 = 0x6a0;      /* OSXMMEXCPT OSFXSR PGE PAE */
    sregs.efer = 0xd01;     /* NXE LMA LME SCE */
    KVM(vcpuFd, KVM_SET_SREGS, &sregs);
}

struct flatVcpu flatAddVcpu(const struct flatVm *vm, unsigned index,
                            const struct flatArguments *arguments)
{
    struct flatVcpu vcpu;
    vcpu.fd = KVM(vm->vmFd, KVM_CREATE_VCPU, index);
    vcpu.runByteSize = KVM(vm->kvmFd, KVM_GET_VCPU_MMAP_SIZE, 0);
    vcpu.run = mmap(NULL, vcpu.runByteSize, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu.fd, 0);
    if (vcpu.run == MAP_FAILED) {
        fail("mmap of vCPU %u", index);
    }
    setCpuid(vm->kvmFd, vcpu.fd);
    setSystemRegisters(vcpu.fd);
    struct kvm_regs regs = {
        .rip = IMAGE_GPA, .rflags = 2, .rsp = STACK_TOP - index * STACK_BYTES,
        .rdi = arguments->workspace, .rsi = arguments->workspaceByteSize,
        .rdx = arguments->rdx, .rcx = arguments->rcx, .r8 = arguments->r8, .r9 = arguments->r9};
    KVM(vcpu.fd, KVM_SET_REGS, &regs);
    return vcpu;
}

void flatCloseVcpu(struct flatVcpu *vcpu)
{
    munmap(vcpu->run, vcpu->runByteSize);
    close(vcpu->fd);
}

uint64_t flatRunToDoorbell(const struct flatVcpu *vcpu, uint64_t *value)
{
    if (ioctl(vcpu->fd, KVM_RUN, 0) != 0) {
        fail("KVM_RUN");
    }
    const struct kvm_run *run = vcpu->run;
    if (run->exit_reason != KVM_EXIT_MMIO || !run->mmio.is_write || run->mmio.len != 8) {
        errno = 0;
        fail("the guest left with exit reason %u, not with a doorbell write", run->exit_reason);
    }
    memcpy(value, run->mmio.data, sizeof(*value));
    return run->mmio.phys_addr;
}
