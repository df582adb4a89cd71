/*
 * A yardstick's command line: GUESTS_DIR ITERATIONS|--stdin [NAME=VALUE]...
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stddef.h>
#include <stdint.h>

struct option {
    const char *name;
    const char *value; /* the default, until it is parsed */
    const char *meaning;
};

/* Fills in the values; ends the process with a usage text that lists them if they are wrong. */
void parseOptions(int argc, char **argv, struct option *options, size_t optionCount);

/* The option's value as a number that must be in a range. */
uint64_t numberOption(const struct option *option, uint64_t minimum, uint64_t maximum);

/* Which of the words, of which the last is NULL, the option's value is. */
int choiceOption(const struct option *option, const char *const *words);

/* DIRECTORY/NAME.bin, in memory that is never freed. */
const char *imagePath(const char *guestsDirectory, const char *name);

#endif
