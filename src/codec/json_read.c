/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The JSON forms of a request: instances (a bare array too), inputs by name, and the door to the V2
 * form. Numbers go from the text into the tensor in one step; nothing is kept per element. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/codec_priv.h"

static enum status string_element(struct json *j, struct builder *b, struct err *err)
{
    size_t from = b->texts->len, at = j->at;
    if (b->t->dtype != DT_STRING)
        return err_set(err, E_BAD_INPUT, "input '%s': a string at byte %zu; expected %s",
                       b->port->name, at, dtype_text(b->t->dtype));
    enum status s = json_unescape(j, b->texts, err);
    if (s == E_TOO_LARGE || s == E_NO_MEMORY)
        return codec_memory_fault(s, b->port->name, err);
    return s == OK ? builder_text(b, from, err) : err_prefix(err, "input '%s'", b->port->name);
}

enum status json_element(struct json *j, struct builder *b, struct err *err)
{
    const char *s;
    size_t n;
    char c = json_peek(j);
    if (c == '"')
        return string_element(j, b, err);
    if (c == 't' || c == 'f') {
        if (b->t->dtype == DT_BOOL && json_word(j, "true"))
            return builder_number(b, "1", 1, err);
        if (b->t->dtype == DT_BOOL && json_word(j, "false"))
            return builder_number(b, "0", 1, err);
        return err_set(err, E_BAD_INPUT, "input '%s': a boolean at byte %zu; expected %s",
                       b->port->name, j->at, dtype_text(b->t->dtype));
    }
    if (c == 'n' && json_word(j, "null"))
        return builder_special(b, NAN, err);
    if (c == '[' || c == ']')
        return err_set(err, E_BAD_INPUT,
                       "input '%s': nested %s than its rank %d at byte %zu (expected %s)",
                       b->port->name, c == '[' ? "deeper" : "less deep", b->port->rank, j->at,
                       dtype_text(b->t->dtype));
    enum status st = json_number(j, &s, &n, err);
    if (st != OK)
        return err_prefix(err, "input '%s'", b->port->name);
    return builder_number(b, s, n, err);
}

enum status json_nested(struct json *j, struct builder *b, int d, struct err *err)
{
    bool more;
    int64_t count = 0;
    if (d == b->port->rank)
        return json_element(j, b, err);
    char c = json_peek(j);
    if (c != '[' && c != 0)
        return err_set(err, E_BAD_INPUT,
                       "input '%s': nested %d deep at byte %zu, expected an array %d deep",
                       b->port->name, d, j->at, b->port->rank);
    enum status s = json_open(j, '[', &more, err);
    while (s == OK && more) {
        s = json_nested(j, b, d + 1, err);
        count++;
        if (s == OK)
            s = json_next(j, '[', &more, err);
    }
    return s == OK ? builder_dim(b, d, count, err) : s;
}

/* Builders of all inputs, for forms in which they arrive mixed. Heap: a signature may have many. */
static enum status builders_new(const struct signature *sig, struct codec_request *r,
                                struct builder **out, struct err *err)
{
    struct builder *b = alloc_zero((size_t)sig->n_inputs, sizeof(*b));
    if (!b)
        return err_set(err, E_NO_MEMORY, "no memory for the request's inputs");
    for (int i = 0; i < sig->n_inputs; i++)
        builder_init(&b[i], sig, r, i);
    *out = b;
    return OK;
}

static enum status unknown_input(const struct signature *sig, const char *name, struct err *err)
{
    return err_set(err, E_BAD_INPUT, "the model has no input '%.100s'; its first input is '%s'",
                   name, sig->n_inputs ? sig->inputs[0].name : "");
}

/* A number where an array of one is expected: the value of an input with one column. */
static bool is_bare(struct json *j, const struct port *port, int from)
{
    if (from == 0 || from == port->rank || json_peek(j) == '[')
        return false;
    for (int d = from; d < port->rank; d++)
        if (port->dims[d] != 1)
            return false;
    return true;
}

static enum status one_value(struct json *j, struct builder *b, int from, struct err *err)
{
    if (!is_bare(j, b->port, from))
        return json_nested(j, b, from, err);
    enum status s = json_element(j, b, err);
    for (int d = from; s == OK && d < b->port->rank; d++)
        s = builder_dim(b, d, 1, err);
    return s;
}

/* One object with every input by name, each from dim `from` on. seen[i] counts what came. */
static enum status named_inputs(struct json *j, const struct signature *sig, struct builder *b,
                                int from, struct err *err)
{
    char name[SIGNATURE_NAME_MAX + 1];
    uint64_t seen[SIGNATURE_PORTS_MAX / 64] = {0};
    bool more;
    enum status s = json_open(j, '{', &more, err);
    while (s == OK && more) {
        s = json_key(j, name, SIGNATURE_NAME_MAX, err);
        if (s != OK)
            break;
        int i = codec_find_port(sig->inputs, sig->n_inputs, name);
        if (i < 0)
            return unknown_input(sig, name, err);
        if (seen[i / 64] >> (i % 64) & 1)
            return err_set(err, E_BAD_INPUT, "input '%s' came twice", name);
        seen[i / 64] |= UINT64_C(1) << (i % 64);
        s = one_value(j, &b[i], from, err);
        if (s == OK)
            s = json_next(j, '{', &more, err);
    }
    for (int i = 0; s == OK && i < sig->n_inputs; i++)
        if (!(seen[i / 64] >> (i % 64) & 1))
            return err_set(err, E_BAD_INPUT, "input '%s' is missing", sig->inputs[i].name);
    return s;
}

static enum status finish_all(const struct signature *sig, struct builder *b, struct err *err)
{
    enum status s = OK;
    for (int i = 0; s == OK && i < sig->n_inputs; i++)
        s = builder_finish(&b[i], err);
    return s;
}

/* An array of objects: item k of every input is slice k of its leading dimension. */
static enum status object_instances(struct json *j, const struct signature *sig, struct builder *b,
                                    struct err *err)
{
    bool more;
    int64_t count = 0;
    for (int i = 0; i < sig->n_inputs; i++)
        if (sig->inputs[i].rank == 0)
            return err_set(err, E_BAD_INPUT,
                           "input '%s' has no leading dimension: use {\"inputs\": {...}}",
                           sig->inputs[i].name);
    enum status s = json_open(j, '[', &more, err);
    while (s == OK && more) {
        s = named_inputs(j, sig, b, 1, err);
        count++;
        if (s == OK)
            s = json_next(j, '[', &more, err);
    }
    for (int i = 0; s == OK && i < sig->n_inputs; i++)
        s = builder_dim(&b[i], 0, count, err);
    return s;
}

/* ---- instances by the names of columns ---- */

static enum status one_column(struct json *j, struct named_rows *n, struct err *err)
{
    char name[SIGNATURE_NAME_MAX + 1];
    enum status s = json_key(j, name, SIGNATURE_NAME_MAX, err);
    int64_t column = s == OK ? named_row_find(n, name, err) : -1;
    if (column < 0)
        return E_BAD_INPUT;
    s = named_row_take(n, (uint32_t)column, err);
    if (s == OK)
        s = json_element(j, n->b, err);
    return s == OK ? OK : err_prefix(err, "column '%.100s'", name);
}

static enum status one_row(struct json *j, struct named_rows *n, struct err *err)
{
    bool more;
    enum status s = named_row_begin(n, err);
    if (s == OK)
        s = json_open(j, '{', &more, err);
    while (s == OK && more) {
        s = one_column(j, n, err);
        if (s == OK)
            s = json_next(j, '{', &more, err);
    }
    return s == OK ? named_row_end(n, err) : s;
}

static enum status column_instances(struct json *j, const struct signature *sig, struct builder *b,
                                    struct err *err)
{
    struct named_rows n;
    bool more;
    int64_t count = 0;
    enum status s = named_rows_init(&n, b, &sig->columns, err);
    if (s == OK)
        s = json_open(j, '[', &more, err);
    while (s == OK && more) {
        s = one_row(j, &n, err);
        count++;
        if (s == OK)
            s = json_next(j, '[', &more, err);
    }
    named_rows_fini(&n);
    return s == OK ? builder_dim(b, 0, count, err) : s;
}

/* Are the objects in the array at j rows by column? Their values are no arrays, those of inputs
 * are. Looks ahead, consumes nothing. */
static bool holds_rows(const struct json *j, const struct signature *sig)
{
    char key[SIGNATURE_NAME_MAX + 1];
    struct json look = *j;
    struct err unread;
    bool more;
    if (!sig->columns.count || json_open(&look, '[', &more, &unread) != OK ||
        json_open(&look, '{', &more, &unread) != OK)
        return false;
    return !more || json_key(&look, key, SIGNATURE_NAME_MAX, &unread) != OK ||
           json_peek(&look) != '[';
}

/* Does the array at j hold objects? Looks ahead, consumes nothing. */
static bool holds_objects(const struct json *j)
{
    struct json look = *j;
    if (json_peek(&look) != '[')
        return false;
    look.at++;
    return json_peek(&look) == '{';
}

static enum status instances(struct json *j, const struct signature *sig, struct codec_request *r,
                             struct err *err)
{
    struct builder *b;
    enum status s = builders_new(sig, r, &b, err);
    if (s != OK)
        return s;
    if (json_peek(j) != '[')
        s = json_fault(j, "an array of instances", err);
    else if (holds_rows(j, sig))
        s = column_instances(j, sig, b, err);
    else if (holds_objects(j))
        s = object_instances(j, sig, b, err);
    else if (sig->n_inputs != 1)
        s = err_set(err, E_BAD_INPUT,
                    "the model has %d inputs: each instance is an object by input name",
                    sig->n_inputs);
    else
        s = json_nested(j, &b[0], 0, err);
    if (s == OK)
        s = finish_all(sig, b, err);
    alloc_free(b);
    return s;
}

static enum status whole_inputs(struct json *j, const struct signature *sig,
                                struct codec_request *r, struct err *err)
{
    struct builder *b;
    enum status s = builders_new(sig, r, &b, err);
    if (s != OK)
        return s;
    if (json_peek(j) == '{')
        s = named_inputs(j, sig, b, 0, err);
    else if (sig->n_inputs == 1)
        s = json_nested(j, &b[0], 0, err);
    else
        s = json_fault(j, "an object by input name", err);
    if (s == OK)
        s = finish_all(sig, b, err);
    alloc_free(b);
    return s;
}

/* Top-level keys seen so far: instances and inputs exclude each other, and none comes twice. */
enum { SEEN_BODY = 1, SEEN_ID = 2, SEEN_OUTPUTS = 4, SEEN_OTHER = 8 };

static enum status once(unsigned *seen, unsigned bit, const char *key, struct err *err)
{
    if (*seen & bit)
        return err_set(err, E_BAD_INPUT, "'%s': one of instances and inputs, and each key once",
                       key);
    *seen |= bit;
    return OK;
}

static enum status inputs_key(struct json *j, const struct signature *sig, struct codec_request *r,
                              struct err *err)
{
    if (holds_objects(j)) {
        r->form = JSON_V2;
        return json_v2_inputs(j, sig, r, err);
    }
    r->form = JSON_INPUTS;
    return whole_inputs(j, sig, r, err);
}

static enum status top_key(struct json *j, const char *key, unsigned *seen,
                           const struct signature *sig, struct codec_request *r, struct err *err)
{
    unsigned bit = strcmp(key, "instances") == 0 || strcmp(key, "inputs") == 0 ? SEEN_BODY
                   : strcmp(key, "id") == 0                                    ? SEEN_ID
                   : strcmp(key, "outputs") == 0                               ? SEEN_OUTPUTS
                                                                               : SEEN_OTHER;
    enum status s = bit == SEEN_OTHER ? OK : once(seen, bit, key, err);
    if (s != OK)
        return s;
    switch (bit) {
    case SEEN_BODY:
        return key[2] == 's' ? instances(j, sig, r, err) : inputs_key(j, sig, r, err);
    case SEEN_ID:
        return json_string(j, r->id, CODEC_ID_MAX, err);
    case SEEN_OUTPUTS:
        return json_v2_outputs(j, sig, r, err);
    default:
        break;
    }
    /* "parameters" (V2) and "signature_name" (TF Serving) are carried by real clients. */
    if (strcmp(key, "parameters") != 0 && strcmp(key, "signature_name") != 0)
        return err_set(err, E_BAD_INPUT,
                       "unknown key '%.100s': expected \"instances\" or \"inputs\"", key);
    return json_skip(j, err);
}

enum status json_decode(const void *body, size_t n, const struct signature *sig,
                        struct codec_request *r, struct err *err)
{
    struct json j;
    char key[SIGNATURE_NAME_MAX + 1];
    unsigned seen = 0;
    bool more;
    json_init(&j, body, n);
    r->form = JSON_INSTANCES;
    if (json_peek(&j) == '[') {
        enum status s = instances(&j, sig, r, err);
        return s == OK ? json_end(&j, err) : s;
    }
    if (json_peek(&j) != '{')
        return json_fault(&j, "an object or an array", err);
    enum status s = json_open(&j, '{', &more, err);
    while (s == OK && more) {
        s = json_key(&j, key, SIGNATURE_NAME_MAX, err);
        if (s == OK)
            s = top_key(&j, key, &seen, sig, r, err);
        if (s == OK)
            s = json_next(&j, '{', &more, err);
    }
    if (s == OK && !(seen & SEEN_BODY))
        return err_set(err, E_BAD_INPUT, "neither \"instances\" nor \"inputs\" came");
    return s == OK ? json_end(&j, err) : s;
}
