/*
 * Stopping a guest under any monitor: a line on the first serial port, then QEMU's isa-debug-exit
 * port, then our own doorbell. Where a device does not exist, the write goes nowhere.
 */
#include "guest.h"

enum {
    COM1_DATA = 0x3f8,
    COM1_LINE_STATUS = 0x3fd,
    LINE_STATUS_CAN_SEND = 0x20,
    QEMU_DEBUG_EXIT = 0xf4,
};

static void writePort8(uint16_t port, uint8_t value)
{
    asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void writePort32(uint16_t port, uint32_t value)
{
    asm volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t readPort8(uint16_t port)
{
    uint8_t value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void print(const char *text)
{
    for (; *text != '\0'; text++) {
        while ((readPort8(COM1_LINE_STATUS) & LINE_STATUS_CAN_SEND) == 0) {
            pauseCpu();
        }
        writePort8(COM1_DATA, *text);
    }
}

static void printLine(const char *what, uint64_t number)
{
    char digits[21];
    char *first = &digits[sizeof(digits) - 1];
    *first = '\0';
    do {
        *--first = '0' + number % 10;
        number /= 10;
    } while (number != 0);
    print("torpor-guest: ");
    print(what);
    print(first);
    print("\n");
}

void reportDetail(uint64_t detail)
{
    printLine("detail ", detail);
    ringDoorbell(DOORBELL_DETAIL, detail);
}

_Noreturn void stop(uint64_t code)
{
    printLine("exit ", code);
    writePort32(QEMU_DEBUG_EXIT, code);
    ringDoorbell(DOORBELL_EXIT, code);
    for (;;) {
        pauseCpu();
    }
}
