/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Command lines: each verb has a table of options; parsing, `--help` and docs/cli.md all come out
 * of it. */
#ifndef ROOST_CLI_ARGS_H
#define ROOST_CLI_ARGS_H

#include "base/buf.h"

enum { ARGS_OPTIONS_MAX = 96 };

struct arg_option {
    const char *name;  /* long name without dashes; NULL ends a table */
    char letter;       /* short name, 0: none */
    const char *value; /* what its value is called in help; NULL: a switch */
    const char *help;  /* one sentence */
};

struct args;

struct verb {
    const char *name;
    const char *operands; /* as in the usage line: "IN -o OUT.roost"; "" for none */
    const char *summary;  /* one line */
    const char *details;  /* a paragraph more, or "" */
    const struct arg_option *options;
    int operands_min, operands_max; /* -1: any number */
    int (*run)(const struct args *a);
    bool hidden; /* not listed by `help`, not in docs/cli.md */
};

/* A parsed command line; all strings are borrowed from argv. */
struct args {
    const struct verb *verb;
    const char *values[ARGS_OPTIONS_MAX]; /* by place in verb->options; NULL: not given */
    const char *const *operands;          /* n_operands of them, in argv, options moved away */
    int n_operands;
    bool help; /* --help or -h was there */
};

/* Reads argv[0..argc), which begins after the verb; reorders it so that operands stand together.
 * `--` ends the options. Switches may be written --name=on|off too.
 * errors: E_USAGE naming the argument at fault */
enum status args_parse(const struct verb *v, int argc, const char **argv, struct args *out,
                       struct err *err) WARN_UNUSED;
/* The value given for an option of this verb, "" for a switch; NULL when not given or when the verb
 * has no such option. */
const char *args_get(const struct args *a, const char *name);
bool args_on(const struct args *a, const char *name); /* a switch that is on */

/* `roost VERB --help`, and the same as Markdown.  errors: E_NO_MEMORY */
enum status args_help(const struct verb *v, struct buf *out) WARN_UNUSED;
enum status args_markdown(const struct verb *v, struct buf *out) WARN_UNUSED;

#endif
