/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* include/roost/roost.h over program and session: only copies between the public types and ours, so
 * that neither side's layout binds the other. */
#include "roost/roost.h"

#include <string.h>

#include "artifact/blobs.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/clock.h"
#include "mem/pool.h"
#include "runtime/session.h"
#include "tensor/text.h"

_Static_assert((int)ROOST_RANK_MAX == (int)TENSOR_RANK_MAX, "ranks are copied whole");
_Static_assert((int)ROOST_FLOAT32 == (int)DT_F32 && (int)ROOST_BFLOAT16 == (int)DT_BF16 &&
                   (int)ROOST_STRING == (int)DT_STRING,
               "dtypes are copied as numbers");
_Static_assert(sizeof(struct roost_string) == sizeof(struct text) &&
                   offsetof(struct roost_string, bytes) == offsetof(struct text, len),
               "strings are passed on as they are");
_Static_assert(sizeof(((struct roost_error *)0)->message) == sizeof(((struct err *)0)->msg),
               "messages are copied whole");

struct roost_session {
    struct arena arena;
    struct session *session;
};

static enum roost_status public_status(enum status s)
{
    switch (s) {
    case OK:
        return ROOST_OK;
    case E_BAD_INPUT:
        return ROOST_BAD_INPUT;
    case E_TOO_LARGE:
        return ROOST_TOO_LARGE;
    case E_CORRUPT:
        return ROOST_CORRUPT;
    case E_UNSUPPORTED:
        return ROOST_UNSUPPORTED;
    case E_NO_MEMORY:
        return ROOST_NO_MEMORY;
    case E_TIMEOUT:
    case E_STEPS:
        return ROOST_TIMEOUT;
    case E_NOT_FOUND:
    case E_IO:
        return ROOST_IO;
    default:
        return ROOST_INTERNAL;
    }
}

static enum roost_status report(enum status s, const struct err *err, struct roost_error *out)
{
    enum roost_status p = public_status(s);
    if (p != ROOST_OK && out) {
        out->status = p;
        memcpy(out->message, err->msg, sizeof(out->message));
    }
    return p;
}

const char *roost_version(void)
{
    return ROOST_VERSION;
}

/* A struct roost_model is a struct program under a name that callers may see. */
static const struct program *program_of(const struct roost_model *m)
{
    return (const struct program *)m;
}

enum roost_status roost_model_open_file(const char *path, struct roost_model **out,
                                        struct roost_error *error)
{
    struct program *p;
    struct err err;
    enum status s = program_open_file(path, &p, &err);
    if (s == OK)
        *out = (struct roost_model *)p;
    return report(s, &err, error);
}

enum roost_status roost_model_map_immutable_file(const char *path, struct roost_model **out,
                                                 struct roost_error *error)
{
    struct program *p;
    struct err err;
    enum status s = program_map_file(path, &p, &err);
    if (s == OK)
        *out = (struct roost_model *)p;
    return report(s, &err, error);
}

enum roost_status roost_model_open_bytes(const void *bytes, size_t n, struct roost_model **out,
                                         struct roost_error *error)
{
    struct program *p;
    struct err err;
    enum status s = program_open_bytes(bytes, n, &p, &err);
    if (s == OK)
        *out = (struct roost_model *)p;
    return report(s, &err, error);
}

void roost_model_free(struct roost_model **model)
{
    struct program *p = (struct program *)*model;
    program_free(&p);
    *model = NULL;
}

size_t roost_model_input_count(const struct roost_model *model)
{
    return (size_t)program_signature(program_of(model))->n_inputs;
}

size_t roost_model_output_count(const struct roost_model *model)
{
    return (size_t)program_signature(program_of(model))->n_outputs;
}

static enum roost_status get_port(const struct port *ports, int n, size_t i, struct roost_port *out)
{
    if (i >= (size_t)n)
        return ROOST_BAD_INPUT;
    *out = (struct roost_port){
        .name = ports[i].name, .dtype = (enum roost_dtype)ports[i].dtype, .rank = ports[i].rank};
    memcpy(out->dims, ports[i].dims, sizeof(out->dims));
    return ROOST_OK;
}

enum roost_status roost_model_input(const struct roost_model *model, size_t i,
                                    struct roost_port *out)
{
    const struct signature *sig = program_signature(program_of(model));
    return get_port(sig->inputs, sig->n_inputs, i, out);
}

enum roost_status roost_model_output(const struct roost_model *model, size_t i,
                                     struct roost_port *out)
{
    const struct signature *sig = program_signature(program_of(model));
    return get_port(sig->outputs, sig->n_outputs, i, out);
}

uint64_t roost_model_bytes(const struct roost_model *model)
{
    return program_resident_bytes(program_of(model));
}

void roost_memory_keep(uint64_t bytes_max)
{
    pool_set_limits(&(struct pool_limits){.kept_max = bytes_max, .total_max = UINT64_MAX});
}

uint64_t roost_memory_kept(void)
{
    return pool_kept_bytes();
}

void roost_verify_always(int always)
{
    blobs_always_hash(always != 0);
}

enum roost_status roost_session_new(uint64_t memory_max, struct roost_session **out,
                                    struct roost_error *error)
{
    struct err err;
    struct roost_session *s = alloc_zero(1, sizeof(*s));
    if (s) {
        arena_init(&s->arena, memory_max, NULL);
        if (session_new(&s->arena, &s->session) == OK) {
            *out = s;
            return ROOST_OK;
        }
        alloc_free(s);
    }
    return report(err_set(&err, E_NO_MEMORY, "no memory for a session"), &err, error);
}

void roost_session_free(struct roost_session **session)
{
    if (!*session)
        return;
    session_free(&(*session)->session);
    arena_fini(&(*session)->arena);
    alloc_free(*session);
    *session = NULL;
}

/* Strings come unproven here; elsewhere the readers of requests prove them. */
static enum status check_texts(const struct tensor *t, size_t input, struct err *err)
{
    uint64_t bytes;
    if (t->dtype != DT_STRING || !t->data || !tensor_bytes(t, &bytes))
        return OK; /* the run itself refuses what has no size or no data */
    for (uint64_t at = 0; at < bytes; at += sizeof(struct text)) {
        struct text v;
        memcpy(&v, (const uint8_t *)t->data + at, sizeof(v));
        if (v.len && (!v.at || !text_valid(v.at, v.len)))
            return err_set(err, E_BAD_INPUT, "input %zu, string %zu is not UTF-8, or holds a NUL",
                           input, (size_t)(at / sizeof(v)));
    }
    return OK;
}

static enum status take_inputs(const struct roost_run *run, struct tensor *ours, struct err *err)
{
    for (size_t i = 0; i < run->n_in; i++) {
        const struct roost_tensor *t = &run->in[i];
        if (t->rank < 0 || t->rank > ROOST_RANK_MAX)
            return err_set(err, E_BAD_INPUT, "input %zu has rank %d", i, t->rank);
        tensor_set_shape(&ours[i], (enum dtype)t->dtype, t->rank, t->dims);
        ours[i].data = (void *)(uintptr_t)t->data;
        enum status s = check_texts(&ours[i], i, err);
        if (s != OK)
            return s;
    }
    return OK;
}

static void give_outputs(const struct tensor *ours, const struct roost_run *run)
{
    for (size_t i = 0; i < run->n_out; i++) {
        run->out[i] = (struct roost_tensor){
            .dtype = (enum roost_dtype)ours[i].dtype, .rank = ours[i].rank, .data = ours[i].data};
        memcpy(run->out[i].dims, ours[i].dims, sizeof(ours[i].dims));
    }
}

enum roost_status roost_session_run(struct roost_session *session, const struct roost_model *model,
                                    const struct roost_run *run, struct roost_error *error)
{
    const struct program *p = program_of(model);
    const struct signature *sig = program_signature(p);
    struct tensor in[SIGNATURE_PORTS_MAX], out[SIGNATURE_PORTS_MAX];
    struct run_limits limits = {0};
    struct err err;
    if (run->n_in != (size_t)sig->n_inputs || run->n_out != (size_t)sig->n_outputs)
        return report(err_set(&err, E_BAD_INPUT,
                              "%zu inputs and %zu outputs came, expected %d and %d", run->n_in,
                              run->n_out, sig->n_inputs, sig->n_outputs),
                      &err, error);
    if (run->timeout_us && !checked_add(clock_now_us(), run->timeout_us, &limits.deadline_us))
        limits.deadline_us = UINT64_MAX;
    enum status s = take_inputs(run, in, &err);
    if (s == OK)
        s = session_run(session->session, p, in, out, &limits, &err);
    if (s == OK)
        give_outputs(out, run);
    return report(s, &err, error);
}
