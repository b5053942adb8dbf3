/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pools of blocked tensors, of every type. Windows side by side that are inside of the image are
 * taken several at once, each place of theirs in turn: their sums do not wait for each other, and
 * the walk over the places is paid once. */
#include "kernels/block_pool.h"
#include "kernels/isa/tile.h"
#include "kernels/narrow_priv.h"

enum {
    MANY = ISA_LEVEL == 0 ? 2 : 4, /* windows at once: their sums are registers */
    PIECE = 1 << 16,               /* places whose bytes are added as int32 */
};

/* The kernel places of a window that are inside of the image: of its rows and of its columns. */
struct window {
    int64_t top, left, from[2], to[2];
    int64_t rows_counted, counted; /* places that count for the mean */
};

/* How windows are taken, as numbers that the compiler knows. */
struct way {
    enum narrow_type type;
    bool max;
    int many;
};

/* A pixel of bytes: one register of every level. */
typedef uint8_t pixel_u8 __attribute__((vector_size(BLOCK), aligned(1), may_alias));

static inline pixel_u8 pixel_max(pixel_u8 a, pixel_u8 b)
{
#if defined(__SSE2__)
    return (pixel_u8)_mm_max_epu8((__m128i)a, (__m128i)b);
#else
    const pixel_u8 more = (pixel_u8)(a > b);
    return (more & a) | (~more & b);
#endif
}

static int64_t pixel_bytes(enum narrow_type type)
{
    return BLOCK * narrow_bytes(type);
}

/* VEC lanes: floats, or the bits of bytes as int32. */
TILE_INLINE vec element(enum narrow_type type, const uint8_t *from)
{
    if (type == NARROW_F32)
        return vec_load((const float *)(const void *)from);
    if (type == NARROW_BF16)
        return (vec)(vec_u16_load(from) << 16);
    return (vec)vec_u8_load(from);
}

TILE_INLINE vec met(struct way way, vec one, vec acc)
{
    if (way.max)
        return vec_max(one, acc);
    if (way.type == NARROW_U8)
        return (vec)((vec_int)one + (vec_int)acc);
    return one + acc;
}

/* The places of windows that stand side by side. */
TILE_INLINE void meet(const struct block_pool *p, const struct window *w, const uint8_t *plane,
                      struct way way, vec acc[MANY][BLOCK_VECS])
{
    const int64_t bytes = narrow_bytes(way.type), pixel = BLOCK * bytes;
    const int64_t step = p->stride[1] * pixel, along = p->dilation[1] * pixel;
    TILE_UNROLL
    for (int m = 0; m < way.many; m++) {
        TILE_UNROLL
        for (int v = 0; v < BLOCK_VECS; v++)
            acc[m][v] = vec_all(way.max ? -INFINITY : 0);
    }
    for (int64_t ky = w->from[0]; ky < w->to[0]; ky++) {
        const uint8_t *x = plane + ((w->top + ky * p->dilation[0]) * p->in[1] + w->left) * pixel;
        x += w->from[1] * along;
        for (int64_t kx = w->from[1]; kx < w->to[1]; kx++, x += along) {
            TILE_UNROLL
            for (int m = 0; m < way.many; m++) {
                TILE_UNROLL
                for (int v = 0; v < BLOCK_VECS; v++)
                    acc[m][v] =
                        met(way, element(way.type, x + m * step + v * VEC * bytes), acc[m][v]);
            }
        }
    }
}

/* ---- where windows are ---- */

static void lay(const struct block_pool *p, int d, int64_t at, struct window *w)
{
    block_places(at, p->dilation[d], p->kernel[d], p->in[d], &w->from[d], &w->to[d]);
}

static int64_t places_of(const struct window *w)
{
    return (w->to[0] - w->from[0]) * (w->to[1] - w->from[1]);
}

/* Of places [from, to) of dim d those that count. */
static int64_t counted(const struct block_pool *p, int d, int64_t at, const struct window *w)
{
    int64_t from = w->from[d], to = w->to[d];
    if (p->count_pad)
        block_places(at + p->pad[d], p->dilation[d], p->kernel[d],
                     p->in[d] + p->pad_end[d] + p->pad[d], &from, &to);
    return to - from;
}

static struct window row_of(const struct block_pool *p, int64_t row)
{
    struct window w = {.top = row * p->stride[0] - p->pad[0]};
    lay(p, 0, w.top, &w);
    w.rows_counted = counted(p, 0, w.top, &w);
    return w;
}

/* Lays the windows of column `column` and on; gives how many: MANY, of PIECE places at most, or
 * one. */
static int64_t column_of(const struct block_pool *p, int64_t column, struct window *w)
{
    const int64_t last = (MANY - 1) * p->stride[1] + (p->kernel[1] - 1) * p->dilation[1];
    w->left = column * p->stride[1] - p->pad[1];
    if (w->left >= 0 && w->left + last < p->in[1] && column + MANY <= p->out[1]) {
        w->from[1] = 0;
        w->to[1] = p->kernel[1];
        w->counted = w->rows_counted * p->kernel[1];
        if (places_of(w) <= PIECE)
            return MANY;
    }
    lay(p, 1, w->left, w);
    w->counted = w->rows_counted * counted(p, 1, w->left, w);
    return 1;
}

static const uint8_t *plane_of(const struct block_pool *p, int64_t plane)
{
    return (const uint8_t *)p->x.data + plane * p->in[0] * p->in[1] * pixel_bytes(p->x.type);
}

/* ---- maxima ---- */

TILE_INLINE void largest(const struct block_pool *p, const struct window *w, const uint8_t *plane,
                         struct way way, uint8_t *y)
{
    vec acc[MANY][BLOCK_VECS];
    meet(p, w, plane, way, acc);
    TILE_UNROLL
    for (int m = 0; m < way.many; m++) {
        TILE_UNROLL
        for (int v = 0; v < BLOCK_VECS; v++) {
            const int at = m * BLOCK + v * VEC;
            if (way.type == NARROW_F32)
                vec_store((float *)(void *)y + at, acc[m][v]);
            else /* each was a bfloat16 before */
                vec_u16_store(y + 2 * at, (vec_int)acc[m][v] >> 16);
        }
    }
}

static void largest_bytes(const struct block_pool *p, const struct window *w, const uint8_t *plane,
                          int64_t many, uint8_t *y)
{
    for (int64_t m = 0; m < many; m++, y += BLOCK) {
        pixel_u8 most = {0};
        for (int64_t ky = w->from[0]; ky < w->to[0]; ky++) {
            const int64_t row = (w->top + ky * p->dilation[0]) * p->in[1];
            const uint8_t *x = plane + (row + w->left + m * p->stride[1]) * BLOCK;
            for (int64_t kx = w->from[1]; kx < w->to[1]; kx++)
                most = pixel_max(most, *(const pixel_u8 *)(x + kx * p->dilation[1] * BLOCK));
        }
        *(pixel_u8 *)y = most;
    }
}

static void largest_of(const struct block_pool *p, const struct window *w, const uint8_t *plane,
                       int64_t many, uint8_t *y)
{
    if (p->x.type == NARROW_U8)
        largest_bytes(p, w, plane, many, y);
    else if (p->x.type == NARROW_BF16 && many == MANY)
        largest(p, w, plane, (struct way){NARROW_BF16, true, MANY}, y);
    else if (p->x.type == NARROW_BF16)
        largest(p, w, plane, (struct way){NARROW_BF16, true, 1}, y);
    else if (many == MANY)
        largest(p, w, plane, (struct way){NARROW_F32, true, MANY}, y);
    else
        largest(p, w, plane, (struct way){NARROW_F32, true, 1}, y);
}

void ISA_NAME(block_max)(const struct block_pool *p)
{
    const int64_t pixel = pixel_bytes(p->y.type);
    uint8_t *y = p->y.data;
    for (int64_t row = 0; row < p->planes * p->out[0]; row++) {
        const uint8_t *plane = plane_of(p, row / p->out[0]);
        struct window w = row_of(p, row % p->out[0]);
        for (int64_t j = 0, many; j < p->out[1]; j += many, y += many * pixel) {
            many = column_of(p, j, &w);
            largest_of(p, &w, plane, many, y);
        }
    }
}

/* ---- means ---- */

/* A sum of bytes less what their zero point adds to it. */
TILE_INLINE vec sum_of(const struct block_pool *p, const struct window *w, struct way way, vec acc)
{
    if (way.type != NARROW_U8)
        return acc;
    return __builtin_convertvector((vec_int)acc - (int32_t)places_of(w) * p->x.zero, vec);
}

TILE_INLINE void means(const struct block_pool *p, const struct window *w, const uint8_t *plane,
                       struct way way, float factor, float *y)
{
    vec acc[MANY][BLOCK_VECS];
    meet(p, w, plane, way, acc);
    TILE_UNROLL
    for (int m = 0; m < way.many; m++) {
        TILE_UNROLL
        for (int v = 0; v < BLOCK_VECS; v++)
            vec_store(y + m * BLOCK + v * VEC, sum_of(p, w, way, acc[m][v]) * factor);
    }
}

static void means_of_bytes(const struct block_pool *p, const struct window *w, const uint8_t *plane,
                           int64_t many, float factor, float *y)
{
    if (many == MANY)
        means(p, w, plane, (struct way){NARROW_U8, false, MANY}, factor, y);
    else
        means(p, w, plane, (struct way){NARROW_U8, false, 1}, factor, y);
}

/* A window of more bytes than an int32 has room for the sum of: piece by piece, in one order. */
static void mean_in_pieces(const struct block_pool *p, const struct window *w, const uint8_t *plane,
                           float factor, float *y)
{
    float sums[BLOCK] = {0}, part[BLOCK];
    struct window piece = *w;
    for (int64_t ky = w->from[0]; ky < w->to[0]; ky++)
        for (int64_t kx = w->from[1]; kx < w->to[1]; kx += PIECE) {
            piece.from[0] = ky;
            piece.to[0] = ky + 1;
            piece.from[1] = kx;
            piece.to[1] = MIN(kx + PIECE, w->to[1]);
            means_of_bytes(p, &piece, plane, 1, 1, part);
            for (int lane = 0; lane < BLOCK; lane++)
                sums[lane] += part[lane];
        }
    for (int lane = 0; lane < BLOCK; lane++)
        y[lane] = sums[lane] * factor;
}

static void means_of(const struct block_pool *p, const struct window *w, const uint8_t *plane,
                     int64_t many, float *y)
{
    const float scale = p->x.type == NARROW_U8 ? p->x.scale : 1;
    const float factor = w->counted ? scale / (float)w->counted : 0;
    if (p->x.type == NARROW_U8 && places_of(w) > PIECE)
        mean_in_pieces(p, w, plane, factor, y);
    else if (p->x.type == NARROW_U8)
        means_of_bytes(p, w, plane, many, factor, y);
    else if (p->x.type == NARROW_BF16 && many == MANY)
        means(p, w, plane, (struct way){NARROW_BF16, false, MANY}, factor, y);
    else if (p->x.type == NARROW_BF16)
        means(p, w, plane, (struct way){NARROW_BF16, false, 1}, factor, y);
    else if (many == MANY)
        means(p, w, plane, (struct way){NARROW_F32, false, MANY}, factor, y);
    else
        means(p, w, plane, (struct way){NARROW_F32, false, 1}, factor, y);
}

/* One row of outputs. Means that are not the result yet wait until narrow_out takes some at once.
 */
static void means_row(const struct block_pool *p, int64_t row)
{
    const bool done = p->y.type == NARROW_F32;
    const uint8_t *plane = plane_of(p, row / p->out[0]);
    const struct narrow_end end = {.y = p->y};
    struct window w = row_of(p, row % p->out[0]);
    _Alignas(64) float strip[NARROW_STRIP * BLOCK];
    float *y = done ? (float *)p->y.data + row * p->out[1] * BLOCK : strip;
    struct narrow_out o = {.sums = (uint32_t *)(void *)strip, .lanes = BLOCK, .step = BLOCK};
    o.to = row * p->out[1] * BLOCK;
    for (int64_t j = 0, many; j < p->out[1]; j += many, y += many * BLOCK) {
        if (!done && o.count + MANY > NARROW_STRIP) {
            ISA_NAME(narrow_out)(&o, &end);
            o.to += o.count * BLOCK;
            o.count = 0;
            y = strip;
        }
        many = column_of(p, j, &w);
        means_of(p, &w, plane, many, y);
        o.count += many;
    }
    if (!done)
        ISA_NAME(narrow_out)(&o, &end);
}

void ISA_NAME(block_average)(const struct block_pool *p)
{
    for (int64_t row = 0; row < p->planes * p->out[0]; row++)
        means_row(p, row);
}
