/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A run: the request is checked against the signature, a plan for its shapes is found or made, and
 * the steps run one after the other. The book of the plan stands at the start of the arena, so that
 * everything a run needs is charged with it; nothing here allocates but arena_reserve. */
#include "runtime/session.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/plan_priv.h"

enum {
    CLOCK_STEPS = 16,           /* the clock is read at least every so many steps */
    CLOCK_BYTES = 64 * 1024,    /* and after steps that touched so many bytes */
    SESSION_MAGIC = 0x53455353, /* "SESS" */
};

struct session {
    uint32_t magic;
    struct arena *arena;  /* borrowed */
    uint64_t plan_serial; /* program_serial of the plan; 0: none */
    uint64_t arena_bytes; /* that the plan uses */
    struct plan plan;
    uint8_t staged[SIGNATURE_PORTS_MAX]; /* inputs whose bytes are misaligned: copied first */
};

/* What one call brings. */
struct run {
    const struct program *p;
    const struct tensor *in;
    const struct run_limits *limits;
    int64_t symbols[ARTIFACT_SYMBOLS_MAX];
    uint8_t staged[SIGNATURE_PORTS_MAX];
};

enum status session_new(struct arena *arena, struct session **out)
{
    struct session *s = alloc_zero(1, sizeof(*s));
    if (!s)
        return E_NO_MEMORY;
    s->magic = SESSION_MAGIC;
    s->arena = arena;
    *out = s;
    return OK;
}

void session_free(struct session **s)
{
    alloc_free(*s);
    *s = NULL;
}

void session_forget(struct session *s)
{
    s->plan_serial = 0;
    s->arena_bytes = 0;
}

uint64_t session_arena_bytes(const struct session *s)
{
    return s->arena_bytes;
}

/* ---- the request against the signature ---- */

static enum status bad_dim(const struct port *port, const struct tensor *t, int k, int64_t want,
                           struct err *err)
{
    char text[TENSOR_TEXT_MAX];
    return err_set(err, E_BAD_INPUT,
                   "input \"%s\" came as %s, expected %" PRId64 " in dimension %d", port->name,
                   tensor_text(t, text), want, k);
}

static enum status check_dims(struct run *run, const struct port *port, const struct tensor *t,
                              struct err *err)
{
    for (int k = 0; k < port->rank; k++) {
        int64_t want = port->dims[k];
        if (dim_is_symbol(want)) {
            int64_t *symbol = &run->symbols[dim_symbol(want)];
            want = *symbol;
            *symbol = t->dims[k];
        }
        if (want != DIM_FREE && want != t->dims[k])
            return bad_dim(port, t, k, want, err);
    }
    return OK;
}

static bool bools_valid(const struct tensor *t)
{
    const uint8_t *p = t->data;
    const int64_t n = t->dtype == DT_BOOL ? tensor_count(t) : 0;
    for (int64_t i = 0; i < n; i++)
        if (p[i] > 1)
            return false;
    return true;
}

static enum status check_input(struct run *run, int i, struct err *err)
{
    const struct port *port = &run->p->signature.inputs[i];
    const struct tensor *t = &run->in[i];
    char text[TENSOR_TEXT_MAX];
    uint64_t bytes;
    if (t->dtype != port->dtype || t->rank != port->rank)
        return err_set(err, E_BAD_INPUT, "input \"%s\" came as %s of rank %d, expected %s of %d",
                       port->name, dtype_text(t->dtype), t->rank, dtype_text(port->dtype),
                       port->rank);
    if (!tensor_bytes(t, &bytes))
        return err_set(err, E_BAD_INPUT, "input \"%s\" came as %s, which has no size", port->name,
                       tensor_text(t, text));
    if (bytes && !t->data)
        return err_set(err, E_BAD_INPUT, "input \"%s\" came without data", port->name);
    enum status s = check_dims(run, port, t, err);
    if (s == OK && !bools_valid(t))
        return err_set(err, E_BAD_INPUT, "input \"%s\" holds a bool that is neither 0 nor 1",
                       port->name);
    run->staged[i] = (uintptr_t)t->data % dtype_bytes(t->dtype) != 0;
    return s;
}

static enum status check_inputs(struct run *run, struct err *err)
{
    for (int i = 0; i < run->p->signature.n_symbols; i++)
        run->symbols[i] = DIM_FREE;
    for (int i = 0; i < run->p->signature.n_inputs; i++) {
        enum status s = check_input(run, i, err);
        if (s != OK)
            return s;
    }
    return OK;
}

/* ---- the plan ---- */

static bool plan_fits(const struct session *s, const struct run *run)
{
    const struct program *p = run->p;
    if (s->plan_serial != p->serial)
        return false;
    for (int i = 0; i < p->signature.n_inputs; i++)
        if (s->staged[i] != run->staged[i] ||
            !shape_same(&s->plan.tensors[p->inputs[i]], &run->in[i]))
            return false;
    return true;
}

/* Says for which input the arena is too small: the one with most bytes. */
static enum status name_shape(const struct run *run, struct err *err)
{
    const struct signature *sig = &run->p->signature;
    char text[TENSOR_TEXT_MAX];
    uint64_t most = 0, bytes;
    int which = 0;
    for (int i = 0; i < sig->n_inputs; i++)
        if (tensor_bytes(&run->in[i], &bytes) && bytes > most) {
            most = bytes;
            which = i;
        }
    if (!sig->n_inputs)
        return err_prefix(err, "a run without inputs");
    return err_prefix(err, "input \"%s\" %s", sig->inputs[which].name,
                      tensor_text(&run->in[which], text));
}

/* Growing the arena loses its contents, and with them the book: then the same plan is made again,
 * in the larger arena. */
static enum status make_plan(struct session *s, const struct run *run, struct err *err)
{
    const struct plan_shapes shapes = {run->in, run->symbols, run->staged};
    uint64_t need = plan_book_bytes(run->p), had;
    s->plan_serial = 0;
    do {
        enum status st = arena_reserve(s->arena, need, err);
        if (st == OK)
            st = plan_make(&s->plan, run->p, &shapes, s->arena->region.base, err);
        if (st != OK)
            return st == E_TOO_LARGE ? name_shape(run, err) : st;
        had = s->arena->region.bytes;
        need = plan_bytes(&s->plan);
    } while (need > had);
    plan_attach(&s->plan, (uint8_t *)s->arena->region.base + s->plan.book_bytes);
    memcpy(s->staged, run->staged, sizeof(s->staged));
    s->plan_serial = run->p->serial;
    s->arena_bytes = need;
    return OK;
}

/* ---- the run ---- */

static enum status check_limits(const struct run_limits *l, bool clock, struct err *err)
{
    if (!l)
        return OK;
    if (l->cancelled && atomic_load_explicit(l->cancelled, memory_order_relaxed))
        return err_set(err, E_CANCELLED, "the run was cancelled");
    if (clock && l->deadline_us && clock_now_us() >= l->deadline_us)
        return err_set(err, E_TIMEOUT, "the deadline passed during the run");
    return OK;
}

static void place_inputs(struct session *s, const struct run *run)
{
    const struct plan *pl = &s->plan;
    const struct program *p = run->p;
    for (uint32_t i = 0; i < pl->n_late; i++) {
        int32_t t = pl->late[i];
        pl->tensors[t].data = run->in[p->tensors[plan_root(pl, t)].port].data;
    }
    for (int i = 0; i < p->signature.n_inputs; i++) {
        uint64_t bytes;
        if (run->staged[i] && tensor_bytes(&run->in[i], &bytes))
            memcpy(pl->tensors[p->inputs[i]].data, run->in[i].data, bytes);
    }
}

static enum status run_step(const struct plan_step *step, void *scratch, struct err *err)
{
    const struct program_instr *in = step->in;
    const struct op_run ctx = {in->params,
                               in->n_in,
                               in->n_out,
                               (const struct tensor *const *)step->operands,
                               (struct tensor *const *)step->operands + in->n_in,
                               scratch};
    enum status s = in->op->run(&ctx, err);
    return s == OK ? OK : err_prefix(err, "node \"%s\"", in->name);
}

static enum status run_steps(struct session *s, const struct run_limits *limits, struct err *err)
{
    const struct plan *pl = &s->plan;
    void *scratch = (uint8_t *)s->arena->region.base + pl->book_bytes + pl->values_bytes;
    uint64_t bytes = 0;
    uint32_t steps = 0;
    enum status st = check_limits(limits, true, err);
    for (uint32_t i = 0; st == OK && i < pl->n_steps; i++) {
        st = run_step(&pl->steps[i], scratch, err);
        if (st != OK)
            break;
        bytes += pl->steps[i].bytes;
        bool clock = bytes >= CLOCK_BYTES || ++steps >= CLOCK_STEPS || i + 1 == pl->n_steps;
        st = check_limits(limits, clock, err);
        if (clock)
            bytes = steps = 0;
    }
    return st;
}

enum status session_run(struct session *s, const struct program *p, const struct tensor *in,
                        struct tensor *out, const struct run_limits *limits, struct err *err)
{
    ASSERT(s->magic == SESSION_MAGIC);
    ASSERT(p->magic == PROGRAM_MAGIC);
    struct run run;
    run.p = p;
    run.in = in;
    run.limits = limits;
    enum status st = check_inputs(&run, err);
    if (st == OK && !plan_fits(s, &run))
        st = make_plan(s, &run, err);
    if (st != OK)
        return st;
    place_inputs(s, &run);
    st = run_steps(s, limits, err);
    for (uint32_t i = 0; st == OK && i < p->p0.n_outputs; i++)
        out[i] = s->plan.tensors[p->outputs[i]];
    return st;
}
