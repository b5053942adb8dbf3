/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operands are taken in from the left, one matrix product each: of the axes that are still wanted
 * (by the output or by operands to come) those of both sides are the batch, those of one side its
 * rows or columns; axes of both that nobody wants are summed by the product, axes of one side alone
 * before it. A side is laid out for the product unless it already stands so, or transposed.
 *
 * Scratch: both sides laid out, and two results in turn. */
#include <string.h>

#include "base/checked.h"
#include "kernels/kernels.h"
#include "kernels/strided.h"
#include "ops/einsum.h"
#include "ops/element.h"
#include "ops/half.h"

/* Axes, outermost first. */
struct order {
    int n;
    int axes[EINSUM_AXES];
};

static void append(struct order *o, const struct order *more)
{
    for (int i = 0; i < more->n; i++)
        o->axes[o->n++] = more->axes[i];
}

/* The axes of mask, those of the output first and as there. */
static struct order order_of(const struct einsum *e, uint64_t mask)
{
    struct order o = {0};
    for (int d = 0; d < e->n_out; d++)
        if (mask >> e->out[d] & 1) {
            o.axes[o.n++] = e->out[d];
            mask &= ~(UINT64_C(1) << e->out[d]);
        }
    for (int a = 0; a < EINSUM_AXES; a++)
        if (mask >> a & 1)
            o.axes[o.n++] = a;
    return o;
}

/* A dim of 0 comes first: beside it the others' product need not fit. */
static int64_t count_of(const struct einsum *e, const struct order *o)
{
    int64_t n = 1;
    for (int i = 0; i < o->n; i++)
        if (e->dims[o->axes[i]] == 0)
            return 0;
    for (int i = 0; i < o->n; i++)
        n *= e->dims[o->axes[i]];
    return n;
}

static bool bytes_of(const struct einsum *e, const struct order *o, uint64_t *bytes)
{
    *bytes = dtype_bytes(einsum_compute(e->in[0].dtype));
    for (int i = 0; i < o->n; i++)
        if (!checked_mul(*bytes, (uint64_t)e->dims[o->axes[i]], bytes))
            return false;
    return checked_align(*bytes, 64, bytes) && *bytes <= INT64_MAX / 8;
}

enum dtype einsum_compute(enum dtype t)
{
    if (t == DT_F64)
        return DT_F64;
    if (dtype_is_float(t))
        return DT_F32;
    return dtype_is_int(t) ? DT_I64 : DT_NONE;
}

/* Adds a run of n elements to `to`, or sets it. */
#define RUN(type, sum, value)                                                                      \
    do {                                                                                           \
        const type *x = from;                                                                      \
        sum *y = to;                                                                               \
        for (int64_t i = 0; i < n; i++) {                                                          \
            type v = x[i * step];                                                                  \
            y[i] = (sum)(set ? (value) : y[i] + (value));                                          \
        }                                                                                          \
    } while (0)

static void add_run(enum dtype t, const void *from, int64_t step, int64_t n, void *to, bool set)
{
    switch (t) {
    case DT_F32:
        RUN(float, float, v);
        break;
    case DT_F64:
        RUN(double, double, v);
        break;
    case DT_F16:
        RUN(uint16_t, float, f16_to_f32(v));
        break;
    case DT_BF16:
        RUN(uint16_t, float, bf16_to_f32(v));
        break;
    case DT_I8:
        RUN(int8_t, uint64_t, (uint64_t)v);
        break;
    case DT_I16:
        RUN(int16_t, uint64_t, (uint64_t)v);
        break;
    case DT_I32:
        RUN(int32_t, uint64_t, (uint64_t)v);
        break;
    case DT_U8:
        RUN(uint8_t, uint64_t, v);
        break;
    case DT_U16:
        RUN(uint16_t, uint64_t, v);
        break;
    case DT_U32:
        RUN(uint32_t, uint64_t, v);
        break;
    default:
        RUN(uint64_t, uint64_t, v);
        break;
    }
}

/* The next index over the axes of o, and where v has it; false after the last. */
static bool advance(const struct einsum *e, const struct einsum_view *v, const struct order *o,
                    int64_t *index, int64_t *place)
{
    for (int i = o->n - 1; i >= 0; i--) {
        int axis = o->axes[i];
        *place += v->step[axis];
        if (++index[i] < e->dims[axis])
            return true;
        *place -= v->step[axis] * e->dims[axis];
        index[i] = 0;
    }
    return false;
}

/* The same by the kernel that moves elements, where there is nothing to add or convert. */
static bool lay_copy(const struct einsum *e, const struct einsum_view *v, const struct order *o,
                     void *to)
{
    struct strided s = {.rank = 0};
    if (o->n > STRIDED_RANK_MAX || v->dtype != einsum_compute(v->dtype))
        return false;
    int64_t dst = count_of(e, o);
    for (int i = 0; i < o->n; i++) {
        dst /= e->dims[o->axes[i]];
        strided_dim(&s, e->dims[o->axes[i]], v->step[o->axes[i]], dst);
    }
    strided_copy(&s, v->data, to, (int)dtype_bytes(v->dtype));
    return true;
}

/* Lays v out by the axes of o, which have elements; its other axes are summed. */
static void lay_out(const struct einsum *e, const struct einsum_view *v, const struct order *o,
                    void *to)
{
    uint64_t rest = v->mask;
    for (int i = 0; i < o->n; i++)
        rest &= ~(UINT64_C(1) << o->axes[i]);
    if (!rest && lay_copy(e, v, o, to))
        return;
    struct order outer = *o, sums = order_of(e, rest);
    int last = o->n ? o->axes[--outer.n] : -1;
    int64_t n = last < 0 ? 1 : e->dims[last], step = last < 0 ? 0 : v->step[last], at = 0;
    int64_t index[EINSUM_AXES] = {0}, inner[EINSUM_AXES] = {0};
    size_t width = dtype_bytes(v->dtype), row = (size_t)n * dtype_bytes(einsum_compute(v->dtype));
    uint8_t *y = to;
    if (count_of(e, &sums) == 0) {
        memset(to, 0, (size_t)count_of(e, o) * dtype_bytes(einsum_compute(v->dtype)));
        return;
    }
    do {
        bool set = true;
        do {
            add_run(v->dtype, (const uint8_t *)v->data + at * (int64_t)width, step, n, y, set);
            set = false;
        } while (advance(e, v, &sums, inner, &at));
        y += row;
    } while (advance(e, v, &outer, index, &at));
}

/* Does v already stand as o would lay it out? */
static bool stands(const struct einsum *e, const struct einsum_view *v, const struct order *o)
{
    int64_t step = 1;
    uint64_t mask = 0;
    for (int i = o->n - 1; i >= 0; i--) {
        int axis = o->axes[i];
        if (e->dims[axis] != 1 && v->step[axis] != step)
            return false;
        step *= e->dims[axis];
        mask |= UINT64_C(1) << axis;
    }
    return mask == v->mask && v->dtype == einsum_compute(v->dtype);
}

/* One product: which axes play which part. */
struct product {
    struct order batch, m, n, k;
};

static struct product product_of(const struct einsum *e, uint64_t a, int i)
{
    uint64_t b = e->in[i].mask, wanted = 0;
    for (int d = 0; d < e->n_out; d++)
        wanted |= UINT64_C(1) << e->out[d];
    for (int k = i + 1; k < e->n; k++)
        wanted |= e->in[k].mask;
    return (struct product){order_of(e, a & b & wanted), order_of(e, a & ~b & wanted),
                            order_of(e, b & ~a & wanted), order_of(e, a & b & ~wanted)};
}

static struct order join(const struct order *a, const struct order *b, const struct order *c)
{
    struct order o = *a;
    append(&o, b);
    append(&o, c);
    return o;
}

/* The result of a product, as the next operand. */
static struct einsum_view result_of(const struct einsum *e, const struct order *o, const void *data)
{
    struct einsum_view v = {.dtype = einsum_compute(e->in[0].dtype), .data = data};
    int64_t step = 1;
    for (int i = o->n - 1; i >= 0; i--) {
        v.mask |= UINT64_C(1) << o->axes[i];
        v.step[o->axes[i]] = step;
        step *= e->dims[o->axes[i]];
    }
    return v;
}

/* Bytes of the largest left side, right side and result. */
static bool sizes(const struct einsum *e, uint64_t part[3])
{
    uint64_t mask = e->in[0].mask;
    struct order out = {.n = e->n_out};
    memcpy(out.axes, e->out, sizeof(out.axes[0]) * (size_t)e->n_out);
    memset(part, 0, 3 * sizeof(part[0]));
    if (!bytes_of(e, &out, &part[2]))
        return false;
    for (int i = 1; i < e->n; i++) {
        struct product p = product_of(e, mask, i);
        struct order sides[3] = {join(&p.batch, &p.m, &p.k), join(&p.batch, &p.k, &p.n),
                                 join(&p.batch, &p.m, &p.n)};
        for (int k = 0; k < 3; k++) {
            uint64_t bytes;
            if (!bytes_of(e, &sides[k], &bytes))
                return false;
            part[k] = MAX(part[k], bytes);
        }
        mask = result_of(e, &sides[2], NULL).mask;
    }
    return true;
}

bool einsum_scratch(const struct einsum *e, uint64_t *bytes)
{
    uint64_t part[3];
    if (!sizes(e, part))
        return false;
    *bytes = part[0] + part[1] + 2 * part[2];
    return true;
}

/* y[m][n] = a[m][k] b[k][n] in double, and in integers that wrap. */
#define MULTIPLY(type)                                                                             \
    do {                                                                                           \
        const type *a = pa, *b = pb;                                                               \
        type *y = py;                                                                              \
        memset(y, 0, sizeof(type) * (size_t)(m * n));                                              \
        for (int64_t i = 0; i < m; i++)                                                            \
            for (int64_t l = 0; l < k; l++)                                                        \
                for (int64_t j = 0; j < n; j++)                                                    \
                    y[i * n + j] += a[i * k + l] * b[l * n + j];                                   \
    } while (0)

static void multiply_f64(int64_t m, int64_t n, int64_t k, const void *pa, const void *pb, void *py)
{
    MULTIPLY(double);
}

static void multiply_i64(int64_t m, int64_t n, int64_t k, const void *pa, const void *pb, void *py)
{
    MULTIPLY(uint64_t);
}

/* A side of the product: where it stands, and whether transposed. */
struct side {
    const void *data;
    bool transposed;
};

static struct side lay_side(const struct einsum *e, const struct einsum_view *v,
                            const struct order *batch, const struct order *rows,
                            const struct order *columns, void *space)
{
    struct order straight = join(batch, rows, columns), turned = join(batch, columns, rows);
    if (stands(e, v, &straight))
        return (struct side){v->data, false};
    if (v->dtype == DT_F32 && stands(e, v, &turned))
        return (struct side){v->data, true};
    lay_out(e, v, &straight, space);
    return (struct side){space, false};
}

/* y = the product of all batches; it has elements. */
static void multiply(const struct einsum *e, const struct product *p, const struct einsum_view *a,
                     const struct einsum_view *b, void *const space[2], void *y)
{
    enum dtype t = einsum_compute(a->dtype);
    size_t width = dtype_bytes(t);
    int64_t m = count_of(e, &p->m), n = count_of(e, &p->n), k = count_of(e, &p->k);
    if (k == 0) {
        memset(y, 0, (size_t)(count_of(e, &p->batch) * m * n) * width);
        return;
    }
    struct side l = lay_side(e, a, &p->batch, &p->m, &p->k, space[0]);
    struct side r = lay_side(e, b, &p->batch, &p->k, &p->n, space[1]);
    for (int64_t i = 0; i < count_of(e, &p->batch); i++) {
        const uint8_t *pa = (const uint8_t *)l.data + (size_t)(i * m * k) * width;
        const uint8_t *pb = (const uint8_t *)r.data + (size_t)(i * k * n) * width;
        uint8_t *py = (uint8_t *)y + (size_t)(i * m * n) * width;
        struct gemm g = {.m = m, .n = n, .k = k, .ldy = n, .alpha = 1};
        g.a = (const float *)(const void *)pa;
        g.b = (const float *)(const void *)pb;
        g.y = (float *)(void *)py;
        g.lda = l.transposed ? m : k;
        g.ldb = r.transposed ? k : n;
        g.trans_a = l.transposed;
        g.trans_b = r.transposed;
        if (t == DT_F32)
            gemm_f32(&g);
        else if (t == DT_F64)
            multiply_f64(m, n, k, pa, pb, py);
        else
            multiply_i64(m, n, k, pa, pb, py);
    }
}

/* Elements of the dtype of compute -> y. */
static void convert(const void *from, const struct tensor *y)
{
    int64_t n = tensor_count(y);
    if (dtype_is_half(y->dtype)) {
        half_store(y->dtype, n, from, y->data);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        element_set_i64(y, i, ((const int64_t *)from)[i]);
}

static bool same_order(const struct order *a, const struct order *b)
{
    return a->n == b->n && memcmp(a->axes, b->axes, sizeof(a->axes[0]) * (size_t)a->n) == 0;
}

void einsum_contract(const struct einsum *e, const struct tensor *y, void *scratch)
{
    uint64_t part[3];
    if (!sizes(e, part))
        return; /* infer refused it */
    uint8_t *at = scratch;
    void *space[2] = {at, at + part[0]};
    uint8_t *results[2] = {at + part[0] + part[1], at + part[0] + part[1] + part[2]};
    bool plain = y->dtype == einsum_compute(y->dtype);
    struct einsum_view left = e->in[0];
    struct order out = {.n = e->n_out};
    memcpy(out.axes, e->out, sizeof(out.axes[0]) * (size_t)e->n_out);
    for (int i = 1; i < e->n; i++) {
        struct product p = product_of(e, left.mask, i);
        struct order o = join(&p.batch, &p.m, &p.n);
        bool last = i + 1 == e->n && plain && same_order(&o, &out);
        void *to = last ? y->data : results[i % 2];
        if (count_of(e, &o) > 0)
            multiply(e, &p, &left, &e->in[i], space, to);
        if (last)
            return;
        left = result_of(e, &o, to);
    }
    lay_out(e, &left, &out, plain ? y->data : results[e->n % 2]);
    if (!plain)
        convert(results[e->n % 2], y);
}
