/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Each getter copies one record out and proves what the record alone, with page 0's counts, can
 * show: names inside the strings, dtypes in the table, shapes that multiply without overflow, bytes
 * inside their blob. The texts of string constants are proven where they are bound. */
#include <inttypes.h>
#include <string.h>

#include "artifact/format_priv.h"
#include "artifact/reader.h"
#include "base/checked.h"
#include "ops/op.h"
#include "tensor/text.h"

static void get(const struct artifact_reader *r, enum section section, uint64_t off, void *out,
                size_t bytes)
{
    const struct section_view *v = &r->sections[section];
    ASSERT(range_inside(off, bytes, v->raw)); /* proven when the reader was opened */
    memcpy(out, v->data + off, bytes);
}

static enum status get_name(const struct artifact_reader *r, uint32_t off, const char **out,
                            struct err *err)
{
    if (off >= r->p0.strings_bytes)
        return err_set(err, E_CORRUPT, "a name at %u of %u string bytes", off, r->p0.strings_bytes);
    *out = r->strings + off;
    return OK;
}

static enum status check_visible(const char *name, struct err *err)
{
    size_t n = strnlen(name, SIGNATURE_NAME_MAX + 1);
    if (signature_name_valid(name))
        return OK;
    if (n == 0 || n > SIGNATURE_NAME_MAX)
        return err_set(err, E_CORRUPT, "a name of %zu bytes, expected 1 to %d", n,
                       SIGNATURE_NAME_MAX);
    return err_set(err, E_CORRUPT, "a name with control bytes: %s", name);
}

static bool tail_is_zero(const int64_t *dims, int rank)
{
    for (int i = rank; i < TENSOR_RANK_MAX; i++)
        if (dims[i])
            return false;
    return true;
}

static enum status port_record(const struct artifact_reader *r, const struct disk_port *d,
                               struct port *out, struct err *err)
{
    if (!dtype_valid(d->dtype) || d->rank > TENSOR_RANK_MAX || d->zero ||
        !tail_is_zero(d->dims, d->rank))
        return err_set(err, E_CORRUPT, "dtype %u, rank %u", d->dtype, d->rank);
    for (int i = 0; i < d->rank; i++)
        if (d->dims[i] < DIM_SYMBOL_0 - ((int64_t)r->p0.n_symbols - 1) && d->dims[i] != DIM_FREE)
            return err_set(err, E_CORRUPT, "dim %d is %" PRId64 ", there are %u symbols", i,
                           d->dims[i], r->p0.n_symbols);
    if (d->tensor >= r->p0.n_tensors)
        return err_set(err, E_CORRUPT, "tensor %u of %u", d->tensor, r->p0.n_tensors);
    *out = (struct port){.dtype = (enum dtype)d->dtype, .rank = d->rank};
    memcpy(out->dims, d->dims, sizeof(d->dims));
    enum status s = get_name(r, d->name, &out->name, err);
    return s == OK ? check_visible(out->name, err) : s;
}

enum status artifact_read_port(const struct artifact_reader *r, uint32_t i, struct port *out,
                               int32_t *tensor, struct err *err)
{
    struct disk_port d;
    get(r, SECTION_SIGN, i * sizeof(d), &d, sizeof(d));
    if (port_record(r, &d, out, err) != OK)
        return err_prefix(err, "section SIGN: port %u", i);
    *tensor = (int32_t)d.tensor;
    return OK;
}

enum status artifact_read_symbol(const struct artifact_reader *r, uint32_t i, const char **out,
                                 struct err *err)
{
    const uint64_t ports = (uint64_t)r->p0.n_inputs + r->p0.n_outputs;
    uint32_t off;
    get(r, SECTION_SIGN, ports * sizeof(struct disk_port) + i * sizeof(off), &off, sizeof(off));
    enum status s = get_name(r, off, out, err);
    if (s == OK && (*out)[0])
        s = check_visible(*out, err);
    return s == OK ? OK : err_prefix(err, "section SIGN: symbol %u", i);
}

/* As many as its shape says; strings have their texts behind the elements. */
static bool size_fits(const struct disk_tensor *d, const struct tensor *t)
{
    uint64_t bytes;
    if (!tensor_bytes(t, &bytes))
        return false;
    if (t->dtype == DT_STRING)
        return d->place == PLACE_PACKED && d->bytes >= bytes;
    return d->bytes == bytes;
}

/* The bytes of a constant: inside its blob or the packed area. */
static enum status const_place(const struct artifact_reader *r, const struct disk_tensor *d,
                               const struct tensor *t, struct const_place *out, struct err *err)
{
    uint64_t extent = r->p0.packed_bytes;
    if (!size_fits(d, t))
        return err_set(err, E_CORRUPT, "%" PRIu64 " bytes do not make its shape", d->bytes);
    if (d->place == PLACE_BLOB) {
        struct blob_record b;
        if (d->blob >= r->p0.n_blobs)
            return err_set(err, E_CORRUPT, "blob %u of %u", d->blob, r->p0.n_blobs);
        enum status s = artifact_read_blob(r, d->blob, &b, err);
        if (s != OK)
            return s;
        extent = b.bytes;
    } else if (d->place != PLACE_PACKED || d->blob) {
        return err_set(err, E_CORRUPT, "place %u, blob %u", d->place, d->blob);
    }
    if (d->off % ARTIFACT_ALIGN || !range_inside(d->off, d->bytes, extent))
        return err_set(err, E_CORRUPT, "bytes %" PRIu64 "+%" PRIu64 " of %" PRIu64, d->off,
                       d->bytes, extent);
    *out = (struct const_place){d->place == PLACE_PACKED, d->blob, d->off, d->bytes};
    return OK;
}

static enum status tensor_record(const struct artifact_reader *r, const struct disk_tensor *d,
                                 struct tensor_record *out, struct err *err)
{
    enum status s = get_name(r, d->name, &out->name, err);
    if (s != OK)
        return s;
    if (d->class < CLASS_CONST || d->class > CLASS_FORMAL || d->rank > TENSOR_RANK_MAX || d->zero ||
        !tail_is_zero(d->dims, d->rank))
        return err_set(err, E_CORRUPT, "class %u, rank %u", d->class, d->rank);
    const bool typed = d->class == CLASS_CONST || d->class == CLASS_INPUT;
    if (typed ? !dtype_valid(d->dtype) : d->dtype != DT_NONE)
        return err_set(err, E_CORRUPT, "dtype %u", d->dtype);
    out->class = (enum tensor_class)d->class;
    tensor_set_shape(&out->t, (enum dtype)d->dtype, d->rank, d->dims);
    if (d->class == CLASS_CONST)
        return const_place(r, d, &out->t, &out->place, err);
    if (d->place || d->blob || d->off || d->bytes || d->rank)
        return err_set(err, E_CORRUPT, "bytes of what is not a constant");
    return OK;
}

enum status artifact_read_tensor(const struct artifact_reader *r, uint32_t i,
                                 struct tensor_record *out, struct err *err)
{
    struct disk_tensor d;
    get(r, SECTION_TENS, i * sizeof(d), &d, sizeof(d));
    memset(out, 0, sizeof(*out));
    if (tensor_record(r, &d, out, err) != OK)
        return err_prefix(err, "section TENS: tensor %u", i);
    return OK;
}

enum status artifact_read_instr(const struct artifact_reader *r, uint32_t i,
                                struct instr_record *out, struct err *err)
{
    struct disk_instr d;
    get(r, SECTION_INST, i * sizeof(d), &d, sizeof(d));
    *out = (struct instr_record){d.op, d.version, d.n_in, d.n_out, d.n_attrs, NULL};
    if (get_name(r, d.name, &out->name, err) != OK)
        return err_prefix(err, "section INST: instruction %u", i);
    return OK;
}

enum status artifact_read_operand(const struct artifact_reader *r, uint32_t i, int32_t *out,
                                  struct err *err)
{
    get(r, SECTION_OPND, i * sizeof(*out), out, sizeof(*out));
    if (*out < ARTIFACT_NO_TENSOR || *out >= (int64_t)r->p0.n_tensors)
        return err_set(err, E_CORRUPT, "section OPND: operand %u is tensor %d of %u", i, *out,
                       r->p0.n_tensors);
    return OK;
}

size_t attr_element_bytes(enum attr_type type)
{
    switch (type) {
    case ATTR_STRING:
        return 1;
    case ATTR_INTS:
        return sizeof(int64_t);
    case ATTR_FLOATS:
        return sizeof(float);
    default:
        return 0;
    }
}

/* Payloads lie one after the other, each at a multiple of 8. */
static bool attr_payload(const struct artifact_reader *r, const struct disk_attr *d,
                         uint64_t *cursor, struct attr *out)
{
    const uint64_t bytes = (uint64_t)d->count * attr_element_bytes(out->type);
    uint64_t next;
    if (d->value != *cursor || !range_inside(*cursor, bytes, r->attr_data_bytes) ||
        !checked_align(*cursor + bytes, sizeof(int64_t), &next) || next > r->attr_data_bytes)
        return false;
    const void *p = r->attr_data + *cursor;
    out->ints = out->type == ATTR_INTS ? p : NULL;
    out->floats = out->type == ATTR_FLOATS ? p : NULL;
    out->str = out->type == ATTR_STRING ? p : NULL;
    *cursor = next;
    return true;
}

enum status artifact_read_attr(const struct artifact_reader *r, uint32_t i, uint64_t *cursor,
                               struct attr *out, struct err *err)
{
    struct disk_attr d;
    get(r, SECTION_ATTR, i * sizeof(d), &d, sizeof(d));
    *out = (struct attr){.key = (enum attr_key)d.key, .type = d.type, .count = d.count};
    bool ok = d.key != ATTR_NONE;
    if (d.type == ATTR_INT) {
        ok = ok && d.count == 1;
        out->i = (int64_t)d.value;
    } else if (d.type == ATTR_FLOAT) {
        uint32_t bits = (uint32_t)d.value;
        ok = ok && d.count == 1 && d.value >> 32 == 0;
        memcpy(&out->f, &bits, sizeof(bits));
    } else {
        ok = ok && attr_element_bytes(out->type) && attr_payload(r, &d, cursor, out);
    }
    if (!ok)
        return err_set(err, E_CORRUPT, "section ATTR: attribute %u: key %u, type %u, count %u", i,
                       d.key, d.type, d.count);
    return OK;
}

enum status artifact_read_block(const struct artifact_reader *r, uint32_t i,
                                struct block_record *out, struct err *err)
{
    struct disk_block d;
    get(r, SECTION_BLCK, i * sizeof(d), &d, sizeof(d));
    if (d.zero || d.n_in > OP_INPUTS_MAX || d.n_out > OP_OUTPUTS_MAX + 1)
        return err_set(err, E_CORRUPT, "section BLCK: block %u: %u formals, %u results", i + 1,
                       d.n_in, d.n_out);
    *out = (struct block_record){d.n_instrs, d.n_in, d.n_out};
    return OK;
}

enum status artifact_read_blob(const struct artifact_reader *r, uint32_t i, struct blob_record *out,
                               struct err *err)
{
    struct disk_blob d;
    get(r, SECTION_BLOB, i * sizeof(d), &d, sizeof(d));
    if (!d.bytes || d.off % ARTIFACT_ALIGN || !range_inside(d.off, d.bytes, r->p0.blob_bytes))
        return err_set(err, E_CORRUPT,
                       "section BLOB: blob %u: bytes %" PRIu64 "+%" PRIu64 " of %" PRIu64, i, d.off,
                       d.bytes, r->p0.blob_bytes);
    memcpy(out->hash, d.hash, SHA256_BYTES);
    out->off = d.off;
    out->bytes = d.bytes;
    return OK;
}

enum status artifact_read_sample(const struct artifact_reader *r, uint32_t i, uint64_t *cursor,
                                 struct tensor *out, struct err *err)
{
    const struct section_view *v = &r->sections[SECTION_SELF];
    const uint64_t records =
        ((uint64_t)r->p0.n_inputs + r->p0.n_outputs) * sizeof(struct disk_sample);
    struct disk_sample d;
    uint64_t bytes, next;
    get(r, SECTION_SELF, i * sizeof(d), &d, sizeof(d));
    memset(out, 0, sizeof(*out));
    bool ok = d.rank <= TENSOR_RANK_MAX && !d.zero && tail_is_zero(d.dims, d.rank) &&
              d.dtype != DT_STRING;
    if (ok) {
        tensor_set_shape(out, (enum dtype)d.dtype, d.rank, d.dims);
        ok = tensor_bytes(out, &bytes) && bytes == d.bytes && d.off == *cursor &&
             range_inside(d.off, bytes, v->raw - records) &&
             checked_align(d.off + bytes, sizeof(int64_t), &next) && next <= v->raw - records;
    }
    if (!ok)
        return err_set(err, E_CORRUPT, "section SELF: sample %u does not fit", i);
    out->data = (void *)(uintptr_t)(v->data + records + d.off);
    *cursor = next;
    return OK;
}

enum status artifact_bind_texts(const struct tensor *t, void *at, uint64_t bytes, struct err *err)
{
    const uint64_t n = (uint64_t)tensor_count(t);
    struct text *elements = at;
    uint64_t cursor = n * sizeof(struct disk_text);
    for (uint64_t i = 0; i < n; i++) {
        struct disk_text d;
        memcpy(&d, &elements[i], sizeof(d));
        if (d.off != cursor || !range_inside(d.off, d.bytes, bytes))
            return err_set(err, E_CORRUPT,
                           "text %" PRIu64 " lies at %" PRIu64 "+%" PRIu64 " of %" PRIu64, i, d.off,
                           d.bytes, bytes);
        elements[i] = (struct text){(const char *)at + d.off, d.bytes};
        if (!text_valid(elements[i].at, d.bytes))
            return err_set(err, E_CORRUPT, "text %" PRIu64 " is not UTF-8, or holds a NUL", i);
        cursor += d.bytes;
    }
    return cursor == bytes
               ? OK
               : err_set(err, E_CORRUPT, "its texts end at %" PRIu64 " of %" PRIu64, cursor, bytes);
}
