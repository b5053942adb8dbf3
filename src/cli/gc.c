/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost gc`: removes from the store what no published version needs. No server takes part in it,
 * and those that publish meanwhile need not know. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "catalog/catalog.h"
#include "cli/config.h"
#include "cli/units.h"
#include "cli/verbs.h"

extern char **environ;

static const struct arg_option options[] = {
    {"store", 0, "URL", "The store (as `roost serve` takes it)."},
    {"config", 0, "FILE", "Configuration file that names the store."},
    {"older-than", 0, "AGE", "What is younger stays; at least 1h. Default 24h."},
    {"dry-run", 'n', NULL, "Only list what would go."},
    {NULL, 0, NULL, NULL}};

static void print_key(void *arg, const char *key, uint64_t bytes)
{
    UNUSED(arg);
    UNUSED(bytes);
    printf("%s\n", key);
}

static enum status collect(const struct args *a, struct store *store, struct catalog_gc_done *done,
                           struct err *err)
{
    const char *age = args_get(a, "older-than");
    struct catalog_gc o = {
        .now_ms = clock_wall_ms(), .dry_run = args_on(a, "dry-run"), .gone = print_key};
    struct catalog *c = NULL;
    uint64_t us;
    enum status s = units_duration(age ? age : "24h", &us, err);
    if (s != OK)
        return err_prefix(err, "option --older-than");
    o.older_ms = us / 1000;
    if (catalog_new(store, 1, 1, &c) != OK)
        return err_set(err, E_NO_MEMORY, "out of memory");
    s = catalog_gc(c, &o, done, err);
    catalog_free(&c);
    return s;
}

static void print_done(const struct catalog_gc_done *done, bool dry_run)
{
    char size[UNITS_TEXT_MAX];
    fprintf(stderr,
            "%s %" PRIu64 " blobs (%s), %" PRIu64 " versions that were never current and %" PRIu64
            " uploads that were never ended; %" PRIu64 " old blobs are used\n",
            dry_run ? "would remove" : "removed", done->blobs, units_size_human(done->bytes, size),
            done->versions, done->uploads, done->used);
    if (done->uploads_unknown)
        fprintf(stderr,
                "roost: warning: the store does not list uploads in parts: none was looked for\n");
}

static int gc_run(const struct args *a)
{
    struct catalog_gc_done done = {.blobs = 0};
    struct config c;
    struct store *store = NULL;
    struct err err = {E_NO_MEMORY, "out of memory"};
    enum status s = config_load(&c, a, (const char *const *)environ, &err);
    if (s == OK)
        s = config_open_store(&c, &store, &err);
    if (s == OK)
        s = collect(a, store, &done, &err);
    if (store)
        store_free(&store);
    if (s == OK || done.failed)
        print_done(&done, args_on(a, "dry-run"));
    return s == OK && fflush(stdout) == 0 ? CLI_OK : cli_fail(&err);
}

const struct verb verb_gc = {
    .name = "gc",
    .operands = "",
    .summary = "Remove weights from the store that no version needs.",
    .details =
        "Prints the keys that go: blobs that no version of their tenant's models refers to, "
        "versions that\nwere never current because their publish was interrupted, and uploads to a "
        "bucket that were never\nended. Servers may publish meanwhile. A tenant with a version "
        "that "
        "this build cannot read keeps all\nof its blobs, and the exit status is 1. A dry run takes "
        "what only such an interrupted version refers\nto for used.",
    .options = options,
    .operands_max = 0,
    .run = gc_run,
};
