/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Two programs, the same inputs. The float32 one is bound, run over all sets while an observer
 * takes the ranges, its answers kept, and freed before the narrow one is made, so that both are
 * never there at once. The narrow artifact is written twice: what it is measured to be stands in
 * its own provenance. */
#include "compiler/precision.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "compiler/calibration.h"
#include "compiler/ranges.h"
#include "runtime/session.h"
#include "tensor/text.h"

/* A bound against absurd shapes only; the process's own limit ends most runs before. */
static const uint64_t ARENA_MAX_BYTES = UINT64_C(1) << 36;

const char *precision_name(enum precision p)
{
    static const char *const names[PRECISIONS] = {[PRECISION_FP32] = "fp32",
                                                  [PRECISION_BF16] = "bf16",
                                                  [PRECISION_INT8] = "int8",
                                                  [PRECISION_WEIGHTS_BF16] = "weights-bf16"};
    return p < PRECISIONS ? names[p] : "?";
}

double precision_error(const struct precision_report *r)
{
    if (r->error_max == 0)
        return 0;
    return r->largest > 0 ? r->error_max / r->largest : INFINITY;
}

enum status precision_check(const struct precision_wish *wish, struct err *err)
{
    const bool data = wish->calibration != NULL;
    if (wish->precision == PRECISION_FP32 && (data || wish->bounded))
        return err_set(err, E_UNSUPPORTED,
                       "--precision fp32 has no error to measure: leave %s out, or take bf16, "
                       "int8 or weights-bf16",
                       data ? "--calibrate" : "--max-error");
    if (wish->precision == PRECISION_INT8 && !data)
        return err_set(err, E_UNSUPPORTED,
                       "--precision int8 wants --calibrate DIR: inputs that show between which "
                       "bounds values lie");
    if (wish->bounded && !data)
        return err_set(err, E_UNSUPPORTED,
                       "--max-error wants --calibrate DIR: inputs to measure the error with");
    return OK;
}

/* ---- running a program over all sets ---- */

/* Embedded. Every answer is kept: sets * outputs tensors with their bytes. */
struct trial {
    struct program *p;
    struct arena arena;
    struct session *session;
    struct tensor *in, *out; /* heap */
};

static enum status trial_open(struct trial *t, const struct buf *artifact, struct err *err)
{
    *t = (struct trial){.p = NULL};
    arena_init(&t->arena, ARENA_MAX_BYTES, NULL);
    enum status s = program_open_bytes(artifact->data, artifact->len, &t->p, err);
    if (s != OK)
        return s;
    const struct signature *sig = program_signature(t->p);
    t->in = alloc_zero((size_t)MAX(sig->n_inputs, 1), sizeof(*t->in));
    t->out = alloc_zero((size_t)MAX(sig->n_outputs, 1), sizeof(*t->out));
    if (!t->in || !t->out || session_new(&t->arena, &t->session) != OK)
        return err_set(err, E_NO_MEMORY, "no memory to run the calibration data");
    return OK;
}

static void trial_close(struct trial *t)
{
    session_free(&t->session);
    arena_fini(&t->arena);
    if (t->p)
        program_free(&t->p);
    alloc_free(t->in);
    alloc_free(t->out);
}

static enum status trial_run(struct trial *t, const struct calibration *c, uint32_t set,
                             struct err *err)
{
    const struct run_limits none = {0};
    const struct signature *sig = program_signature(t->p);
    if (c->inputs != (uint32_t)sig->n_inputs)
        return err_set(err, E_BAD_INPUT,
                       "calibration set %s holds %" PRIu32 " inputs, the model has %d",
                       calibration_name(c, set), c->inputs, sig->n_inputs);
    for (uint32_t i = 0; i < c->inputs; i++) {
        calibration_input(c, set, i, &t->in[i]);
        /* numpy has no bfloat16: files that it wrote hold the bits as uint16. */
        if (t->in[i].dtype == DT_U16 && sig->inputs[i].dtype == DT_BF16)
            t->in[i].dtype = DT_BF16;
    }
    enum status s = session_run(t->session, t->p, t->in, t->out, &none, err);
    return s == OK ? OK : err_prefix(err, "calibration set %s", calibration_name(c, set));
}

/* ---- answers ---- */

/* Heap; n tensors with their data, one piece each. */
struct answers {
    struct tensor *t;
    size_t n;
};

static void answers_free(struct answers *a)
{
    for (size_t i = 0; a->t && i < a->n; i++)
        alloc_free(a->t[i].data);
    alloc_free(a->t);
    *a = (struct answers){NULL, 0};
}

/* Strings lie behind their own table. */
static enum status keep_texts(const struct tensor *from, struct tensor *to)
{
    const int64_t n = tensor_count(from);
    uint64_t bytes;
    if (!text_bytes(from, &bytes))
        return E_NO_MEMORY;
    struct text *table = alloc_new((size_t)n * sizeof(*table) + (size_t)bytes + 1);
    if (!table)
        return E_NO_MEMORY;
    char *at = (char *)(table + n);
    for (int64_t i = 0; i < n; i++) {
        const struct text t = text_get(from, i);
        if (t.len)
            memcpy(at, t.at, (size_t)t.len);
        table[i] = (struct text){.at = at, .len = t.len};
        at += t.len;
    }
    to->data = table;
    return OK;
}

static enum status keep(const struct tensor *from, struct tensor *to)
{
    uint64_t bytes;
    *to = *from;
    to->data = NULL;
    if (from->dtype == DT_STRING)
        return keep_texts(from, to);
    if (!tensor_bytes(from, &bytes) || !(to->data = alloc_new((size_t)bytes + 1)))
        return E_NO_MEMORY;
    if (bytes)
        memcpy(to->data, from->data, (size_t)bytes);
    return OK;
}

static enum status keep_answers(const struct trial *t, uint32_t set, struct answers *a,
                                struct err *err)
{
    const size_t n = (size_t)program_signature(t->p)->n_outputs;
    for (size_t i = 0; i < n; i++)
        if (keep(&t->out[i], &a->t[set * n + i]) != OK)
            return err_set(err, E_NO_MEMORY, "no memory for the answers to calibration data");
    return OK;
}

/* ---- float32: answers and ranges ---- */

static void see(void *arg, int32_t tensor, const struct tensor *t)
{
    ranges_see(arg, (uint32_t)tensor, t);
}

static enum status run_wide(struct trial *t, const struct calibration *c, struct ranges *r,
                            const int32_t *inputs, struct answers *a, struct err *err)
{
    const struct session_watch watch = {see, r};
    const size_t n = (size_t)program_signature(t->p)->n_outputs;
    enum status s = OK;
    session_set_watch(t->session, &watch);
    a->t = alloc_zero(MAX(c->sets * n, 1), sizeof(*a->t));
    if (!a->t)
        return err_set(err, E_NO_MEMORY, "no memory for the answers to calibration data");
    a->n = c->sets * n;
    for (uint32_t set = 0; s == OK && set < c->sets; set++) {
        s = trial_run(t, c, set, err);
        for (uint32_t i = 0; s == OK && i < c->inputs; i++)
            if (t->in[i].dtype == DT_F32 && (uintptr_t)t->in[i].data % sizeof(float) == 0)
                ranges_see(r, (uint32_t)inputs[i], &t->in[i]);
        if (s == OK)
            s = keep_answers(t, set, a, err);
    }
    if (s == OK && r->out_of_memory)
        s = err_set(err, E_NO_MEMORY, "no memory for the ranges of values");
    return s;
}

/* What the float32 program showed. Heap; all zero is nothing. */
struct shown {
    struct answers answers;
    struct range *ranges; /* by value */
};

/* By tensor, as the artifact numbers them: what is wanted of values. */
static void wanted_tensors(const struct graph *g, const int32_t *index, uint8_t *by_value,
                           uint8_t *by_tensor)
{
    narrow_wanted(g, by_value);
    for (uint32_t i = 0; i < g->n_values; i++)
        if (by_value[i] && index[i] != ARTIFACT_NO_TENSOR)
            by_tensor[index[i]] = 1;
}

static enum status watch_program(const struct graph *g, const struct buf *artifact,
                                 const struct calibration *c, const int32_t *index,
                                 struct ranges *r, struct answers *a, struct err *err)
{
    struct trial t;
    int32_t inputs[CALIBRATION_INPUTS_MAX];
    for (uint32_t i = 0; i < g->n_inputs && i < CALIBRATION_INPUTS_MAX; i++)
        inputs[i] = index[g->inputs[i]];
    enum status s = trial_open(&t, artifact, err);
    if (s == OK)
        s = run_wide(&t, c, r, inputs, a, err);
    trial_close(&t);
    return s;
}

/* Runs g as it is, in float32. */
static enum status show_wide(const struct graph *g, const struct emit_source *src,
                             const struct calibration *c, struct shown *out, struct err *err)
{
    const size_t n = MAX(g->n_values, 1);
    struct buf artifact = {0};
    struct ranges r = {0};
    int32_t *index = alloc_zero(n, sizeof(*index));
    uint8_t *by_value = alloc_zero(n, 1), *by_tensor = alloc_zero(n, 1);
    out->ranges = alloc_zero(n, sizeof(*out->ranges));
    enum status s = OK;
    if (!index || !by_value || !by_tensor || !out->ranges ||
        ranges_init(&r, by_tensor, g->n_values) != OK)
        s = err_set(err, E_NO_MEMORY, "no memory for the ranges of values");
    if (s == OK)
        s = emit_tensors(g, index, err);
    if (s == OK)
        s = emit(g, src, &artifact, err);
    if (s == OK) {
        wanted_tensors(g, index, by_value, by_tensor);
        s = watch_program(g, &artifact, c, index, &r, &out->answers, err);
    }
    for (uint32_t i = 0; s == OK && i < g->n_values; i++)
        if (by_value[i] && index[i] != ARTIFACT_NO_TENSOR)
            out->ranges[i] = ranges_of(&r, (uint32_t)index[i]);
    buf_fini(&artifact);
    ranges_fini(&r);
    alloc_free(index);
    alloc_free(by_value);
    alloc_free(by_tensor);
    return s;
}

/* ---- low precision: the error ---- */

static enum status measure(const struct buf *artifact, const struct calibration *c,
                           const struct answers *wide, struct precision_report *report,
                           struct err *err)
{
    struct trial t;
    struct comparison sum = {0};
    enum status s = trial_open(&t, artifact, err);
    const size_t n = s == OK ? (size_t)program_signature(t.p)->n_outputs : 0;
    for (uint32_t set = 0; s == OK && set < c->sets; set++) {
        s = trial_run(&t, c, set, err);
        for (size_t i = 0; s == OK && i < n; i++)
            comparison_add(&sum, &wide->t[set * n + i], &t.out[i]);
    }
    trial_close(&t);
    report->sets = c->sets;
    report->error_max = sum.worst;
    report->error_mean = sum.count ? sum.sum / (double)sum.count : 0;
    report->largest = sum.largest;
    report->rows = sum.rows;
    report->agreed = sum.agreed;
    return s;
}

static enum status judge(const struct precision_wish *wish, const struct precision_report *r,
                         struct err *err)
{
    const double error = precision_error(r);
    if (!wish->bounded || error <= wish->error_max)
        return OK;
    return err_set(err, E_UNSUPPORTED,
                   "%s answers are off by %.3g of the largest output, --max-error allows %.3g "
                   "(%.3g of %.3g; %" PRIu64 " of %" PRIu64 " rows agree); see docs/compiler.md",
                   precision_name(wish->precision), error, wish->error_max, r->error_max,
                   r->largest, r->agreed, r->rows);
}

/* Writes g; where there are data, measures what was written and writes that with it. */
static enum status write_narrow(const struct graph *g, const struct emit_source *src,
                                const struct precision_wish *wish, const struct calibration *c,
                                const struct answers *wide, struct precision_report *report,
                                struct buf *artifact, struct err *err)
{
    struct emit_source with = *src;
    with.report = report;
    enum status s = emit(g, &with, artifact, err);
    if (s != OK || !c)
        return s;
    s = measure(artifact, c, wide, report, err);
    if (s == OK)
        s = judge(wish, report, err);
    buf_clear(artifact);
    return s == OK ? emit(g, &with, artifact, err) : s;
}

enum status precision_emit(struct graph *g, const struct emit_source *src,
                           const struct precision_wish *wish, struct precision_report *report,
                           struct buf *artifact, struct err *err)
{
    struct calibration c;
    struct shown wide = {.ranges = NULL};
    struct narrow_count count = {0, 0};
    const bool data = wish->calibration != NULL;
    enum status s = OK;
    *report = (struct precision_report){.precision = (uint32_t)wish->precision};
    if (data)
        s = calibration_open(&c, wish->calibration, wish->calibration_bytes, err);
    if (s == OK && data)
        s = show_wide(g, src, &c, &wide, err);
    if (s == OK)
        s = narrow_graph(g, wide.ranges, &count, err);
    report->layers = count.layers;
    report->narrowed = count.narrowed;
    if (s == OK)
        s = write_narrow(g, src, wish, data ? &c : NULL, &wide.answers, report, artifact, err);
    answers_free(&wide.answers);
    alloc_free(wide.ranges);
    return s;
}
