/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Words and numbers; whoever made the log has checked it. */
#include "cli/explain.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/units.h"

static enum status passes_json(const struct pass_log *log, struct buf *out)
{
    enum status s = buf_str(out, ", \"passes\": [");
    for (uint32_t i = 0; s == OK && i < log->n; i++) {
        const struct pass_step *step = &log->steps[i];
        s = buf_printf(out,
                       "%s{\"pass\": \"%s\", \"round\": %u, \"nodes_before\": %" PRIu32
                       ", \"nodes_after\": %" PRIu32 ", \"changed\": %s}",
                       i ? ", " : "", pass_table[step->pass].name, step->round, step->before,
                       step->after, step->changed ? "true" : "false");
    }
    return s == OK ? buf_char(out, ']') : s;
}

static enum status passes_plain(const struct pass_log *log, struct buf *out)
{
    enum status s = buf_str(out, "  round  pass              nodes\n");
    for (uint32_t i = 0; s == OK && i < log->n; i++) {
        const struct pass_step *step = &log->steps[i];
        if (step->round > 1 && !step->changed)
            continue;
        s = buf_printf(out, "  %-5u  %-16s  %" PRIu32 " -> %" PRIu32 "%s\n", step->round,
                       pass_table[step->pass].name, step->before, step->after,
                       step->changed && step->before == step->after ? ", rewritten" : "");
    }
    return s;
}

enum status explain_passes(const struct pass_log *log, bool json, struct buf *out)
{
    return json ? passes_json(log, out) : passes_plain(log, out);
}

/* How many times the lower bound the values take. */
static double ratio(const struct program_estimate *e)
{
    return e->live_bytes ? (double)e->values_bytes / (double)e->live_bytes : 1;
}

static enum status run_json(const struct program_estimate *e, struct buf *out)
{
    if (!e->planned)
        return buf_str(out, ", \"estimate\": null");
    return buf_printf(out,
                      ", \"estimate\": {\"flops\": %" PRIu64 ", \"steps\": %" PRIu32
                      ", \"item_steps\": %" PRIu32 ", \"values_bytes\": %" PRIu64
                      ", \"live_bytes\": %" PRIu64 ", \"plan_ratio\": %.4f, \"placed_by\": \"%s\"}",
                      e->flops, e->steps, e->item_steps, e->values_bytes, e->live_bytes, ratio(e),
                      e->placed_by);
}

static const char *flops_human(uint64_t flops, char out[UNITS_TEXT_MAX])
{
    static const char *const units[] = {"FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP"};
    double v = (double)flops;
    size_t k = 0;
    while (v >= 1000 && k + 1 < ARRAY_COUNT(units)) {
        v /= 1000;
        k++;
    }
    snprintf(out, UNITS_TEXT_MAX, v < 10 && k ? "%.1f %s" : "%.0f %s", v, units[k]);
    return out;
}

static enum status run_plain(const struct program_estimate *e, struct buf *out)
{
    char a[UNITS_TEXT_MAX], b[UNITS_TEXT_MAX];
    if (!e->planned)
        return buf_printf(out, "  %-10s known with the shapes only\n", "work");
    enum status s = buf_printf(out, "  %-10s %s in %" PRIu32 " steps, estimated, free dims 1\n",
                               "work", flops_human(e->flops, a), e->steps);
    if (s == OK && e->item_steps)
        s = buf_printf(out, "  %-10s the first %" PRIu32 " steps, one of the batch after another\n",
                       "items", e->item_steps);
    return s == OK ? buf_printf(out, "  %-10s %s, %.3f of the %s alive at once (by %s)\n", "plan",
                                units_size_human(e->values_bytes, a), ratio(e),
                                units_size_human(e->live_bytes, b), e->placed_by)
                   : s;
}

enum status explain_run(const struct program *p, bool json, struct buf *out)
{
    struct program_estimate e;
    struct err ignored;
    enum status s = program_estimate(p, &e, &ignored);
    if (s != OK) /* it was planned when it was bound: only memory can be missing */
        return s;
    return json ? run_json(&e, out) : run_plain(&e, out);
}
