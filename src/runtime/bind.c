/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Records become memory: names, tensors, signature and sample are copied out of the meta into the
 * program's bind area, each proven against the others on the way. bind_bytes counts what these
 * functions take, term for term; when one changes, so does the other. */
#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "runtime/program_priv.h"

enum { TAKES_MAX = 25 }; /* calls of bind_take outside loops, for their padding */

uint64_t bind_bytes(const struct artifact_page0 *p0)
{
    const uint64_t ports = (uint64_t)p0->n_inputs + p0->n_outputs;
    /* Every term is far below 2^50 (page 0's caps), so that sums cannot overflow. */
    uint64_t n = sizeof(struct program) + p0->packed_bytes;
    n += ports * (sizeof(struct port) + sizeof(int32_t));
    n += p0->n_symbols * sizeof(const char *);
    n += p0->n_tensors * (sizeof(struct program_tensor) + 1); /* and a byte: is it defined? */
    n += p0->n_instrs * (sizeof(struct program_instr) + (uint64_t)OP_PARAMS_MAX); /* 64-aligned */
    n += p0->n_operands * sizeof(int32_t);
    n += ((uint64_t)p0->n_blocks + 1) * sizeof(struct program_block);
    /* names, columns, attribute payloads, provenance, sample bytes */
    n += p0->meta_raw_bytes + 1;
    n += ports * (sizeof(struct tensor) + ARTIFACT_ALIGN);
    return n + (uint64_t)TAKES_MAX * ARTIFACT_ALIGN;
}

/* A large blob has its pages to itself, the last one too. */
uint64_t bind_start(const struct artifact_page0 *p0)
{
    return p0->blob_bytes < ARTIFACT_BLOB_LEAST ? p0->blob_bytes : region_round(p0->blob_bytes);
}

enum status bind_take(struct binder *b, uint64_t count, uint64_t bytes, void *out, struct err *err)
{
    void *p = bump_take(&b->bump, count * bytes, ARTIFACT_ALIGN);
    if (!p)
        return err_set(err, E_INTERNAL, "a region of %" PRIu64 " bytes is too small to bind",
                       b->bump.bytes);
    memset(p, 0, count * bytes);
    *(void **)out = p;
    return OK;
}

/* A copy of n bytes and a NUL. */
static enum status take_copy(struct binder *b, const void *from, uint64_t n, void *out,
                             struct err *err)
{
    char *p;
    enum status s = bind_take(b, n + 1, 1, &p, err);
    if (s != OK)
        return s;
    if (n)
        memcpy(p, from, n);
    *(char **)out = p;
    return OK;
}

enum status bind_texts(struct binder *b, struct err *err)
{
    struct artifact_reader *r = &b->reader;
    const struct section_view *prov = &r->sections[SECTION_PROV];
    enum status s = take_copy(b, r->strings, r->p0.strings_bytes - 1, &r->strings, err);
    if (s == OK)
        s = take_copy(b, r->attr_data, r->attr_data_bytes, &r->attr_data, err);
    if (s == OK)
        s = take_copy(b, prov->data, prov->raw, &b->p->provenance, err);
    if (s == OK)
        s = bind_take(b, r->p0.packed_bytes, 1, &b->packed, err);
    if (s == OK)
        s = artifact_read_packed(r, b->packed, err);
    return s;
}

/* A bool is read as one by kernels, so that no other byte may stand in it. */
static bool bools_valid(const struct tensor *t)
{
    const uint8_t *p = t->data;
    const int64_t n = t->dtype == DT_BOOL ? tensor_count(t) : 0;
    for (int64_t i = 0; i < n; i++)
        if (p[i] > 1)
            return false;
    return true;
}

/* One constant; packed ones follow each other in the tensors' order, so that none shares a byte
 * with the texts of another. `next` is where the next packed one begins. */
static enum status bind_const(struct binder *b, uint32_t i, const struct const_place *place,
                              uint64_t *next, struct err *err)
{
    struct tensor *t = &b->p->tensors[i].t;
    if (place->packed && place->bytes) {
        if (place->off != *next || !checked_align(place->off + place->bytes, ARTIFACT_ALIGN, next))
            return err_set(err, E_CORRUPT, "it lies at %" PRIu64 " of the packed constants",
                           place->off);
    }
    const uint8_t *base = place->packed ? b->packed : b->blobs[place->blob];
    t->data = (void *)(uintptr_t)(base + place->off);
    if (t->dtype == DT_STRING)
        return artifact_bind_texts(t, t->data, place->bytes, err);
    return bools_valid(t) ? OK : err_set(err, E_CORRUPT, "a bool that is neither 0 nor 1");
}

enum status bind_tensors(struct binder *b, struct err *err)
{
    uint64_t next = 0;
    struct program *p = b->p;
    enum status s = bind_take(b, p->p0.n_tensors, sizeof(p->tensors[0]), &p->tensors, err);
    for (uint32_t i = 0; s == OK && i < p->p0.n_tensors; i++) {
        struct tensor_record rec;
        s = artifact_read_tensor(&b->reader, i, &rec, err);
        if (s != OK)
            break;
        p->tensors[i] = (struct program_tensor){rec.name, rec.class, -1, 0, rec.t};
        if (rec.class != CLASS_CONST)
            continue;
        s = bind_const(b, i, &rec.place, &next, err);
        if (s != OK)
            return err_prefix(err, "tensor %u \"%s\"", i, rec.name);
    }
    if (s == OK && next != p->p0.packed_bytes)
        s = err_set(err, E_CORRUPT, "section PACK: constants end at %" PRIu64 " of %" PRIu64, next,
                    p->p0.packed_bytes);
    return s;
}

static enum status check_input(struct binder *b, int i, const struct port *port, int32_t index,
                               struct err *err)
{
    struct program_tensor *t = &b->p->tensors[index];
    if (t->class != CLASS_INPUT || t->port >= 0 || t->t.dtype != port->dtype)
        return err_set(err, E_CORRUPT, "section SIGN: input \"%s\" is tensor %d, class %d, %s",
                       port->name, index, t->class, dtype_text(t->t.dtype));
    t->port = i;
    return OK;
}

static enum status check_unique(const struct port *ports, int i, struct err *err)
{
    for (int k = 0; k < i; k++)
        if (strcmp(ports[k].name, ports[i].name) == 0)
            return err_set(err, E_CORRUPT, "section SIGN: two ports are named \"%s\"",
                           ports[i].name);
    return OK;
}

static enum status bind_ports(struct binder *b, struct port *in, struct port *out, struct err *err)
{
    struct program *p = b->p;
    const int n_in = (int)p->p0.n_inputs, n_out = (int)p->p0.n_outputs;
    enum status s = OK;
    for (int i = 0; s == OK && i < n_in + n_out; i++) {
        bool is_in = i < n_in;
        struct port *ports = is_in ? in : out;
        int32_t *tensors = is_in ? p->inputs : p->outputs;
        int k = is_in ? i : i - n_in;
        s = artifact_read_port(&b->reader, (uint32_t)i, &ports[k], &tensors[k], err);
        if (s == OK)
            s = check_unique(ports, k, err);
        if (s == OK && is_in)
            s = check_input(b, k, &ports[k], tensors[k], err);
    }
    for (uint32_t i = 0; s == OK && i < p->p0.n_tensors; i++)
        if (p->tensors[i].class == CLASS_INPUT && p->tensors[i].port < 0)
            s = err_set(err, E_CORRUPT, "tensor %u \"%s\" is an input without a port", i,
                        p->tensors[i].name);
    return s;
}

enum status bind_signature(struct binder *b, struct err *err)
{
    struct program *p = b->p;
    const uint32_t n_in = p->p0.n_inputs, n_out = p->p0.n_outputs, n_symbols = p->p0.n_symbols;
    struct port *in = NULL, *out = NULL;
    const char **symbols = NULL;
    enum status s = bind_take(b, n_in, sizeof(*in), &in, err);
    if (s == OK)
        s = bind_take(b, n_out, sizeof(*out), &out, err);
    if (s == OK)
        s = bind_take(b, n_symbols, sizeof(*symbols), &symbols, err);
    if (s == OK)
        s = bind_take(b, n_in, sizeof(int32_t), &p->inputs, err);
    if (s == OK)
        s = bind_take(b, n_out, sizeof(int32_t), &p->outputs, err);
    if (s == OK)
        s = bind_ports(b, in, out, err);
    for (uint32_t i = 0; s == OK && i < n_symbols; i++)
        s = artifact_read_symbol(&b->reader, i, &symbols[i], err);
    p->signature = (struct signature){.inputs = in,
                                      .outputs = out,
                                      .n_inputs = (int)n_in,
                                      .n_outputs = (int)n_out,
                                      .symbols = symbols,
                                      .n_symbols = (int)n_symbols};
    return s;
}

static enum status check_columns(const struct signature *sig, uint64_t strings_bytes,
                                 struct err *err)
{
    const struct columns *c = &sig->columns;
    const char *before = "";
    for (uint32_t i = 0; i < c->count; i++)
        if (c->at[i] >= strings_bytes)
            return err_set(err, E_CORRUPT, "section COLS: the name of column %u lies outside", i);
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->sorted[i] >= c->count || strcmp(before, columns_name(c, c->sorted[i])) >= 0)
            return err_set(err, E_CORRUPT, "section COLS: entry %u of the names is out of order",
                           i);
        before = columns_name(c, c->sorted[i]);
        if (!signature_name_valid(before))
            return err_set(err, E_CORRUPT, "section COLS: entry %u is no name", i);
    }
    return OK;
}

/* Rising order proves that the names are different and that each column is listed once. */
enum status bind_columns(struct binder *b, struct err *err)
{
    const struct section_view *v = &b->reader.sections[SECTION_COLS];
    struct signature *sig = &b->p->signature;
    const uint32_t *words;
    if (!v->present)
        return OK;
    const struct port *x = sig->inputs;
    uint64_t count = v->raw / (2 * sizeof(*words));
    if (v->raw % (2 * sizeof(*words)) || sig->n_inputs != 1 || x->rank != 2 ||
        x->dims[1] != (int64_t)count)
        return err_set(err, E_CORRUPT, "section COLS: %" PRIu64 " bytes do not fit the input",
                       v->raw);
    enum status s = take_copy(b, v->data, v->raw, &words, err);
    if (s != OK)
        return s;
    sig->columns =
        (struct columns){(uint32_t)count, b->reader.strings, words, words + (uint32_t)count};
    return check_columns(sig, b->p->p0.strings_bytes, err);
}

enum status bind_samples(struct binder *b, struct err *err)
{
    struct program *p = b->p;
    const struct signature *sig = &p->signature;
    const uint32_t ports = p->p0.n_inputs + p->p0.n_outputs;
    uint64_t cursor = 0;
    if (!b->reader.sections[SECTION_SELF].present)
        return OK;
    enum status s = bind_take(b, ports, sizeof(p->samples[0]), &p->samples, err);
    for (uint32_t i = 0; s == OK && i < ports; i++) {
        const struct port *port =
            i < p->p0.n_inputs ? &sig->inputs[i] : &sig->outputs[i - p->p0.n_inputs];
        struct tensor *t = &p->samples[i];
        uint64_t bytes;
        s = artifact_read_sample(&b->reader, i, &cursor, t, err);
        if (s != OK)
            break;
        if (!tensor_bytes(t, &bytes) || t->dtype != port->dtype || t->rank != port->rank)
            return err_set(err, E_CORRUPT, "section SELF: sample %u does not fit port \"%s\"", i,
                           port->name);
        const void *from = t->data;
        s = bind_take(b, bytes, 1, &t->data, err);
        if (s == OK && bytes)
            memcpy(t->data, from, bytes);
    }
    return s;
}
