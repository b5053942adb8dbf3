/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The doors, and the builder through which every format fills a tensor: it is the one place where a
 * request's dims meet the signature's. */
#include "codec/codec.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/codec_priv.h"
#include "tensor/text.h"

void codec_request_init(struct codec_request *r, buf_charge_fn *charge, void *arg)
{
    *r = (struct codec_request){.charge = charge, .charge_arg = arg};
    memset(r->wanted, 0xff, sizeof(r->wanted));
}

void codec_request_fini(struct codec_request *r)
{
    for (int i = 0; i < r->n_inputs; i++) {
        buf_fini(&r->data[i]);
        buf_fini(&r->texts[i]);
    }
    alloc_free(r->data);
    alloc_free(r->texts);
    alloc_free(r->inputs);
    codec_request_init(r, r->charge, r->charge_arg);
}

static enum status make_inputs(struct codec_request *r, int n, struct err *err)
{
    r->inputs = alloc_zero((size_t)n, sizeof(*r->inputs));
    r->data = alloc_zero((size_t)n, sizeof(*r->data));
    r->texts = alloc_zero((size_t)n, sizeof(*r->texts));
    if (!r->inputs || !r->data || !r->texts)
        return err_set(err, E_NO_MEMORY, "no memory for the request's inputs");
    for (int i = 0; i < n; i++) {
        buf_init_charged(&r->data[i], 0, r->charge, r->charge_arg);
        buf_init_charged(&r->texts[i], 0, r->charge, r->charge_arg);
    }
    r->n_inputs = n;
    return OK;
}

static enum status npy_decode(const void *body, size_t n, const struct signature *sig,
                              struct codec_request *r, struct err *err)
{
    struct builder b;
    struct tensor t;
    struct buf copy;
    if (sig->n_inputs != 1)
        return err_set(err, E_BAD_INPUT,
                       "npy carries one array and the model has %d inputs: send JSON",
                       sig->n_inputs);
    builder_init(&b, sig, r, 0);
    if (b.port->dtype == DT_STRING)
        return err_set(err, E_BAD_INPUT,
                       "input '%s' is of strings, which npy does not carry: send "
                       "JSON or CSV",
                       b.port->name);
    buf_init_charged(&copy, 0, r->charge, r->charge_arg);
    enum status s = npy_read(body, n, &t, &copy, err);
    if (s == OK && (t.dtype != b.port->dtype || t.rank != b.port->rank))
        s = err_set(err, E_BAD_INPUT, "input '%s': got %s of rank %d, expected %s of rank %d",
                    b.port->name, dtype_text(t.dtype), t.rank, dtype_text(b.port->dtype),
                    b.port->rank);
    for (int d = 0; s == OK && d < t.rank; d++)
        s = builder_dim(&b, d, t.dims[d], err);
    if (s == OK && copy.len == 0)
        s = codec_memory_fault(
            buf_add(b.data, t.data, (size_t)tensor_count(&t) * dtype_bytes(t.dtype)), b.port->name,
            err);
    else if (s == OK)
        buf_move(b.data, &copy);
    if (s == OK)
        s = builder_finish(&b, err);
    buf_fini(&copy);
    return s;
}

enum status codec_decode(enum codec_format f, const void *body, size_t n,
                         const struct signature *sig, const struct codec_options *o,
                         struct codec_request *r, struct err *err)
{
    enum status s = make_inputs(r, sig->n_inputs, err);
    if (s != OK)
        return s;
    switch (f) {
    case CODEC_JSON:
        return json_decode(body, n, sig, r, err);
    case CODEC_CSV:
        return csv_decode(body, n, sig, o, r, err);
    case CODEC_NPY:
        return npy_decode(body, n, sig, r, err);
    }
    return err_set(err, E_INTERNAL, "no such format: %d", (int)f);
}

static enum status npy_encode(const struct signature *sig, const struct tensor *outputs,
                              const struct codec_options *o, struct buf *out, struct err *err)
{
    int i = 0;
    if (o->output) {
        i = codec_find_port(sig->outputs, sig->n_outputs, o->output);
        if (i < 0)
            return err_set(err, E_BAD_INPUT, "x-roost-output: the model has no output '%.100s'",
                           o->output);
    } else if (sig->n_outputs != 1) {
        return err_set(err, E_BAD_INPUT,
                       "npy carries one array and the model has %d outputs: name one in "
                       "x-roost-output",
                       sig->n_outputs);
    }
    if (outputs[i].dtype == DT_STRING)
        return err_set(err, E_BAD_INPUT,
                       "output '%s' is of strings, which npy does not carry: "
                       "ask for JSON or CSV",
                       sig->outputs[i].name);
    enum status s = npy_write(&outputs[i], out);
    return s == OK ? OK : codec_memory_fault(s, sig->outputs[i].name, err);
}

enum status codec_encode(enum codec_format f, const struct signature *sig,
                         const struct tensor *outputs, const struct codec_request *r,
                         const struct codec_options *o, struct buf *out, struct err *err)
{
    switch (f) {
    case CODEC_JSON:
        return json_encode(sig, outputs, r, o, out, err);
    case CODEC_CSV:
        return csv_encode(sig, outputs, out, err);
    case CODEC_NPY:
        return npy_encode(sig, outputs, o, out, err);
    }
    return err_set(err, E_INTERNAL, "no such format: %d", (int)f);
}

enum status codec_memory_fault(enum status s, const char *name, struct err *err)
{
    if (s == OK)
        return OK;
    return err_set(err, s, "'%s': %s", name,
                   s == E_TOO_LARGE ? "larger than a body may be" : "no memory for its elements");
}

int codec_find_port(const struct port *ports, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(ports[i].name, name) == 0)
            return i;
    return -1;
}

bool codec_wants(const struct codec_request *r, int output)
{
    return r->wanted[output / 64] >> (output % 64) & 1;
}

void builder_init(struct builder *b, const struct signature *sig, struct codec_request *r,
                  int index)
{
    *b = (struct builder){.port = &sig->inputs[index],
                          .t = &r->inputs[index],
                          .data = &r->data[index],
                          .texts = &r->texts[index],
                          .elem_bytes = dtype_bytes(sig->inputs[index].dtype)};
    b->t->dtype = b->port->dtype;
    b->t->rank = b->port->rank;
}

enum status builder_dim(struct builder *b, int d, int64_t extent, struct err *err)
{
    int64_t fixed = b->port->dims[d];
    if (fixed >= 0 && extent != fixed)
        return err_set(err, E_BAD_INPUT,
                       "input '%s': dimension %d is %" PRId64 ", expected %" PRId64, b->port->name,
                       d, extent, fixed);
    if (b->known[d] && b->t->dims[d] != extent)
        return err_set(err, E_BAD_INPUT,
                       "input '%s': rows of unequal length: dimension %d is %" PRId64
                       ", was %" PRId64 " before",
                       b->port->name, d, extent, b->t->dims[d]);
    b->known[d] = true;
    b->t->dims[d] = extent;
    return OK;
}

enum status builder_room(struct builder *b, void **dst, struct err *err)
{
    if (b->data->cap - b->data->len < b->elem_bytes) {
        enum status s = buf_reserve(b->data, b->elem_bytes);
        if (s != OK)
            return codec_memory_fault(s, b->port->name, err);
    }
    *dst = b->data->data + b->data->len;
    return OK;
}

static enum status not_a_string(const struct builder *b, const char *came, struct err *err)
{
    return err_set(err, E_BAD_INPUT, "input '%s': %s came; expected %s", b->port->name, came,
                   dtype_text(b->t->dtype));
}

enum status builder_number(struct builder *b, const char *s, size_t n, struct err *err)
{
    void *dst;
    if (b->t->dtype == DT_STRING)
        return not_a_string(b, "a number or a boolean", err);
    enum status st = builder_room(b, &dst, err);
    if (st != OK)
        return st;
    enum number_fault f = number_store(b->t->dtype, s, n, dst);
    if (f != NUMBER_FINE)
        return err_set(err, E_BAD_INPUT, "input '%s': %.*s is %s; expected %s", b->port->name,
                       (int)MIN(n, (size_t)40), s, number_fault_text(f), dtype_text(b->t->dtype));
    b->data->len += b->elem_bytes;
    return OK;
}

enum status builder_special(struct builder *b, double v, struct err *err)
{
    void *dst;
    if (!dtype_is_float(b->t->dtype))
        return err_set(err, E_BAD_INPUT, "input '%s': a missing or special value; expected %s",
                       b->port->name, dtype_text(b->t->dtype));
    enum status st = builder_room(b, &dst, err);
    if (st != OK)
        return st;
    number_store_special(b->t->dtype, v, dst);
    b->data->len += b->elem_bytes;
    return OK;
}

enum status builder_text(struct builder *b, size_t from, struct err *err)
{
    size_t n = b->texts->len - from;
    const char *at = n ? (const char *)b->texts->data + from : "";
    void *dst;
    if (b->t->dtype != DT_STRING)
        return not_a_string(b, "a string", err);
    if (!text_valid(at, n))
        return not_a_string(b, "bytes that are not UTF-8, or a NUL,", err);
    enum status s = builder_room(b, &dst, err);
    if (s != OK)
        return s;
    const struct text t = {(const char *)(uintptr_t)from, n};
    memcpy(dst, &t, sizeof(t));
    b->data->len += b->elem_bytes;
    return OK;
}

/* The texts stand still now: offsets become addresses. */
static void settle_texts(struct builder *b)
{
    struct text *all = (struct text *)b->data->data;
    for (size_t i = 0; i < b->data->len / sizeof(*all); i++)
        all[i].at = (const char *)b->texts->data + (uintptr_t)all[i].at;
}

enum status builder_finish(struct builder *b, struct err *err)
{
    uint64_t bytes;
    for (int d = 0; d < b->t->rank; d++) {
        if (b->known[d])
            continue;
        if (b->port->dims[d] < 0) /* an array without elements does not show what is below it */
            return err_set(err, E_BAD_INPUT, "input '%s': empty: dimension %d is not known",
                           b->port->name, d);
        b->t->dims[d] = b->port->dims[d];
    }
    if (!tensor_bytes(b->t, &bytes) || bytes != b->data->len) {
        char text[TENSOR_TEXT_MAX];
        return err_set(err, E_BAD_INPUT, "input '%s': %zu elements came, %s was expected",
                       b->port->name, b->data->len / b->elem_bytes, tensor_text(b->t, text));
    }
    void *unused;
    enum status s = builder_room(b, &unused, err); /* data is never NULL, even without elements */
    b->t->data = b->data->data;
    if (s == OK && b->t->dtype == DT_STRING && b->texts->data)
        settle_texts(b);
    return s;
}
