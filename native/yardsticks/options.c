#define _GNU_SOURCE
#include "options.h"

#include "flat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void usage(const char *program, const struct option *options, size_t count)
{
    fprintf(stderr, "usage: %s GUESTS_DIR ITERATIONS|--stdin [NAME=VALUE]...\n", program);
    for (size_t i = 0; i < count; i++) {
        fprintf(stderr, "  %-10s %s (%s)\n", options[i].name, options[i].meaning,
                options[i].value);
    }
    exit(2);
}

static struct option *optionOf(const char *argument, struct option *options, size_t count)
{
    size_t nameLength = strcspn(argument, "=");
    for (size_t i = 0; i < count; i++) {
        if (argument[nameLength] == '=' && strlen(options[i].name) == nameLength
            && strncmp(argument, options[i].name, nameLength) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

void parseOptions(int argc, char **argv, struct option *options, size_t optionCount)
{
    if (argc < 3) {
        usage(argv[0], options, optionCount);
    }
    for (int i = 3; i < argc; i++) {
        struct option *option = optionOf(argv[i], options, optionCount);
        if (option == NULL) {
            usage(argv[0], options, optionCount);
        }
        option->value = strchr(argv[i], '=') + 1;
    }
}

uint64_t numberOption(const struct option *option, uint64_t minimum, uint64_t maximum)
{
    char *end;
    errno = 0;
    uint64_t number = strtoull(option->value, &end, 10);
    if (errno != 0 || end == option->value || *end != '\0' || number < minimum
        || number > maximum) {
        errno = 0;
        fail("%s=%s: expected a number from %" PRIu64 " to %" PRIu64, option->name, option->value,
             minimum, maximum);
    }
    return number;
}

int choiceOption(const struct option *option, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(option->value, words[i]) == 0) {
            return i;
        }
    }
    errno = 0;
    fail("%s=%s: expected %s", option->name, option->value, option->meaning);
}

const char *imagePath(const char *guestsDirectory, const char *name)
{
    char *path;
    if (asprintf(&path, "%s/%s.bin", guestsDirectory, name) < 0) {
        fail("memory for a path");
    }
    return path;
}
