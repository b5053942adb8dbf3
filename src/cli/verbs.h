/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The table of verbs, and what all of them say and print with. */
#ifndef ROOST_CLI_VERBS_H
#define ROOST_CLI_VERBS_H

#include <stdio.h>

#include "cli/args.h"
#include "cli/cli.h"

extern const struct verb verb_serve, verb_compile, verb_verify, verb_show, verb_run, verb_ls,
    verb_ps, verb_load, verb_unload, verb_pin, verb_unpin, verb_push, verb_versions, verb_rollback,
    verb_cache, verb_bench, verb_replay, verb_common, verb_gc, verb_version, verb_docs;

/* Every verb in the order of `roost help`; ends with NULL. */
const struct verb *const *verb_table(void);

/* Writes `roost: MESSAGE` to stderr; the result is the exit status that err's code means. */
int cli_fail(const struct err *err);
/* The same after putting `hint`, the next command to try, behind the message. */
int cli_fail_hint(const struct err *err, const char *hint);
/* Writes b to stdout, frees it, and says whether s and the writing went well. */
int cli_print(enum status s, struct buf *b);

/* Colours only on a terminal, and never with NO_COLOR set. */
bool term_colours(FILE *f);

#endif
