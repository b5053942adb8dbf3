/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A run: the request is checked against the signature, a plan for its shapes is found or made, and
 * the steps run one after the other; or, where a shape depends on data, the stepper runs the
 * program. Everything a run needs is the arena's, and charged with it. */
#include "runtime/session.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/plan_set.h"

enum { SESSION_MAGIC = 0x53455353 }; /* "SESS" */

struct session {
    uint32_t magic;
    uint64_t arena_bytes;       /* that the last run used */
    const struct op_team *team; /* NULL: runs keep to their thread */
    const struct session_watch *watch;
    struct plan_set plans;
};

/* What one call brings. */
struct run {
    const struct program *p;
    const struct tensor *in;
    const struct run_limits *limits;
    const struct op_team *team;
    const struct session_watch *watch; /* NULL: nobody asks */
    int64_t symbols[ARTIFACT_SYMBOLS_MAX];
    uint8_t staged[SIGNATURE_PORTS_MAX];
};

enum status session_new(struct arena *arena, struct session **out)
{
    struct session *s = alloc_zero(1, sizeof(*s));
    if (!s)
        return E_NO_MEMORY;
    s->magic = SESSION_MAGIC;
    s->plans.arena = arena;
    s->plans.books_max = PLAN_SET_BOOKS_MAX;
    *out = s;
    return OK;
}

void session_free(struct session **s)
{
    if (*s)
        plan_set_clear(&(*s)->plans);
    alloc_free(*s);
    *s = NULL;
}

void session_forget(struct session *s)
{
    plan_set_clear(&s->plans);
    s->arena_bytes = 0;
}

void session_set_team(struct session *s, const struct op_team *team)
{
    s->team = team;
}

void session_set_watch(struct session *s, const struct session_watch *watch)
{
    s->watch = watch;
}

uint64_t session_plans_made(const struct session *s)
{
    return s->plans.made;
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

/* ---- the run ---- */

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

static void place_inputs(const struct plan *pl, const struct run *run)
{
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

static enum status run_step(const struct plan_step *step, void *scratch, const struct op_team *team,
                            struct err *err)
{
    const struct program_instr *in = step->in;
    const struct op_run ctx = {in->params,
                               in->n_in,
                               in->n_out,
                               (const struct tensor *const *)step->operands,
                               (struct tensor *const *)step->operands + in->n_in,
                               scratch,
                               team};
    enum status s = in->op->run(&ctx, err);
    return s == OK ? OK : err_prefix(err, "node \"%s\"", in->name);
}

static void show_results(const struct plan *pl, const struct plan_step *step,
                         const struct session_watch *watch)
{
    for (int k = 0; k < step->in->n_out; k++) {
        const struct tensor *t = step->operands[step->in->n_in + k];
        if (t)
            watch->see(watch->arg, (int32_t)(t - pl->tensors), t);
    }
}

/* Steps [from, to). */
static enum status run_steps(const struct plan_entry *e, const struct run *run, struct guard *guard,
                             uint32_t from, uint32_t to, struct err *err)
{
    const struct plan *pl = &e->plan;
    void *scratch = e->values + pl->values_bytes;
    enum status s = OK;
    for (uint32_t i = from; s == OK && i < to; i++) {
        s = guard_step(guard, pl->steps[i].bytes, err);
        if (s == OK)
            s = run_step(&pl->steps[i], scratch, run->team, err);
        if (s == OK && run->watch)
            show_results(pl, &pl->steps[i], run->watch);
    }
    return s;
}

/* The steps that run item by item. */
static enum status run_items(struct plan_entry *e, const struct run *run, struct guard *guard,
                             struct err *err)
{
    struct plan *pl = &e->plan;
    enum status s = OK;
    int64_t i = 0;
    plan_items_enter(pl);
    for (; s == OK && i < pl->items; i++) {
        s = run_steps(e, run, guard, 0, pl->item_steps, err);
        plan_items_move(pl, 1);
    }
    plan_items_move(pl, -i);
    plan_items_leave(pl);
    return s;
}

static enum status run_planned(struct plan_entry *e, const struct run *run, struct err *err)
{
    const struct plan *pl = &e->plan;
    struct guard guard;
    enum status s = guard_start(&guard, run->limits, err);
    if (s != OK)
        return s;
    place_inputs(pl, run);
    if (pl->item_steps)
        s = run_items(e, run, &guard, err);
    if (s == OK)
        s = run_steps(e, run, &guard, pl->item_steps, pl->n_steps, err);
    return s == OK ? guard_end(&guard, err) : s;
}

/* Inputs stay where they are, but for those whose bytes are misaligned. */
static enum status define_inputs(struct stepper *steps, const struct run *run, struct err *err)
{
    for (int i = 0; i < run->p->signature.n_inputs; i++) {
        struct tensor t = run->in[i];
        struct piece *piece = NULL;
        uint64_t bytes;
        if (run->staged[i] && tensor_bytes(&t, &bytes)) {
            enum status s = step_heap_take(&steps->heap, bytes, &piece, err);
            if (s != OK)
                return s;
            t.data = memcpy(piece_data(piece), run->in[i].data, bytes);
        }
        stepper_define(steps, run->p->inputs[i], &t, piece);
        step_heap_drop(&steps->heap, piece);
    }
    return OK;
}

static enum status run_stepwise(struct session *s, struct plan_entry *e, const struct run *run,
                                struct err *err)
{
    struct stepper *steps = &e->steps;
    enum status st = stepper_start(steps, s->plans.arena, run->limits, err);
    if (st == OK)
        st = define_inputs(steps, run, err);
    if (st == OK)
        st = stepper_run(steps, &run->p->blocks[0], err);
    if (st == OK)
        st = guard_end(&steps->guard, err);
    if (st != OK)
        return st;
    /* A rank or dim may have come from the request. */
    return plan_check_outputs(run->p, steps->tensors, run->symbols, E_BAD_INPUT, err);
}

enum status session_run(struct session *s, const struct program *p, const struct tensor *in,
                        struct tensor *out, const struct run_limits *limits, struct err *err)
{
    ASSERT(s->magic == SESSION_MAGIC);
    ASSERT(p->magic == PROGRAM_MAGIC);
    struct run run;
    struct plan_entry *e;
    run.p = p;
    run.in = in;
    run.limits = limits;
    run.team = s->team;
    run.watch = s->watch;
    enum status st = check_inputs(&run, err);
    const struct plan_shapes shapes = {run.in, run.symbols, run.staged};
    if (st == OK)
        st = plan_set_get(&s->plans, p, &shapes, &e, err);
    if (st == OK)
        st = e->stepwise ? run_stepwise(s, e, &run, err) : run_planned(e, &run, err);
    if (st != OK)
        return st == E_TOO_LARGE ? name_shape(&run, err) : st;
    const struct tensor *tensors = e->stepwise ? e->steps.tensors : e->plan.tensors;
    s->arena_bytes = e->stepwise ? e->book.bytes + e->steps.heap.most : plan_bytes(&e->plan);
    for (uint32_t i = 0; i < p->p0.n_outputs; i++)
        out[i] = tensors[p->outputs[i]];
    return OK;
}
