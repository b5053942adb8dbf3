/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The `roost` command: verbs, configuration, wiring, signals. */
#ifndef ROOST_CLI_CLI_H
#define ROOST_CLI_CLI_H

#include "base/status.h"

/* What the process exits with. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,      /* the verb could not do its work, or verify saw a FAIL */
    CLI_USAGE = 2,       /* the command line or the configuration is wrong */
    CLI_UNREACHABLE = 69 /* no server answers (sysexits' EX_UNAVAILABLE) */
};

/* Runs one command line; the result is the exit status. argv may be reordered. */
int cli_main(int argc, char **argv);

#endif
