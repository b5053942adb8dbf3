/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One run of a program that nobody has run before, bounded like any invocation: by steps, by time
 * and by the arena's maximum. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/clock.h"
#include "publish/publish_priv.h"
#include "runtime/session.h"
#include "tensor/text.h"

/* How far a sample's answers may be from those of another processor; as `roost verify` has them. */
static const double rtol = 1e-3, atol = 1e-5;

/* Inputs of zeros; or the program's sample, which is not ours. Embedded. */
struct tried {
    const struct tensor *in;
    const struct tensor *want; /* NULL: there is no sample */
    struct tensor made[SIGNATURE_PORTS_MAX];
    void *data; /* heap; of made */
    uint64_t charged_bytes;
};

/* ---- zeros ---- */

/* One item; all other dims that a request may choose are 1. *all grows by the port's bytes,
 * aligned. */
static bool shape_zeros(const struct port *port, struct tensor *t, uint64_t *all)
{
    uint64_t bytes, rounded;
    tensor_set_shape(t, port->dtype, port->rank, port->dims);
    for (int d = 0; d < t->rank; d++)
        t->dims[d] = MAX(t->dims[d], (int64_t)-1) < 0 ? 1 : t->dims[d];
    return tensor_bytes(t, &bytes) && checked_add(bytes, 63, &rounded) &&
           checked_add(*all, rounded & ~UINT64_C(63), all);
}

/* OK without inputs and with *warning filled when they would be too large. */
static enum status make_zeros(const struct publish_config *c, const struct signature *sig,
                              struct tried *t, char warning[256], struct err *err)
{
    uint64_t all = 0, at = 0;
    bool fits = true;
    for (int i = 0; i < sig->n_inputs; i++)
        fits = fits && shape_zeros(&sig->inputs[i], &t->made[i], &all);
    if (!fits || all > c->arena_max) {
        snprintf(warning, 256, "not run: zeros for its inputs take more than %" PRIu64 " bytes",
                 c->arena_max);
        return OK;
    }
    enum status s = cache_scratch_take(c->cache, MAX(all, 1), err);
    if (s != OK)
        return s;
    t->charged_bytes = MAX(all, 1);
    t->data = alloc_aligned(64, t->charged_bytes);
    if (!t->data)
        return err_set(err, E_NO_MEMORY, "no memory to run the model once");
    memset(t->data, 0, t->charged_bytes); /* no text either is the empty text */
    for (int i = 0; i < sig->n_inputs; i++) {
        uint64_t bytes = 0;
        t->made[i].data = (uint8_t *)t->data + at;
        if (!tensor_bytes(&t->made[i], &bytes))
            return err_set(err, E_INTERNAL, "an input's size has changed");
        at += (bytes + 63) & ~UINT64_C(63);
    }
    t->in = t->made;
    return OK;
}

static void tried_fini(const struct publish_config *c, struct tried *t)
{
    alloc_free(t->data);
    if (t->charged_bytes)
        cache_scratch_give(c->cache, t->charged_bytes);
}

/* ---- the sample's answers ---- */

static bool near(const struct tensor *want, const struct tensor *got, int64_t i)
{
    const size_t n = dtype_bytes(want->dtype), at = (size_t)i * n;
    if (want->dtype == DT_STRING)
        return text_same(text_get(want, i), text_get(got, i));
    if (!dtype_is_float(want->dtype))
        return memcmp((const uint8_t *)want->data + at, (const uint8_t *)got->data + at, n) == 0;
    const double w = tensor_get_f64(want, i), g = tensor_get_f64(got, i);
    if (!isfinite(w) || !isfinite(g)) /* near to an infinity would be everything */
        return w == g || (isnan(w) && isnan(g));
    return fabs(w - g) <= atol + rtol * fabs(w);
}

static enum status compare(const struct signature *sig, const struct tensor *want,
                           const struct tensor *got, struct err *err)
{
    for (int k = 0; k < sig->n_outputs; k++) {
        const char *name = sig->outputs[k].name;
        if (want[k].dtype != got[k].dtype || !shape_same(&want[k], &got[k]))
            return err_set(err, E_BAD_INPUT,
                           "the self-test gives output '%.60s' another shape than it should", name);
        for (int64_t i = 0; i < tensor_count(&want[k]); i++)
            if (!near(&want[k], &got[k], i))
                return err_set(
                    err, E_BAD_INPUT,
                    "the self-test gives other answers: output '%.60s', element %" PRId64, name, i);
    }
    return OK;
}

/* ---- the run ---- */

/* May the next values fare better? */
static bool hangs_on_values(enum status s)
{
    return s == E_BAD_INPUT || s == E_TOO_LARGE || s == E_STEPS || s == E_TIMEOUT;
}

/* What a failed run means. */
static enum status ran_badly(enum status s, bool sample, char warning[256], struct err *err)
{
    char words[sizeof(err->msg)];
    memcpy(words, err->msg, sizeof(words));
    if (hangs_on_values(s) && !sample) {
        snprintf(warning, 256, "does not run on zeros: %.200s", words);
        return OK;
    }
    if (hangs_on_values(s) || s == E_CORRUPT || s == E_UNSUPPORTED)
        return err_set(err, E_BAD_INPUT, "the model does not run: %.220s", words);
    return s;
}

static enum status run_once(const struct publish_config *c, const struct program *p,
                            const atomic_bool *cancelled, const struct tried *t, char warning[256],
                            struct err *err)
{
    const struct arena_charge charge = {cache_scratch_take, cache_scratch_give, c->cache};
    const struct run_limits limits = {.deadline_us = clock_now_us() + c->run_us,
                                      .cancelled = cancelled,
                                      .steps_max = c->steps_max};
    struct tensor out[SIGNATURE_PORTS_MAX];
    struct session *session = NULL;
    struct arena arena;
    arena_init(&arena, c->arena_max, &charge);
    enum status s = session_new(&arena, &session);
    if (s != OK)
        s = err_set(err, s, "no memory to run the model once");
    else if ((s = session_run(session, p, t->in, out, &limits, err)) != OK)
        s = ran_badly(s, t->want != NULL, warning, err);
    else if (t->want)
        s = compare(program_signature(p), t->want, out, err);
    if (session)
        session_free(&session);
    arena_fini(&arena);
    return s;
}

enum status try_run(const struct publish_config *c, const struct program *p,
                    const atomic_bool *cancelled, char warning[256], struct err *err)
{
    struct tried *t = alloc_zero(1, sizeof(*t));
    if (!t)
        return err_set(err, E_NO_MEMORY, "no memory to run the model once");
    enum status s = OK;
    if (!program_sample(p, &t->in, &t->want)) {
        t->in = t->want = NULL;
        s = make_zeros(c, program_signature(p), t, warning, err);
    }
    if (s == OK && t->in)
        s = run_once(c, p, cancelled, t, warning, err);
    tried_fini(c, t);
    alloc_free(t);
    return s;
}
