/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One line, redrawn eight times a second after the first second. A bar that cannot be drawn (no
 * terminal, no thread) is no error. */
#include "cli/progress.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

enum { FIRST_MS = 1000, AGAIN_MS = 125, BAR_CELLS = 24 };

static void draw(const struct progress *p, unsigned turn)
{
    char bar[BAR_CELLS + 1];
    uint64_t done = atomic_load(&p->done);
    uint64_t s = (clock_now_us() - p->started_us) / 1000000u;
    unsigned filled = p->total ? (unsigned)(MIN(done, p->total) * BAR_CELLS / p->total) : 0;
    memset(bar, '.', BAR_CELLS);
    memset(bar, '#', filled);
    if (!p->total)
        bar[turn % BAR_CELLS] = '#';
    bar[BAR_CELLS] = 0;
    if (p->total)
        fprintf(stderr, "\r\033[K%s [%s] %" PRIu64 "/%" PRIu64 " %" PRIu64 " s", p->label, bar,
                done, p->total, s);
    else
        fprintf(stderr, "\r\033[K%s [%s] %" PRIu64 " s", p->label, bar, s);
    fflush(stderr);
}

static void *draw_until_stopped(void *arg)
{
    struct progress *p = arg;
    struct pollfd stop = {.fd = p->stop_fd, .events = POLLIN};
    unsigned turn = 0;
    while (poll(&stop, 1, turn ? AGAIN_MS : FIRST_MS) == 0)
        draw(p, turn++);
    if (turn)
        fprintf(stderr, "\r\033[K");
    fflush(stderr);
    return NULL;
}

void progress_start(struct progress *p, const char *label, uint64_t total)
{
    *p = (struct progress){.label = label, .total = total, .stop_fd = -1};
    p->started_us = clock_now_us();
    if (!isatty(STDERR_FILENO))
        return;
    p->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (p->stop_fd >= 0 && pthread_create(&p->thread, NULL, draw_until_stopped, p) != 0) {
        close(p->stop_fd);
        p->stop_fd = -1;
    }
}

void progress_to(struct progress *p, uint64_t done)
{
    atomic_store(&p->done, done);
}

void progress_stop(struct progress *p)
{
    uint64_t one = 1;
    if (p->stop_fd < 0)
        return;
    ssize_t n = write(p->stop_fd, &one, sizeof(one));
    ASSERT(n == (ssize_t)sizeof(one));
    pthread_join(p->thread, NULL);
    close(p->stop_fd);
    p->stop_fd = -1;
}
