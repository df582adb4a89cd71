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
    MINIMUM_MAPPED_GIBS = 4,
    ACCESSED_USER_WRITABLE_PRESENT = 0x27,
    DIRTY_LARGE = 0xc0,
    MAXIMUM_CPUID_ENTRIES = 256,
};

static const uint64_t HOLE_START = 3ul << 30;
static const uint64_t HOLE_END = 4ul << 30;
static const uint64_t MAXIMUM_BYTES = 64ul << 30;

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

int requireIoctl(int fd, unsigned long request, const char *name, unsigned long argument)
{
    int result = ioctl(fd, request, argument);
    if (result < 0) {
        fail("%s", name);
    }
    return result;
}

int flatKvm(void)
{
    static int fd = -1;
    if (fd < 0) {
        fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
        if (fd < 0) {
            fail("open /dev/kvm");
        }
    }
    return fd;
}

/* ---- memory ---- */

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

static void buildPageTables(uint8_t *memory, size_t byteSize)
{
    uint64_t *pml4 = (uint64_t *)(memory + PML4_GPA);
    uint64_t *pdpt = (uint64_t *)(memory + PDPT_GPA);
    uint64_t *pds = (uint64_t *)(memory + FIRST_PD_GPA);
    uint64_t gibs = ((byteSize + (1 << 30) - 1) >> 30) + 1;
    gibs = gibs < MINIMUM_MAPPED_GIBS ? MINIMUM_MAPPED_GIBS : gibs;
    pml4[0] = PDPT_GPA | ACCESSED_USER_WRITABLE_PRESENT;
    for (uint64_t i = 0; i < gibs; i++) {
        pdpt[i] = (FIRST_PD_GPA + i * FLAT_PAGE_BYTES) | ACCESSED_USER_WRITABLE_PRESENT;
    }
    for (uint64_t i = 0; i < gibs * 512; i++) {
        pds[i] = i << 21 | ACCESSED_USER_WRITABLE_PRESENT | DIRTY_LARGE;
    }
}

void flatLoad(uint8_t *memory, size_t byteSize, const char *imagePath)
{
    buildPageTables(memory, byteSize);
    loadImage(memory, imagePath);
}

uint8_t *flatAllocate(size_t byteSize)
{
    if (byteSize > MAXIMUM_BYTES) {
        errno = 0;
        fail("%zu bytes of guest RAM: at most %zu", byteSize, MAXIMUM_BYTES);
    }
    uint8_t *memory = mmap(NULL, byteSize, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        fail("mmap of %zu bytes of guest RAM", byteSize);
    }
    madvise(memory, byteSize, MADV_HUGEPAGE); /* refused where the host has none: as good */
    return memory;
}

uint8_t *flatAt(const struct flatVm *vm, uint64_t gpa)
{
    return vm->memory + (gpa < HOLE_END ? gpa : gpa - HOLE_END + HOLE_START);
}

struct flatArguments flatWorkspace(const struct flatVm *vm)
{
    const struct kvm_userspace_memory_region *last = &vm->slots[vm->slotCount - 1];
    uint64_t start = vm->slotCount == 1 ? FLAT_WORKSPACE : last->guest_phys_addr;
    uint64_t end = last->guest_phys_addr + last->memory_size;
    return (struct flatArguments){.workspace = start, .workspaceByteSize = end - start};
}

/* ---- the VM ---- */

/* The dirty log gets its manual protection before there is a memslot to log. */
static void addMemory(struct flatVm *vm, enum flatTracking tracking)
{
    if (tracking == FLAT_DIRTY_LOG) {
        struct kvm_enable_cap manual = {
            .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = {KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE}};
        IOCTL(vm->fd, KVM_ENABLE_CAP, &manual);
    }
    uint64_t low = vm->byteSize < HOLE_START ? vm->byteSize : HOLE_START;
    uint32_t flags = tracking == FLAT_DIRTY_LOG ? KVM_MEM_LOG_DIRTY_PAGES : 0;
    vm->slotCount = vm->byteSize > low ? 2 : 1;
    vm->slots[0] = (struct kvm_userspace_memory_region){
        .slot = 0, .flags = flags, .memory_size = low, .userspace_addr = (uint64_t)vm->memory};
    vm->slots[1] = (struct kvm_userspace_memory_region){
        .slot = 1, .flags = flags, .guest_phys_addr = HOLE_END,
        .memory_size = vm->byteSize - low, .userspace_addr = (uint64_t)vm->memory + low};
    for (unsigned i = 0; i < vm->slotCount; i++) {
        IOCTL(vm->fd, KVM_SET_USER_MEMORY_REGION, &vm->slots[i]);
    }
}

struct flatVm flatAround(uint8_t *memory, size_t byteSize, enum flatTracking tracking)
{
    struct flatVm vm = {.memory = memory, .byteSize = byteSize};
    vm.fd = IOCTL(flatKvm(), KVM_CREATE_VM, 0);
    addMemory(&vm, tracking);
    return vm;
}

struct flatVm flatOpen(const char *imagePath, size_t ramByteSize, enum flatTracking tracking)
{
    uint8_t *memory = flatAllocate(ramByteSize);
    flatLoad(memory, ramByteSize, imagePath);
    return flatAround(memory, ramByteSize, tracking);
}

void flatClose(struct flatVm *vm)
{
    close(vm->fd);
    munmap(vm->memory, vm->byteSize);
}

/* ---- vCPUs ---- */

/* Listing what the host supports costs as much as creating a VM, so it happens once. */
static struct kvm_cpuid2 *hostCpuid(void)
{
    static struct kvm_cpuid2 *cpuid;
    if (cpuid == NULL) {
        cpuid =
            calloc(1, sizeof(*cpuid) + MAXIMUM_CPUID_ENTRIES * sizeof(struct kvm_cpuid_entry2));
        cpuid->nent = MAXIMUM_CPUID_ENTRIES;
        IOCTL(flatKvm(), KVM_GET_SUPPORTED_CPUID, cpuid);
    }
    return cpuid;
}

struct flatVcpu flatCreateVcpu(const struct flatVm *vm, unsigned index)
{
    static int runByteSize;
    if (runByteSize == 0) {
        runByteSize = IOCTL(flatKvm(), KVM_GET_VCPU_MMAP_SIZE, 0);
    }
    struct flatVcpu vcpu = {.runByteSize = runByteSize};
    vcpu.fd = IOCTL(vm->fd, KVM_CREATE_VCPU, index);
    vcpu.run = mmap(NULL, vcpu.runByteSize, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu.fd, 0);
    if (vcpu.run == MAP_FAILED) {
        fail("mmap of vCPU %u", index);
    }
    IOCTL(vcpu.fd, KVM_SET_CPUID2, hostCpuid());
    return vcpu;
}

/* 64-bit mode at CPL 3. */
static void setSystemRegisters(int vcpuFd)
{
    struct kvm_segment code = {.limit = 0xffffffff, .selector = 0x33, .type = 11, .present = 1,
                               .dpl = 3, .s = 1, .l = 1, .g = 1};
    struct kvm_segment data = {.limit = 0xffffffff, .selector = 0x2b, .type = 3, .present = 1,
                               .dpl = 3, .db = 1, .s = 1, .g = 1};
    struct kvm_sregs sregs;
    IOCTL(vcpuFd, KVM_GET_SREGS, &sregs);
    sregs.cs = code;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
    sregs.cr0 = 0x80050033; /* PG AM WP NE ET MP PE */
    sregs.cr3 = PML4_GPA;
    sregs.cr4 = 0x6a0;      /* OSXMMEXCPT OSFXSR PGE PAE */
    sregs.efer = 0xd01;     /* NXE LMA LME SCE */
    IOCTL(vcpuFd, KVM_SET_SREGS, &sregs);
}

struct flatVcpu flatAddVcpu(const struct flatVm *vm, unsigned index,
                            const struct flatArguments *arguments)
{
    struct flatVcpu vcpu = flatCreateVcpu(vm, index);
    setSystemRegisters(vcpu.fd);
    struct kvm_regs regs = {
        .rip = IMAGE_GPA, .rflags = 2, .rsp = STACK_TOP - index * STACK_BYTES,
        .rdi = arguments->workspace, .rsi = arguments->workspaceByteSize,
        .rdx = arguments->rdx, .rcx = arguments->rcx, .r8 = arguments->r8, .r9 = arguments->r9};
    IOCTL(vcpu.fd, KVM_SET_REGS, &regs);
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
