/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost ls`: every name of the store that can be invoked. Reads the store itself; no server is
 * needed. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "catalog/catalog.h"
#include "cli/config.h"
#include "cli/progress.h"
#include "cli/units.h"
#include "cli/verbs.h"

extern char **environ;

static const struct arg_option options[] = {
    {"store", 0, "URL", "The store (as `roost serve` takes it)."},
    {"config", 0, "FILE", "Configuration file that names the store."},
    {"json", 0, NULL, "Print JSON."},
    {NULL, 0, NULL, NULL}};

struct listing {
    struct buf out;
    size_t count;
    bool json;
};

static enum status row_json(struct listing *l, const char *name, const struct resolved *r)
{
    enum status s = buf_str(&l->out, l->count++ ? ",\n  {\"name\": " : "\n  {\"name\": ");
    if (s == OK)
        s = buf_json_str(&l->out, name, strlen(name));
    if (s == OK)
        s = buf_str(&l->out, ", \"version\": ");
    if (s == OK)
        s = buf_json_str(&l->out, r->version, strlen(r->version));
    if (s == OK)
        s = buf_str(&l->out, ", \"key\": ");
    if (s == OK)
        s = buf_json_str(&l->out, r->key, strlen(r->key));
    return s == OK ? buf_printf(&l->out, ", \"bytes\": %" PRIu64 ", \"modified_ms\": %" PRIu64 "}",
                                r->object.bytes, r->object.modified_ms)
                   : s;
}

static enum status row(void *arg, const char *name, const struct resolved *r)
{
    struct listing *l = arg;
    char size[UNITS_TEXT_MAX], date[32] = "-";
    if (l->json)
        return row_json(l, name, r);
    time_t t = (time_t)(r->object.modified_ms / 1000);
    struct tm tm;
    if (gmtime_r(&t, &tm))
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M", &tm);
    if (l->count++ == 0) {
        enum status s = buf_printf(&l->out, "%-40s %-8s %10s  %s\n", "MODEL", "VERSION", "SIZE",
                                   "MODIFIED (UTC)");
        if (s != OK)
            return s;
    }
    return buf_printf(&l->out, "%-40s %-8s %10s  %s\n", name, *r->version ? r->version : "-",
                      units_size_human(r->object.bytes, size), date);
}

static enum status list(struct store *store, struct listing *l, struct err *err)
{
    enum status s = l->json ? buf_str(&l->out, "{\"models\": [") : OK;
    if (s == OK)
        s = catalog_list(store, row, l, err);
    if (l->json && buf_str(&l->out, l->count ? "\n]}\n" : "]}\n") != OK)
        s = err_set(err, E_NO_MEMORY, "out of memory while listing the store");
    return s;
}

static int ls_run(const struct args *a)
{
    struct listing l = {.json = args_on(a, "json")};
    struct config c;
    struct store *store = NULL;
    struct progress bar;
    struct err err = {E_NO_MEMORY, "out of memory"};
    enum status s = config_load(&c, a, (const char *const *)environ, &err);
    if (s == OK)
        s = config_open_store(&c, &store, &err);
    progress_start(&bar, "listing", 0);
    if (s == OK)
        s = list(store, &l, &err);
    progress_stop(&bar);
    if (store)
        store_free(&store);
    if (s == OK && !l.json && l.count == 0)
        fprintf(stderr, "%s holds no model; make one with `roost compile MODEL -o %s/NAME.roost`\n",
                c.store, c.store);
    /* One name that cannot be resolved hides no other: they are printed before it is told. */
    bool printed = s == OK || l.count > 0;
    if (printed && cli_print(OK, &l.out) != CLI_OK)
        return CLI_FAILED;
    if (s == OK)
        return CLI_OK;
    buf_fini(&l.out);
    return cli_fail_hint(&err, s == E_NOT_FOUND ? "name one with --store" : "");
}

const struct verb verb_ls = {
    .name = "ls",
    .operands = "",
    .summary = "List the models of the store.",
    .details = "",
    .options = options,
    .operands_max = 0,
    .run = ls_run,
};
