/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A progress bar on stderr for what lasts longer than a second; nothing unless that is a terminal.
 * A thread of its own draws it, so that the work is not bent around it. */
#ifndef ROOST_CLI_PROGRESS_H
#define ROOST_CLI_PROGRESS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/base.h"

/* Embedded; between progress_start and progress_stop it does not move. */
struct progress {
    const char *label;  /* borrowed until progress_stop */
    uint64_t total;     /* steps; 0: not known, a moving mark and the seconds */
    atomic_ullong done; /* steps done */
    uint64_t started_us;
    pthread_t thread;
    int stop_fd; /* an eventfd; -1: there is no thread */
};

void progress_start(struct progress *p, const char *label, uint64_t total);
void progress_to(struct progress *p, uint64_t done); /* thread: any */
void progress_stop(struct progress *p);              /* removes the bar from the screen */

#endif
