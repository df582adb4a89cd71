/*
 * Checks guest memory from inside: byte for byte, without end, and noticing not only wrong bytes
 * but also right bytes of the wrong time, such as a page that lost its last write.
 *
 *   rdx   number of nodes (0 = as many as fit)
 *   rcx   seed (default 1)
 *   r8    steps, then EXIT 0 (0 = forever)
 *   r9    steps from one PROGRESS to the next (default 1024); PROGRESS = steps done
 *
 * The workspace:
 *
 *   | state | nodes 0 .. n-1 | ledger entries 0 .. n-1 | mirror of the state |
 *
 * The nodes form one ring in random order. A node's payload follows from (seed, id, version), its
 * version is the step that last rewrote it, and the ledger says what version and successor it
 * should have. Nodes are slightly smaller than a page, so most lie across a page boundary and
 * share their pages with neighbours. The state holds all that goes on from step to step, twice,
 * with a digest of the ledger, so that not even a node and its ledger entry can go back in time
 * together.
 *
 * A step reads the state, verifies the node under the cursor, its successor and a random third
 * one; gives the first a new version, moves its successor behind the third, advances the cursor,
 * and writes the state back. After each n steps the whole ledger is compared with the digest.
 *
 * At the first wrong byte: DETAIL = its GPA, EXIT with one of the codes below. Where two things
 * disagree and each is sound in itself, one cannot know which is old: the GPA is that of the node
 * rather than of its ledger entry, and that of the mirror rather than of the state. A ledger entry
 * that is wrong in itself is reported by the GPA of its start.
 */
#include "guest.h"

enum {
    EXIT_BAD_PAYLOAD = 0x10,
    EXIT_BAD_VERSION = 0x11,
    EXIT_BAD_LINK = 0x12,
    EXIT_BAD_CHECKSUM = 0x13,
    EXIT_BAD_STATE = 0x14,
};

enum {
    PAYLOAD_WORDS = 496,
    DEFAULT_PROGRESS_INTERVAL = 1024,
};

struct node {
    uint64_t id;
    uint64_t version;
    uint64_t next; /* GPA */
    uint64_t checksum;
    uint64_t payload[PAYLOAD_WORDS];
};

struct ledgerEntry {
    uint64_t version;
    uint64_t nextId;
    uint64_t checksum;
};

struct state {
    uint64_t step;
    uint64_t random;
    uint64_t cursorId;
    uint64_t ledgerDigest; /* exclusive or of all ledger entries' checksums */
    uint64_t checksum;
};

/* Fixed for a run, and held in registers and on the stack. */
struct check {
    struct state *state, *mirror;
    struct node *nodes;
    struct ledgerEntry *ledger;
    uint64_t nodeCount;
    uint64_t seed;
};

/* A finalizer in the manner of splitmix64: every input bit changes half of the output bits. */
static uint64_t scramble(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    return scramble(scramble(a + 0x9e3779b97f4a7c15) + b);
}

static uint64_t nextRandom(uint64_t *random)
{
    *random += 0x9e3779b97f4a7c15;
    return scramble(*random);
}

static _Noreturn void fail(uint64_t code, const void *where)
{
    reportDetail((uint64_t)where);
    stop(code);
}

static void expectWord(const uint64_t *word, uint64_t expected, uint64_t failureCode)
{
    uint64_t difference = *word ^ expected;
    if (difference != 0) {
        fail(failureCode, (const uint8_t *)word + __builtin_ctzll(difference) / 8);
    }
}

/* ---- ledger ---- */

static uint64_t ledgerChecksum(const struct ledgerEntry *entry, uint64_t id)
{
    return mix(mix(id, entry->version), entry->nextId);
}

static struct ledgerEntry *verifiedEntry(const struct check *check, uint64_t id)
{
    struct ledgerEntry *entry = &check->ledger[id];
    if (entry->checksum != ledgerChecksum(entry, id)) {
        fail(EXIT_BAD_STATE, entry);
    }
    return entry;
}

static void writeEntry(const struct check *check, struct state *state, uint64_t id,
                       uint64_t version, uint64_t nextId)
{
    struct ledgerEntry *entry = &check->ledger[id];
    state->ledgerDigest ^= entry->checksum;
    entry->version = version;
    entry->nextId = nextId;
    entry->checksum = ledgerChecksum(entry, id);
    state->ledgerDigest ^= entry->checksum;
}

static void verifyLedger(const struct check *check, const struct state *state)
{
    uint64_t digest = 0;
    for (uint64_t id = 0; id < check->nodeCount; id++) {
        digest ^= verifiedEntry(check, id)->checksum;
    }
    if (digest != state->ledgerDigest) {
        fail(EXIT_BAD_STATE, &check->state->ledgerDigest);
    }
}

/* ---- nodes ---- */

static uint64_t payloadWord(uint64_t base, uint64_t index)
{
    return scramble(base + index * 0x9e3779b97f4a7c15);
}

static uint64_t payloadBase(const struct check *check, uint64_t id, uint64_t version)
{
    return mix(mix(check->seed, id), version);
}

static uint64_t nodeChecksum(const struct node *node)
{
    uint64_t sum = mix(mix(node->id, node->version), node->next);
    for (uint64_t i = 0; i < PAYLOAD_WORDS; i++) {
        sum = (sum << 7 | sum >> 57) + node->payload[i];
    }
    return scramble(sum);
}

static void writeNode(const struct check *check, struct state *state, uint64_t id,
                      uint64_t version, uint64_t nextId)
{
    struct node *node = &check->nodes[id];
    node->id = id;
    node->version = version;
    node->next = (uint64_t)&check->nodes[nextId];
    uint64_t base = payloadBase(check, id, version);
    for (uint64_t i = 0; i < PAYLOAD_WORDS; i++) {
        node->payload[i] = payloadWord(base, i);
    }
    node->checksum = nodeChecksum(node);
    writeEntry(check, state, id, version, nextId);
}

static void relinkNode(const struct check *check, struct state *state, uint64_t id,
                       uint64_t nextId)
{
    struct node *node = &check->nodes[id];
    node->next = (uint64_t)&check->nodes[nextId];
    node->checksum = nodeChecksum(node);
    writeEntry(check, state, id, node->version, nextId);
}

static void verifyNode(const struct check *check, uint64_t id)
{
    const struct ledgerEntry *entry = verifiedEntry(check, id);
    const struct node *node = &check->nodes[id];
    expectWord(&node->id, id, EXIT_BAD_LINK);
    expectWord(&node->version, entry->version, EXIT_BAD_VERSION);
    expectWord(&node->next, (uint64_t)&check->nodes[entry->nextId], EXIT_BAD_LINK);
    uint64_t base = payloadBase(check, id, entry->version);
    for (uint64_t i = 0; i < PAYLOAD_WORDS; i++) {
        expectWord(&node->payload[i], payloadWord(base, i), EXIT_BAD_PAYLOAD);
    }
    expectWord(&node->checksum, nodeChecksum(node), EXIT_BAD_CHECKSUM);
}

/* ---- state ---- */

static uint64_t stateChecksum(const struct check *check, const struct state *state)
{
    return mix(mix(mix(mix(check->seed, state->step), state->random), state->cursorId),
               state->ledgerDigest);
}

/* Where the copies differ, the unsound one is wrong; if both are sound, one of them is old. */
static struct state readState(const struct check *check)
{
    struct state state = *check->state;
    int isSound = state.checksum == stateChecksum(check, &state);
    const uint64_t *suspect = (const uint64_t *)(isSound ? check->mirror : check->state);
    const uint64_t *other = (const uint64_t *)(isSound ? check->state : check->mirror);
    for (uint64_t i = 0; i < sizeof(struct state) / sizeof(uint64_t); i++) {
        expectWord(&suspect[i], other[i], EXIT_BAD_STATE);
    }
    if (!isSound) {
        fail(EXIT_BAD_STATE, check->state);
    }
    return state;
}

static void writeState(const struct check *check, struct state *state)
{
    state->checksum = stateChecksum(check, state);
    *check->state = *state;
    *check->mirror = *state;
}

/* ---- the run ---- */

static struct check layOut(uint64_t workspace, uint64_t byteSize, uint64_t nodeCount,
                           uint64_t seed)
{
    uint64_t pageCount = byteSize / PAGE_SIZE;
    uint64_t fitting = pageCount < 2 ? 0
        : (pageCount - 2) * PAGE_SIZE / (sizeof(struct node) + sizeof(struct ledgerEntry));
    if (fitting == 0 || nodeCount > fitting) {
        stop(EXIT_WORKSPACE_TOO_SMALL);
    }
    struct check check = {.nodeCount = orDefault(nodeCount, fitting), .seed = orDefault(seed, 1)};
    check.state = (struct state *)workspace;
    check.nodes = (struct node *)(workspace + PAGE_SIZE);
    check.ledger = (struct ledgerEntry *)&check.nodes[check.nodeCount];
    check.mirror = (struct state *)(workspace + (pageCount - 1) * PAGE_SIZE);
    return check;
}

/* Sattolo's shuffle, done in the ledger, yields successors that form a single ring. */
static void shuffleRing(const struct check *check, uint64_t *random)
{
    for (uint64_t id = 0; id < check->nodeCount; id++) {
        check->ledger[id] = (struct ledgerEntry){.nextId = id};
    }
    for (uint64_t id = check->nodeCount - 1; id > 0; id--) {
        struct ledgerEntry *other = &check->ledger[nextRandom(random) % id];
        uint64_t nextId = other->nextId;
        other->nextId = check->ledger[id].nextId;
        check->ledger[id].nextId = nextId;
    }
}

static void build(const struct check *check)
{
    struct state state = {.random = check->seed};
    shuffleRing(check, &state.random);
    for (uint64_t id = 0; id < check->nodeCount; id++) {
        writeNode(check, &state, id, 0, check->ledger[id].nextId);
    }
    writeState(check, &state);
}

/* Takes the successor of one node out of the ring and puts it back behind another node. */
static void moveSuccessor(const struct check *check, struct state *state, uint64_t id,
                          uint64_t behindId)
{
    uint64_t movedId = check->ledger[id].nextId;
    if (movedId == behindId) {
        return;
    }
    relinkNode(check, state, id, check->ledger[movedId].nextId);
    relinkNode(check, state, movedId, check->ledger[behindId].nextId);
    relinkNode(check, state, behindId, movedId);
}

/* Returns the number of steps done since the start. */
static uint64_t doStep(const struct check *check)
{
    struct state state = readState(check);
    uint64_t id = state.cursorId;
    uint64_t behindId = nextRandom(&state.random) % check->nodeCount;
    verifyNode(check, id);
    verifyNode(check, check->ledger[id].nextId);
    verifyNode(check, behindId);

    state.step++;
    writeNode(check, &state, id, state.step, check->ledger[id].nextId);
    moveSuccessor(check, &state, id, behindId);
    state.cursorId = check->ledger[id].nextId;
    if (state.step % check->nodeCount == 0) {
        verifyLedger(check, &state);
    }
    writeState(check, &state);
    return state.step;
}

_Noreturn void program(uint64_t workspace, uint64_t byteSize, uint64_t nodeCount, uint64_t seed,
                       uint64_t steps, uint64_t progressInterval)
{
    struct check check = layOut(workspace, byteSize, nodeCount, seed);
    progressInterval = orDefault(progressInterval, DEFAULT_PROGRESS_INTERVAL);
    build(&check);
    for (;;) {
        uint64_t done = doStep(&check);
        if (done % progressInterval == 0) {
            reportProgress(done);
        }
        if (done == steps) {
            stop(EXIT_DONE);
        }
    }
}
