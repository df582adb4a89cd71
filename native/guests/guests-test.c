/*
 * Runs every flat guest on /dev/kvm and checks what it did; for memory-check, also that it finds
 * what is done to its memory behind its back.
 *
 *   guests-test GUESTS_DIR
 */
#include "../yardsticks/flat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum {
    RAM_BYTES = 16 << 20,
    PAGE_SIZE = 4096,
};

static const char *guestsDirectory;

static struct flatVm openGuest(const char *name)
{
    char image[4096];
    snprintf(image, sizeof(image), "%s/%s.bin", guestsDirectory, name);
    return flatOpen(image, RAM_BYTES, FLAT_UNTRACKED);
}

static void expect(const char *what, uint64_t actual, uint64_t expected)
{
    if (actual != expected) {
        errno = 0;
        fail("%s: expected 0x%" PRIx64 ", found 0x%" PRIx64, what, expected, actual);
    }
}

static void expectDoorbell(const struct flatVcpu *vcpu, uint64_t gpa, uint64_t expected)
{
    uint64_t value;
    expect("doorbell", flatRunToDoorbell(vcpu, &value), gpa);
    expect("value written to the doorbell", value, expected);
}

static uint64_t *wordAt(const struct flatVm *vm, uint64_t gpa)
{
    return (uint64_t *)(vm->memory + gpa);
}

/* ---- page-writer ---- */

static void expectPattern(const struct flatVm *vm, const struct flatArguments *run)
{
    uint64_t pageCount = run->workspaceByteSize / PAGE_SIZE, size = pageCount * PAGE_SIZE;
    uint64_t *predicted = calloc(1, size);
    for (uint64_t pass = 1; pass <= run->r9; pass++) {
        for (uint64_t i = 0; i < pageCount; i++) {
            uint64_t offset = i * run->rdx % size & ~7ul;
            predicted[offset / 8] = run->rcx ^ pass << 40 ^ (run->workspace + offset);
        }
    }
    for (uint64_t offset = 0; offset < size; offset += 8) {
        expect("word of the pattern", *wordAt(vm, run->workspace + offset), predicted[offset / 8]);
    }
    free(predicted);
}

static void pageWriterWritesThePredictedPatternAndNothingElse(void)
{
    static const uint64_t strides[] = {4096, 8, 4104, 12345, 3 * 4096, 1 << 30};
    for (unsigned i = 0; i < sizeof(strides) / sizeof(strides[0]); i++) {
        struct flatVm vm = openGuest("page-writer");
        struct flatArguments run = {.workspace = FLAT_WORKSPACE, .workspaceByteSize = 0x100fff,
                                    .rdx = strides[i], .rcx = 77, .r8 = 1000, .r9 = 3};
        struct flatVcpu vcpu = flatAddVcpu(&vm, 0, &run);
        for (uint64_t pass = 1; pass <= 3; pass++) {
            expectDoorbell(&vcpu, DOORBELL_PROGRESS, pass);
        }
        expectDoorbell(&vcpu, DOORBELL_EXIT, 0);
        expectPattern(&vm, &run);
        for (uint64_t gpa = FLAT_WORKSPACE + 0x100000; gpa < RAM_BYTES; gpa += 8) {
            expect("word behind the workspace", *wordAt(&vm, gpa), 0);
        }
        flatCloseVcpu(&vcpu);
        flatClose(&vm);
    }
}

static void twoVcpusOfOneImageDoNotDisturbEachOther(void)
{
    struct flatVm vm = openGuest("page-writer");
    struct flatArguments runs[2] = {
        {.workspace = 0x400000, .workspaceByteSize = 0x80000, .rdx = 4096, .rcx = 1, .r9 = 2},
        {.workspace = 0x480000, .workspaceByteSize = 0x40000, .rdx = 4096, .rcx = 2, .r9 = 2}};
    struct flatVcpu vcpus[2] = {flatAddVcpu(&vm, 0, &runs[0]), flatAddVcpu(&vm, 1, &runs[1])};
    for (uint64_t pass = 1; pass <= 2; pass++) {
        expectDoorbell(&vcpus[0], DOORBELL_PROGRESS, pass);
        expectDoorbell(&vcpus[1], DOORBELL_PROGRESS, pass);
    }
    for (int i = 0; i < 2; i++) {
        expectDoorbell(&vcpus[i], DOORBELL_EXIT, 0);
        expectPattern(&vm, &runs[i]);
        flatCloseVcpu(&vcpus[i]);
    }
    flatClose(&vm);
}

/* ---- scatter-writer ---- */

static void expectScatteredWords(const struct flatArguments *run, uint64_t pages, uint64_t stride)
{
    struct flatVm vm = openGuest("scatter-writer");
    struct flatVcpu vcpu = flatAddVcpu(&vm, 0, run);
    expectDoorbell(&vcpu, DOORBELL_EXIT, 0);
    for (uint64_t gpa = FLAT_WORKSPACE; gpa < RAM_BYTES; gpa += 8) {
        uint64_t offset = gpa - FLAT_WORKSPACE;
        int written = offset % stride == 0 && offset / stride < pages;
        expect("word", *wordAt(&vm, gpa), written ? run->r9 << 32 | offset / stride : 0);
    }
    flatCloseVcpu(&vcpu);
    flatClose(&vm);
}

static void scatterWriterWritesItsPagesInTheLastPassAndNothingElse(void)
{
    struct flatArguments run = {.workspace = FLAT_WORKSPACE, .workspaceByteSize = 0x100fff,
                                .r9 = 3};
    expectScatteredWords(&run, 0x100, PAGE_SIZE);
    run.rdx = 100; /* of 256: every second one, from the first on */
    expectScatteredWords(&run, 100, 2 * PAGE_SIZE);
    run.rcx = 4104;
    run.r8 = 1000;
    expectScatteredWords(&run, 100, 4104);
    run.rdx = 1000; /* of 256 pages: many words in each */
    run.rcx = 64;
    expectScatteredWords(&run, 1000, 64);
}

static void scatterWriterRefusesPagesThatItsWorkspaceHasNoRoomFor(void)
{
    static const uint64_t tooMuch[][2] = {
        {17, 0}, {16, PAGE_SIZE + 8}, {1, 1 << 20}, {16 * PAGE_SIZE / 64 + 1, 64}};
    for (int i = 0; i < 4; i++) {
        struct flatVm vm = openGuest("scatter-writer");
        struct flatVcpu vcpu = flatAddVcpu(&vm, 0, &(struct flatArguments){
            .workspace = FLAT_WORKSPACE, .workspaceByteSize = 16 * PAGE_SIZE,
            .rdx = tooMuch[i][0], .rcx = tooMuch[i][1]});
        expectDoorbell(&vcpu, DOORBELL_EXIT, 2);
        flatCloseVcpu(&vcpu);
        flatClose(&vm);
    }
}

/* ---- doorbell-echo and spin ---- */

static void doorbellEchoAddsOneToWhatItReads(void)
{
    struct flatVm vm = openGuest("doorbell-echo");
    struct flatVcpu vcpu = flatAddVcpu(&vm, 0, &(struct flatArguments){.rdx = 3});
    for (uint64_t question = 0x0123456789abcde0; question < 0x0123456789abcde3; question++) {
        expect("KVM_RUN", ioctl(vcpu.fd, KVM_RUN, 0), 0);
        expect("exit reason", vcpu.run->exit_reason, KVM_EXIT_MMIO);
        expect("is_write", vcpu.run->mmio.is_write, 0);
        expect("register read", vcpu.run->mmio.phys_addr, DOORBELL_ECHO);
        expect("bytes read", vcpu.run->mmio.len, 8);
        memcpy(vcpu.run->mmio.data, &question, 8);
        expectDoorbell(&vcpu, DOORBELL_ECHO, question + 1);
    }
    expectDoorbell(&vcpu, DOORBELL_EXIT, 0);
    flatCloseVcpu(&vcpu);
    flatClose(&vm);
}

static void doorbellEchoCountsInWriteOnlyMode(void)
{
    struct flatVm vm = openGuest("doorbell-echo");
    struct flatVcpu vcpu = flatAddVcpu(&vm, 0, &(struct flatArguments){.rdx = 9, .rcx = 1});
    for (uint64_t i = 1; i <= 9; i++) {
        expectDoorbell(&vcpu, DOORBELL_PROGRESS, i);
    }
    expectDoorbell(&vcpu, DOORBELL_EXIT, 0);
    flatCloseVcpu(&vcpu);
    flatClose(&vm);
}

static void spinCountsInItsFirstWord(void)
{
    struct flatVm vm = openGuest("spin");
    struct flatVcpu vcpu = flatAddVcpu(&vm, 0, &(struct flatArguments){
        .workspace = FLAT_WORKSPACE, .workspaceByteSize = PAGE_SIZE, .rdx = 123456});
    expectDoorbell(&vcpu, DOORBELL_EXIT, 0);
    expect("counter", *wordAt(&vm, FLAT_WORKSPACE), 123456);
    flatCloseVcpu(&vcpu);
    flatClose(&vm);
}

/* ---- memory-check ---- */

enum {
    NODE_COUNT = 20,
    WORKSPACE_BYTES = 24 * PAGE_SIZE,
    NODES = FLAT_WORKSPACE + PAGE_SIZE,
    NODE_BYTES = 4000,
    NODE_HEADER_BYTES = 32,
    LEDGER = NODES + NODE_COUNT * NODE_BYTES,
    LEDGER_ENTRY_BYTES = 24,
    MIRROR = FLAT_WORKSPACE + WORKSPACE_BYTES - PAGE_SIZE,
    STATE_BYTES = 40,
    STEPS_TO_FIRST_PAUSE = 50,
    PAUSES_TO_FIND_ANYTHING = 20, /* of 50 steps each: 50 times round the ring */
    BAD_PAYLOAD = 0x10,
    BAD_VERSION = 0x11,
    BAD_LINK = 0x12,
    BAD_CHECKSUM = 0x13,
    BAD_STATE = 0x14,
};

struct finding {
    uint64_t code, gpa;
};

struct checkRun {
    struct flatVm vm;
    struct flatVcpu vcpu;
    uint64_t steps;
};

static void pauseAgain(struct checkRun *run)
{
    run->steps += STEPS_TO_FIRST_PAUSE;
    expectDoorbell(&run->vcpu, DOORBELL_PROGRESS, run->steps);
}

static struct checkRun startCheck(uint64_t seed)
{
    struct checkRun run = {.vm = openGuest("memory-check")};
    run.vcpu = flatAddVcpu(&run.vm, 0, &(struct flatArguments){
        .workspace = FLAT_WORKSPACE, .workspaceByteSize = WORKSPACE_BYTES, .rdx = NODE_COUNT,
        .rcx = seed, .r9 = STEPS_TO_FIRST_PAUSE});
    pauseAgain(&run);
    return run;
}

/* Runs on until the guest complains. */
static struct finding finishCheck(struct checkRun *run, const char *damage, uint64_t gpa)
{
    struct finding finding = {0};
    for (int i = 0; finding.code == 0; i++) {
        uint64_t value, doorbell = flatRunToDoorbell(&run->vcpu, &value);
        if (doorbell == DOORBELL_PROGRESS && i == PAUSES_TO_FIND_ANYTHING) {
            errno = 0;
            fail("memory-check did not notice: %s at 0x%" PRIx64, damage, gpa);
        }
        finding.gpa = doorbell == DOORBELL_DETAIL ? value : finding.gpa;
        finding.code = doorbell == DOORBELL_EXIT ? value : 0;
    }
    flatCloseVcpu(&run->vcpu);
    flatClose(&run->vm);
    return finding;
}

static void expectFlipFound(uint64_t gpa, uint64_t code, uint64_t reportedGpa)
{
    struct checkRun run = startCheck(gpa);
    run.vm.memory[gpa] ^= 1u << gpa % 8;
    struct finding finding = finishCheck(&run, "a flipped bit", gpa);
    expect("code for a flipped bit", finding.code, code);
    expect("GPA of a flipped bit", finding.gpa, reportedGpa);
}

static void memoryCheckNamesEveryFlippedByte(void)
{
    static const uint8_t headerCodes[] = {BAD_LINK, BAD_VERSION, BAD_LINK, BAD_CHECKSUM};
    for (uint64_t i = 0; i < NODE_HEADER_BYTES; i++) {
        uint64_t gpa = NODES + 7 * NODE_BYTES + i;
        expectFlipFound(gpa, headerCodes[i / 8], gpa);
    }
    for (uint64_t i = 0; i < 200; i++) {
        uint64_t payloadBytes = NODE_BYTES - NODE_HEADER_BYTES;
        uint64_t gpa = NODES + i % NODE_COUNT * NODE_BYTES + NODE_HEADER_BYTES
            + i * 1237 % payloadBytes;
        expectFlipFound(gpa, BAD_PAYLOAD, gpa);
    }
    for (uint64_t i = 0; i < NODE_COUNT * LEDGER_ENTRY_BYTES; i += 5) {
        expectFlipFound(LEDGER + i, BAD_STATE, LEDGER + i - i % LEDGER_ENTRY_BYTES);
    }
    for (uint64_t i = 0; i < STATE_BYTES; i++) {
        expectFlipFound(FLAT_WORKSPACE + i, BAD_STATE, FLAT_WORKSPACE + i);
        expectFlipFound(MIRROR + i, BAD_STATE, MIRROR + i);
    }
}

static void memoryCheckNoticesTheSameWrongByteInBothCopiesOfItsState(void)
{
    struct checkRun run = startCheck(1);
    run.vm.memory[FLAT_WORKSPACE + 8] ^= 1;
    run.vm.memory[MIRROR + 8] ^= 1;
    expect("code", finishCheck(&run, "a bit flipped twice", FLAT_WORKSPACE + 8).code, BAD_STATE);
}

/* Puts back what two pages (perhaps the same) held 50 steps before. */
static int expectOldPagesFound(uint64_t gpa1, uint64_t gpa2)
{
    struct checkRun run = startCheck(gpa1 + gpa2);
    uint8_t old1[PAGE_SIZE], old2[PAGE_SIZE];
    memcpy(old1, run.vm.memory + gpa1, PAGE_SIZE);
    memcpy(old2, run.vm.memory + gpa2, PAGE_SIZE);
    pauseAgain(&run);
    int changed = memcmp(old1, run.vm.memory + gpa1, PAGE_SIZE) != 0
        || memcmp(old2, run.vm.memory + gpa2, PAGE_SIZE) != 0;
    memcpy(run.vm.memory + gpa1, old1, PAGE_SIZE);
    memcpy(run.vm.memory + gpa2, old2, PAGE_SIZE);
    if (changed) {
        struct finding finding = finishCheck(&run, "old pages", gpa1);
        expect("code at least", finding.code >= BAD_PAYLOAD && finding.code <= BAD_STATE, 1);
    } else {
        flatCloseVcpu(&run.vcpu);
        flatClose(&run.vm);
    }
    return changed;
}

static void memoryCheckNoticesOldPages(void)
{
    uint64_t ledgerPage = LEDGER & -PAGE_SIZE;
    int changed = 0, tried = 0;
    for (uint64_t gpa = FLAT_WORKSPACE; gpa <= MIRROR; gpa += PAGE_SIZE, tried++) {
        changed += expectOldPagesFound(gpa, gpa);
        expectOldPagesFound(gpa, ledgerPage);
    }
    expectOldPagesFound(FLAT_WORKSPACE, MIRROR);
    printf("  %d of %d pages had changed\n", changed, tried);
}

static void memoryCheckPassesWhenNothingIsWrong(void)
{
    struct flatVm vm = openGuest("memory-check");
    struct flatVcpu vcpu = flatAddVcpu(&vm, 0, &(struct flatArguments){
        .workspace = FLAT_WORKSPACE, .workspaceByteSize = RAM_BYTES - FLAT_WORKSPACE,
        .r8 = 20000, .r9 = 10000});
    expectDoorbell(&vcpu, DOORBELL_PROGRESS, 10000);
    expectDoorbell(&vcpu, DOORBELL_PROGRESS, 20000);
    expectDoorbell(&vcpu, DOORBELL_EXIT, 0);
    flatCloseVcpu(&vcpu);
    flatClose(&vm);
}

static void programsRefuseAWorkspaceThatIsTooSmall(void)
{
    static const char *programs[] = {"page-writer", "scatter-writer", "memory-check", "spin"};
    for (int i = 0; i < 4; i++) {
        struct flatVm vm = openGuest(programs[i]);
        struct flatVcpu vcpu = flatAddVcpu(&vm, 0, &(struct flatArguments){
            .workspace = FLAT_WORKSPACE, .workspaceByteSize = 7});
        expectDoorbell(&vcpu, DOORBELL_EXIT, 2);
        flatCloseVcpu(&vcpu);
        flatClose(&vm);
    }
}

#define RUN(test) (printf("%s\n", #test), fflush(stdout), test())

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: guests-test GUESTS_DIR\n");
        return 2;
    }
    guestsDirectory = argv[1];
    RUN(pageWriterWritesThePredictedPatternAndNothingElse);
    RUN(twoVcpusOfOneImageDoNotDisturbEachOther);
    RUN(scatterWriterWritesItsPagesInTheLastPassAndNothingElse);
    RUN(scatterWriterRefusesPagesThatItsWorkspaceHasNoRoomFor);
    RUN(doorbellEchoAddsOneToWhatItReads);
    RUN(doorbellEchoCountsInWriteOnlyMode);
    RUN(spinCountsInItsFirstWord);
    RUN(memoryCheckPassesWhenNothingIsWrong);
    RUN(memoryCheckNamesEveryFlippedByte);
    RUN(memoryCheckNoticesTheSameWrongByteInBothCopiesOfItsState);
    RUN(memoryCheckNoticesOldPages);
    RUN(programsRefuseAWorkspaceThatIsTooSmall);
    return 0;
}
