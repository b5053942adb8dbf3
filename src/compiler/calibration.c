/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Written by one process and read by another of the same binary; still, whatever a record says is
 * checked against the bytes that are there before anybody uses it. */
#include "compiler/calibration.h"

#include <string.h>

#include "base/checked.h"

static const char magic[8] = "RSTCALI";

struct head {
    char magic[8];
    uint32_t sets, inputs;
};

struct name {
    char text[CALIBRATION_NAME_MAX + 1];
};

struct record {
    uint32_t dtype, rank;
    int64_t dims[TENSOR_RANK_MAX];
    uint64_t off, bytes; /* off: from the start of the data */
};

enum { DATA_ALIGN = 64 };
_Static_assert(sizeof(struct name) % DATA_ALIGN == 0, "records follow names");

/* ---- reading ---- */

/* Where the data begin. Sets and inputs are within their bounds: no overflow. */
static uint64_t data_at(uint32_t sets, uint32_t inputs)
{
    uint64_t end = sizeof(struct head) + (uint64_t)sets * sizeof(struct name) +
                   (uint64_t)sets * inputs * sizeof(struct record);
    return (end + DATA_ALIGN - 1) / DATA_ALIGN * DATA_ALIGN;
}

static struct record record_at(const struct calibration *c, uint32_t set, uint32_t input)
{
    struct record r;
    const uint8_t *first = c->bytes + sizeof(struct head) + c->sets * sizeof(struct name);
    memcpy(&r, first + ((size_t)set * c->inputs + input) * sizeof(r), sizeof(r));
    return r;
}

static bool record_holds(const struct record *r, uint64_t data_bytes)
{
    uint64_t bytes;
    struct tensor t = {.dtype = (enum dtype)r->dtype, .rank = (int)r->rank};
    if (!dtype_valid(r->dtype) || r->dtype == DT_STRING || r->rank > TENSOR_RANK_MAX)
        return false;
    memcpy(t.dims, r->dims, sizeof(t.dims));
    return tensor_bytes(&t, &bytes) && bytes == r->bytes && r->off % DATA_ALIGN == 0 &&
           range_inside(r->off, r->bytes, data_bytes);
}

static enum status bad(struct err *err, const char *what)
{
    return err_set(err, E_CORRUPT, "the calibration data are garbled: %s", what);
}

enum status calibration_open(struct calibration *c, const void *bytes, size_t n, struct err *err)
{
    struct head h;
    if (n < sizeof(h))
        return bad(err, "no head");
    memcpy(&h, bytes, sizeof(h));
    if (memcmp(h.magic, magic, sizeof(magic)) != 0 || h.sets < 1 || h.sets > CALIBRATION_SETS_MAX ||
        h.inputs < 1 || h.inputs > CALIBRATION_INPUTS_MAX)
        return bad(err, "the head");
    *c = (struct calibration){bytes, h.sets, h.inputs};
    const uint64_t at = data_at(h.sets, h.inputs);
    if (at > n)
        return bad(err, "cut short");
    for (uint32_t s = 0; s < h.sets; s++) {
        if (strnlen(calibration_name(c, s), sizeof(struct name)) == sizeof(struct name))
            return bad(err, "a name");
        for (uint32_t i = 0; i < h.inputs; i++) {
            const struct record r = record_at(c, s, i);
            if (!record_holds(&r, n - at))
                return bad(err, "a tensor");
        }
    }
    return OK;
}

const char *calibration_name(const struct calibration *c, uint32_t set)
{
    return (const char *)c->bytes + sizeof(struct head) + set * sizeof(struct name);
}

void calibration_input(const struct calibration *c, uint32_t set, uint32_t input,
                       struct tensor *out)
{
    const struct record r = record_at(c, set, input);
    tensor_set_shape(out, (enum dtype)r.dtype, (int)r.rank, r.dims);
    /* Sessions only read their inputs. */
    out->data = (void *)(uintptr_t)(c->bytes + data_at(c->sets, c->inputs) + r.off);
}

/* ---- writing ---- */

static enum status check_last(const struct calibration_writer *w, struct err *err)
{
    if (w->sets && w->in_set != w->inputs) {
        const struct name *last = (const struct name *)(const void *)w->names.data + w->sets - 1;
        return err_set(err, E_BAD_INPUT, "%s holds %u inputs, the first set holds %u", last->text,
                       w->in_set, w->inputs);
    }
    return OK;
}

enum status calibration_set(struct calibration_writer *w, const char *name, struct err *err)
{
    struct name n = {""};
    enum status s = check_last(w, err);
    if (s != OK)
        return s;
    if (w->sets == CALIBRATION_SETS_MAX)
        return err_set(err, E_TOO_LARGE, "more than %d sets of calibration data",
                       CALIBRATION_SETS_MAX);
    memcpy(n.text, name, strnlen(name, CALIBRATION_NAME_MAX));
    if (buf_add(&w->names, &n, sizeof(n)) != OK)
        return err_set(err, E_NO_MEMORY, "out of memory");
    w->sets++;
    w->in_set = 0;
    return OK;
}

static enum status add_data(struct calibration_writer *w, const struct tensor *t, uint64_t bytes,
                            struct err *err)
{
    struct record r = {
        .dtype = t->dtype, .rank = (uint32_t)t->rank, .off = w->data.len, .bytes = bytes};
    memcpy(r.dims, t->dims, (size_t)t->rank * sizeof(*r.dims));
    enum status s = buf_add(&w->records, &r, sizeof(r));
    if (s == OK && bytes)
        s = buf_add(&w->data, t->data, (size_t)bytes);
    if (s == OK && w->data.len % DATA_ALIGN)
        s = buf_zeros(&w->data, DATA_ALIGN - w->data.len % DATA_ALIGN);
    return s == OK ? OK : err_set(err, E_NO_MEMORY, "out of memory");
}

enum status calibration_add(struct calibration_writer *w, const struct tensor *t, struct err *err)
{
    uint64_t bytes;
    if (t->dtype == DT_STRING)
        return err_set(err, E_UNSUPPORTED, "strings are no calibration data");
    if (w->in_set == CALIBRATION_INPUTS_MAX)
        return err_set(err, E_TOO_LARGE, "more than %d inputs in a set", CALIBRATION_INPUTS_MAX);
    if (!tensor_bytes(t, &bytes) || bytes > (uint64_t)CALIBRATION_MIB_MAX << 20 ||
        w->data.len + bytes > (uint64_t)CALIBRATION_MIB_MAX << 20)
        return err_set(err, E_TOO_LARGE, "more than %d MiB of calibration data",
                       CALIBRATION_MIB_MAX);
    w->in_set++;
    w->inputs += w->sets == 1;
    return add_data(w, t, bytes, err);
}

enum status calibration_finish(struct calibration_writer *w, struct buf *out, struct err *err)
{
    struct head h = {.sets = w->sets, .inputs = w->inputs};
    memcpy(h.magic, magic, sizeof(magic));
    enum status s = check_last(w, err);
    if (s == OK && (!w->sets || !w->inputs))
        s = err_set(err, E_BAD_INPUT, "there are no calibration data");
    if (s != OK)
        return s;
    s = buf_add(out, &h, sizeof(h));
    if (s == OK)
        s = buf_add(out, w->names.data, w->names.len);
    if (s == OK)
        s = buf_add(out, w->records.data, w->records.len);
    if (s == OK)
        s = buf_zeros(out, (size_t)(data_at(w->sets, w->inputs) - out->len));
    if (s == OK && w->data.len)
        s = buf_add(out, w->data.data, w->data.len);
    return s == OK ? OK : err_set(err, E_NO_MEMORY, "out of memory");
}

void calibration_writer_fini(struct calibration_writer *w)
{
    buf_fini(&w->names);
    buf_fini(&w->records);
    buf_fini(&w->data);
    *w = (struct calibration_writer){0};
}
