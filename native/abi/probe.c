/*
 * Prints what the C headers say about the kernel's binary interface, so that layouts written in
 * another language can be compared with it field by field.
 *
 *   kernel-headers VERSION          the headers this was compiled with
 *   arch NAME
 *   struct NAME BYTESIZE
 *   field NAME.PATH OFFSET BYTESIZE PATH in C spelling; a flexible array has size 0
 *   ioctl NAME 0xREQUEST
 *   const NAME VALUE                decimal, signed
 *   missing NAME                    newer than the headers
 *
 * Nothing is declared here: a name the headers lack is reported, never made up. Fields of type
 * bit-field have no offset in C and are left out.
 */
#define _GNU_SOURCE

/* The kernel's struct termios, which TCGETS fills, is shorter than libc's of the same name. */
#define termios kernel_termios
#include <asm/termbits.h>
#undef termios
#undef NCCS

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/memfd.h>
#include <linux/mman.h>
#include <linux/userfaultfd.h>
#include <linux/version.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define FIELDS(type, name, ...) \
    { \
        typedef type Here; \
        const char *here = #name; \
        __VA_ARGS__ \
    }
#define SIZE printf("struct %s %zu\n", here, sizeof(Here));
#define STRUCT(name, ...) FIELDS(struct name, name, SIZE __VA_ARGS__)
#define TYPE(name, ...) FIELDS(name, name, SIZE __VA_ARGS__)
#define MORE_FIELDS(name, ...) FIELDS(struct name, name, __VA_ARGS__)

/* Inside a STRUCT: one field, and a flexible array at the end. */
#define FIELD(path) printField(here, #path, offsetof(Here, path), sizeof(((Here *)0)->path));
#define FLEXIBLE(path) printField(here, #path, offsetof(Here, path), 0);

#define IOCTL(name) printf("ioctl %s 0x%lx\n", #name, (unsigned long)(name) & 0xffffffff);
#define CONST(name) printf("const %s %lld\n", #name, (long long)(name));
#define MISSING(name) printf("missing %s\n", #name);

static void printField(const char *type, const char *path, size_t offset, size_t byteSize)
{
    printf("field %s.%s %zu %zu\n", type, path, offset, byteSize);
}

static void printLayouts(void)
{
#include "layouts-kvm.inc"
#include "layouts-linux.inc"
}

static void printIoctls(void)
{
#include "ioctls.inc"
}

static void printConstants(void)
{
#include "constants-kvm.inc"
#include "constants-linux.inc"
#include "constants-errno-signal.inc"
}

static void printNewer(void)
{
#include "newer-than-6.1.inc"
}

int main(void)
{
    printf("kernel-headers %d.%d.%d\n", LINUX_VERSION_CODE >> 16, LINUX_VERSION_CODE >> 8 & 0xff,
           LINUX_VERSION_CODE & 0xff);
#ifdef __x86_64__
    printf("arch x86_64\n");
#else
#error "the layouts listed are those of x86_64"
#endif
    printLayouts();
    printIoctls();
    printConstants();
    printNewer();
    return 0;
}
