/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost serve`: settings, the node, and the signals that end it. SIGTERM and SIGINT drain, a
 * second one ends at once. Signals are blocked in every thread and read here, so no handler runs.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/node.h"
#include "cli/verbs.h"

extern char **environ;

/* What the process opens beside connections, rounded up. */
enum {
    DESCRIPTORS_BASE = 16,
    DESCRIPTORS_A_LOOP = 8,
    DESCRIPTORS_A_LOADER = 4,
    DESCRIPTORS_A_PUBLISH = 16
};

static const struct arg_option options[] = {
    {"config", 'c', "FILE", "Configuration file (JSON); else ROOST_CONFIG."},
    {"print-config", 0, NULL, "Print the settings in force as a configuration file, and end."},
#define X(type, field, key, value, initial, least, most, help) {key, 0, value, help},
    CONFIG_TABLE(X)
#undef X
        {NULL, 0, NULL, NULL}};

_Static_assert(ARRAY_COUNT(options) <= ARGS_OPTIONS_MAX, "more options than a line can hold");

/* Every connection is a descriptor: the soft limit of 1024 would refuse most of them. Where even
 * the hard limit is too low, fewer connections are taken, so that clients never cost the loaders
 * the descriptors with which they read the store. */
static void raise_descriptors(struct config *c)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0)
        return;
    rlim_t soft = l.rlim_cur;
    l.rlim_cur = l.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &l) != 0)
        l.rlim_cur = soft;
    uint64_t kept = DESCRIPTORS_BASE + DESCRIPTORS_A_LOOP * (c->loops ? c->loops : LOOPS_AUTO_MAX) +
                    DESCRIPTORS_A_LOADER * (c->loaders + 2 * c->link_threads) +
                    DESCRIPTORS_A_PUBLISH * c->publishes;
    uint64_t room = l.rlim_cur - MIN(kept, l.rlim_cur / 2);
    if (room >= c->connections)
        return;
    c->connections = MAX(room, (uint64_t)1);
    LOG(LOG_WARN, "descriptors_few", log_num("limit", (int64_t)l.rlim_cur),
        log_num("connections", (int64_t)c->connections));
}

static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    int e = pthread_sigmask(SIG_BLOCK, set, NULL);
    ASSERT(e == 0);
    /* A shell starts its background jobs with SIGINT ignored; ignored signals may not wait. */
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    /* A peer that has gone shows as EPIPE; a hang-up of the terminal is no reason to end. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    /* A file beyond the limit of file sizes shows as EFBIG. */
    signal(SIGXFSZ, SIG_IGN);
}

/* HOST of "HOST:PORT" with the port that was really taken. */
static void address_text(const char *listen, uint16_t port, char *out, size_t size)
{
    const char *colon = strrchr(listen, ':');
    int host = colon ? (int)(colon - listen) : 0;
    snprintf(out, size, "%.*s:%u", host, listen, port);
}

static void log_start(const struct node *n, const struct config *c)
{
    char address[CONFIG_TEXT_MAX + 8], admin[CONFIG_TEXT_MAX + 8];
    struct budget_usage memory;
    cache_usage(n->cache, &memory);
    address_text(c->listen, server_port(n->server), address, sizeof(address));
    address_text(*c->admin_listen ? c->admin_listen : c->listen, server_admin_port(n->server),
                 admin, sizeof(admin));
    LOG(LOG_INFO, "listening", log_str("address", address), log_str("admin_address", admin),
        log_str("store", c->store), log_num("memory_bytes", (int64_t)memory.limit),
        log_str("version", ROOST_VERSION), log_num("pid", getpid()));
}

/* A second signal while the node drains ends the process here: exit, not abort, and 1. SIGUSR1,
 * sent to this thread alone, says that the drain is over; a cancelled thread would leave its stack
 * as it stood, which sanitizers take for damage. */
static void *watch_second(void *arg)
{
    int signal_number;
    if (sigwait(arg, &signal_number) == 0 && signal_number != SIGUSR1) {
        LOG(LOG_WARN, "killed_while_draining", log_num("signal", signal_number));
        _exit(CLI_FAILED);
    }
    return NULL;
}

static void wait_and_drain(struct node *n, const struct config *c, sigset_t *set)
{
    int signal_number = 0;
    pthread_t watcher;
    while (sigwait(set, &signal_number) != 0)
        ;
    LOG(LOG_INFO, "draining", log_num("signal", signal_number),
        log_num("drain_us", (int64_t)c->drain));
    sigaddset(set, SIGUSR1);
    bool watched = pthread_sigmask(SIG_BLOCK, set, NULL) == 0 &&
                   pthread_create(&watcher, NULL, watch_second, set) == 0;
    uint64_t begin = clock_now_us();
    node_stop(n, begin + c->drain);
    LOG(LOG_INFO, "stopped", log_num("drain_us", (int64_t)(clock_now_us() - begin)));
    if (watched) {
        pthread_kill(watcher, SIGUSR1);
        pthread_join(watcher, NULL);
    }
}

static int print_config(const struct config *c)
{
    struct buf out = {0};
    return cli_print(config_print(c, &out), &out);
}

static int serve_run(const struct args *a)
{
    static struct config c; /* borrowed by the node until it has stopped */
    struct node node;
    struct err err;
    sigset_t set;
    if (config_load(&c, a, (const char *const *)environ, &err) != OK)
        return cli_fail(&err);
    if (args_on(a, "print-config"))
        return print_config(&c);
    bool json = c.log_format == 2 || (c.log_format == 0 && !isatty(STDERR_FILENO));
    log_setup((enum log_level)c.log_level, json ? LOG_JSON : LOG_LOGFMT);
    raise_descriptors(&c);
    block_signals(&set);
    enum status s = node_start(&node, &c, &err);
    if (s != OK)
        return cli_fail_hint(&err, s == E_NOT_FOUND ? "name the store with --store URL" : "");
    log_start(&node, &c);
    wait_and_drain(&node, &c, &set);
    return CLI_OK;
}

const struct verb verb_serve = {
    .name = "serve",
    .operands = "",
    .summary = "Serve the models of a store over HTTP.",
    .details = "Flags win over ROOST_* variables, those over the configuration file. SIGTERM and "
               "SIGINT drain:\nwhat is in flight is answered, then the process ends with 0.",
    .options = options,
    .operands_max = 0,
    .run = serve_run,
};
