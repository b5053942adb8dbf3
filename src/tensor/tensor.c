/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The dtype table and shape arithmetic; every product is checked, because dims come from outside.
 */
#include "tensor/tensor.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"

struct dtype_row {
    unsigned number;
    size_t bytes;
    const char *text, *v2, *npy;
};

static const struct dtype_row rows[] = {
#define X(name, number, bytes, text, v2, npy) {number, bytes, text, v2, npy},
    DTYPE_TABLE(X)
#undef X
};

static const struct dtype_row *row_of(unsigned number)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (rows[i].number == number)
            return &rows[i];
    return NULL;
}

bool dtype_valid(unsigned number)
{
    return row_of(number) != NULL;
}

size_t dtype_bytes(enum dtype t)
{
    const struct dtype_row *r = row_of(t);
    ASSERT(r);
    return r->bytes;
}

const char *dtype_text(enum dtype t)
{
    const struct dtype_row *r = row_of(t);
    return r ? r->text : "?";
}

const char *dtype_v2(enum dtype t)
{
    const struct dtype_row *r = row_of(t);
    return r ? r->v2 : "?";
}

const char *dtype_npy(enum dtype t)
{
    const struct dtype_row *r = row_of(t);
    return r ? r->npy : "";
}

enum dtype dtype_from_v2(const char *s)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (strcmp(rows[i].v2, s) == 0)
            return (enum dtype)rows[i].number;
    return DT_NONE;
}

bool dtype_is_float(enum dtype t)
{
    return t == DT_F16 || t == DT_BF16 || t == DT_F32 || t == DT_F64;
}

bool dtype_is_int(enum dtype t)
{
    return dtype_valid(t) && t != DT_BOOL && t != DT_STRING && !dtype_is_float(t);
}

bool shape_count(int rank, const int64_t *dims, uint64_t *count)
{
    uint64_t n = 1;
    if (rank < 0 || rank > TENSOR_RANK_MAX)
        return false;
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0 || !checked_mul(n, (uint64_t)dims[i], &n) || n > INT64_MAX)
            return false;
    *count = n;
    return true;
}

bool tensor_bytes(const struct tensor *t, uint64_t *bytes)
{
    uint64_t n;
    return dtype_valid(t->dtype) && shape_count(t->rank, t->dims, &n) &&
           checked_mul(n, dtype_bytes(t->dtype), bytes) && *bytes <= INT64_MAX;
}

int64_t tensor_count(const struct tensor *t)
{
    uint64_t n;
    bool ok = shape_count(t->rank, t->dims, &n);
    ASSERT(ok);
    return (int64_t)n;
}

bool shape_same(const struct tensor *a, const struct tensor *b)
{
    return a->rank == b->rank &&
           memcmp(a->dims, b->dims, (size_t)a->rank * sizeof(a->dims[0])) == 0;
}

void tensor_set_shape(struct tensor *t, enum dtype dtype, int rank, const int64_t *dims)
{
    t->dtype = dtype;
    t->rank = rank;
    if (rank)
        memcpy(t->dims, dims, (size_t)rank * sizeof(dims[0]));
}

const char *tensor_text(const struct tensor *t, char out[TENSOR_TEXT_MAX])
{
    int n = snprintf(out, TENSOR_TEXT_MAX, "%s[", dtype_text(t->dtype));
    for (int i = 0; i < t->rank; i++)
        n += snprintf(out + n, (size_t)(TENSOR_TEXT_MAX - n), "%s%" PRId64, i ? "," : "",
                      t->dims[i]);
    snprintf(out + n, (size_t)(TENSOR_TEXT_MAX - n), "]");
    return out;
}

bool shape_broadcast(const struct tensor *a, const struct tensor *b, int *rank, int64_t *dims)
{
    int r = MAX(a->rank, b->rank);
    for (int i = 0; i < r; i++) {
        int ia = i - (r - a->rank), ib = i - (r - b->rank);
        int64_t da = ia < 0 ? 1 : a->dims[ia], db = ib < 0 ? 1 : b->dims[ib];
        if (da != db && da != 1 && db != 1)
            return false;
        dims[i] = da == 1 ? db : da;
    }
    *rank = r;
    return true;
}

static int64_t saturate(double v)
{
    if (isnan(v))
        return 0;
    if (v >= 9223372036854775808.0)
        return INT64_MAX;
    return v < -9223372036854775808.0 ? INT64_MIN : (int64_t)v;
}

double tensor_get_f64(const struct tensor *t, int64_t i)
{
    switch (t->dtype) {
    case DT_F32:
        return (double)((const float *)t->data)[i];
    case DT_F64:
        return ((const double *)t->data)[i];
    case DT_F16:
        return (double)f16_to_f32(((const uint16_t *)t->data)[i]);
    case DT_BF16:
        return (double)bf16_to_f32(((const uint16_t *)t->data)[i]);
    case DT_U64:
        return (double)((const uint64_t *)t->data)[i];
    default:
        return (double)tensor_get_i64(t, i);
    }
}

int64_t tensor_get_i64(const struct tensor *t, int64_t i)
{
    const void *p = t->data;
    switch (t->dtype) {
    case DT_U8:
    case DT_BOOL:
        return ((const uint8_t *)p)[i];
    case DT_I8:
        return ((const int8_t *)p)[i];
    case DT_U16:
        return ((const uint16_t *)p)[i];
    case DT_I16:
        return ((const int16_t *)p)[i];
    case DT_I32:
        return ((const int32_t *)p)[i];
    case DT_U32:
        return ((const uint32_t *)p)[i];
    case DT_I64:
        return ((const int64_t *)p)[i];
    case DT_U64:
        return (int64_t)MIN(((const uint64_t *)p)[i], (uint64_t)INT64_MAX);
    case DT_STRING:
        return 0;
    default:
        return saturate(tensor_get_f64(t, i));
    }
}
