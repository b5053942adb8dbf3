/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost replay`: what a trace would have cost in this much memory under a policy. */
#include "replay/replay.h"

#include <inttypes.h>
#include <string.h>

#include "cli/progress.h"
#include "cli/units.h"
#include "cli/verbs.h"

static const struct arg_option options[] = {
    {"policy", 0, "P", "lru, hazard, gdsf, auto, bound, or all of them (lru)."},
    {"memory", 0, "SIZE", "Memory for models, as `serve --memory` takes it; needed."},
    {"link", 0, "SIZE", "Bytes a second that loads share (400MB)."},
    {"scheduler", 0, "S", "Who gets the link: srpt, or shared4 for four equal shares (srpt)."},
    {"seed", 0, "N", "Seed of what policies leave to chance (1)."},
    {"json", 0, NULL, "Print JSON."},
    {NULL, 0, NULL, NULL}};

enum { RUNS_MAX = 8 };
static const char bound_name[] = "bound";

struct run {
    const char *name;
    struct replay_options options;
    struct replay_result result;
};

static const char *value_of(const struct args *a, const char *name, const char *otherwise)
{
    const char *v = args_get(a, name);
    return v ? v : otherwise;
}

static enum status base_options(const struct args *a, struct replay_options *o, struct err *err)
{
    const char *memory = args_get(a, "memory"), *s = value_of(a, "scheduler", "srpt");
    if (!memory)
        return err_set(err, E_USAGE, "--memory SIZE is needed; see `roost replay --help`");
    enum status st = units_size(memory, &o->memory_bytes, err);
    if (st == OK)
        st = units_size(value_of(a, "link", "400MB"), &o->link_bytes_per_s, err);
    if (st == OK)
        st = units_count(value_of(a, "seed", "1"), &o->seed, err);
    if (st != OK)
        return st;
    if (!o->memory_bytes || o->memory_bytes > INT64_MAX)
        return err_set(err, E_USAGE, "--memory '%.40s': expected 1 B or more", memory);
    if (!o->link_bytes_per_s || o->link_bytes_per_s > REPLAY_LINK_MAX)
        return err_set(err, E_USAGE, "--link: expected 1 B to 1024 TiB a second");
    if (strcmp(s, "srpt") != 0 && strcmp(s, "shared4") != 0)
        return err_set(err, E_USAGE, "--scheduler '%.40s': expected srpt or shared4", s);
    o->scheduler = strcmp(s, "srpt") == 0 ? REPLAY_SRPT : REPLAY_SHARED4;
    return OK;
}

/* One run per policy asked for. */
static enum status plan(const struct args *a, struct run runs[RUNS_MAX], size_t *n, struct err *err)
{
    const char *name = value_of(a, "policy", "lru");
    bool all = strcmp(name, "all") == 0;
    struct replay_options base = {0};
    enum status s = base_options(a, &base, err);
    if (s != OK)
        return s;
    *n = 0;
    for (const struct policy_ops *const *p = policy_table(); *p; p++)
        if (all || strcmp(name, (*p)->name) == 0) {
            runs[*n] = (struct run){.name = (*p)->name, .options = base};
            runs[(*n)++].options.policy = *p;
        }
    if (all || strcmp(name, bound_name) == 0)
        runs[(*n)++] = (struct run){.name = bound_name, .options = base};
    if (!*n)
        return err_set(err, E_USAGE,
                       "--policy '%.40s': expected lru, hazard, gdsf, auto, bound or all", name);
    if (all && strcmp(a->operands[0], "-") == 0)
        return err_set(err, E_USAGE, "--policy all reads the trace several times; name a file");
    return OK;
}

static enum status replay_one(const char *path, struct run *r, bool *cut, struct err *err)
{
    struct trace *t;
    enum status s = trace_open(path, &t, err);
    if (s != OK)
        return s;
    s = replay_run(t, &r->options, &r->result, err);
    *cut = trace_cut(t);
    trace_free(&t);
    return s;
}

static enum status json(struct buf *out, const struct run *r)
{
    const struct replay_result *x = &r->result;
    bool timed = r->options.policy != NULL;
    enum status s =
        buf_printf(out,
                   "{\"policy\": \"%s\", \"memory\": %" PRIu64 ", \"requests\": %" PRIu64
                   ", \"models\": %" PRIu64 ", \"tenants\": %" PRIu64
                   ",\n \"hit_rate\": %.9g, \"byte_hit_rate\": %.9g, \"miss_cost_ms\": %.3f,\n ",
                   r->name, r->options.memory_bytes, x->requests, x->models, x->tenants,
                   x->hit_rate, x->byte_hit_rate, x->miss_cost_ms);
    if (s == OK && timed)
        s = buf_printf(out,
                       "\"wait_mean_ms\": %.6f, \"wait_p50_ms\": %.6f, \"wait_p99_ms\": %.6f, "
                       "\"evictions\": %" PRIu64 ",\n ",
                       x->wait_mean_ms, x->wait_p50_ms, x->wait_p99_ms, x->evictions);
    else if (s == OK)
        s = buf_str(out, "\"wait_mean_ms\": null, \"wait_p50_ms\": null, \"wait_p99_ms\": null, "
                         "\"evictions\": null,\n ");
    return s == OK ? buf_printf(out, "\"jain\": %.9g}", x->jain) : s;
}

static enum status json_all(struct buf *out, const struct run *runs, size_t n)
{
    enum status s = n > 1 ? buf_str(out, "[") : OK;
    for (size_t i = 0; s == OK && i < n; i++) {
        s = i ? buf_str(out, ",\n") : OK;
        if (s == OK)
            s = json(out, &runs[i]);
    }
    return s == OK ? buf_str(out, n > 1 ? "]\n" : "\n") : s;
}

static enum status row(struct buf *out, const struct run *r)
{
    const struct replay_result *x = &r->result;
    enum status s = buf_printf(out, "%-8s %7.3f %% %7.3f %% %14.1f", r->name, 100 * x->hit_rate,
                               100 * x->byte_hit_rate, x->miss_cost_ms);
    if (s == OK && r->options.policy)
        s = buf_printf(out, " %12" PRIu64 " %7.4f %10.3f %10.3f %10.3f\n", x->evictions, x->jain,
                       x->wait_mean_ms, x->wait_p50_ms, x->wait_p99_ms);
    else if (s == OK)
        s = buf_printf(out, " %12s %7.4f %10s %10s %10s\n", "-", x->jain, "-", "-", "-");
    return s;
}

static enum status table(struct buf *out, const struct run *runs, size_t n)
{
    const struct replay_result *x = &runs[0].result;
    char size[UNITS_TEXT_MAX];
    enum status s = buf_printf(
        out, "%" PRIu64 " requests for %" PRIu64 " models of %" PRIu64 " tenants, in %s\n\n",
        x->requests, x->models, x->tenants, units_size_human(runs[0].options.memory_bytes, size));
    if (s == OK)
        s = buf_printf(out, "%-8s %9s %9s %14s %12s %7s %10s %10s %10s\n", "POLICY", "HITS",
                       "OF BYTES", "MISS COST, ms", "EVICTIONS", "JAIN", "WAIT, ms", "p50", "p99");
    for (size_t i = 0; s == OK && i < n; i++)
        s = row(out, &runs[i]);
    return s;
}

static int replay_verb(const struct args *a)
{
    struct run runs[RUNS_MAX];
    struct err err = {E_NO_MEMORY, "out of memory"};
    struct progress bar;
    struct buf out = {0};
    size_t n = 0;
    bool cut = false;
    enum status s = plan(a, runs, &n, &err);
    if (s != OK)
        return cli_fail(&err);
    progress_start(&bar, "replaying", n);
    for (size_t i = 0; s == OK && i < n; i++) {
        s = replay_one(a->operands[0], &runs[i], &cut, &err);
        progress_to(&bar, i + 1);
    }
    progress_stop(&bar);
    if (s != OK)
        return cli_fail(&err);
    if (cut)
        fprintf(stderr, "%s ends inside a record, which is left out\n", a->operands[0]);
    s = args_on(a, "json") ? json_all(&out, runs, n) : table(&out, runs, n);
    return cli_print(s, &out);
}

const struct verb verb_replay = {
    .name = "replay",
    .operands = "TRACE",
    .summary = "Tell what a trace would have cost under a policy.",
    .details = "TRACE is text with the header line t_us,model,tenant,bytes,load_us,exec_us, sorted "
               "by time, or a file of\nrecords; \"-\" is standard input. docs/replay.md "
               "explains both, and the figures.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = replay_verb,
};
