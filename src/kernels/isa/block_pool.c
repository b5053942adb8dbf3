/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pools of blocked tensors, of every type, an output row at a time. First the rows that its windows
 * take in meet, column by column: there elements are widened, and all columns are alike. Then the
 * columns of each window meet. What windows share is so gone through once, and some columns, or
 * some windows, are taken at once: their sums do not wait for each other. */
#include "kernels/block_pool.h"
#include "kernels/isa/tile.h"
#include "kernels/narrow_priv.h"

enum {
    MANY = ISA_LEVEL == 0 ? 2 : 4, /* columns or windows at once: their sums are registers */
    STRIP = 96,                    /* columns that have met: of floats 6 KiB */
    PIECE = 1 << 16,               /* places whose bytes are added as int32 */
};

/* What is done, as numbers that the compiler knows. */
struct way {
    enum narrow_type type;
    bool max;
    int many;
};

/* An output row: kernel places [from, to) of its windows' rows are inside of the image, place 0
 * being row `top` of it. Columns [strip_from, strip_to) have met: as float32, sums of bytes as
 * int32, maxima of bytes as bytes. */
struct row {
    const struct block_pool *p;
    const uint8_t *plane;
    int64_t top, from, to, counted; /* counted: for a mean */
    int64_t strip_from, strip_to;
    _Alignas(64) float strip[STRIP * BLOCK];
};

/* The same of a window's columns; or of `many` windows side by side, all of whose columns are
 * inside of the image and have met. counted: of rows by columns. */
struct window {
    int64_t left, from, to, counted, many;
};

TILE_INLINE vec met(struct way way, vec one, vec acc)
{
    if (way.max)
        return vec_max(one, acc);
    if (way.type == NARROW_U8)
        return (vec)((vec_int)one + (vec_int)acc);
    return one + acc;
}

/* A pixel of bytes is one register of every level. */
typedef uint8_t pixel_u8 __attribute__((vector_size(BLOCK), aligned(1), may_alias));

static inline pixel_u8 met_u8(pixel_u8 a, pixel_u8 b)
{
#if defined(__SSE2__)
    return (pixel_u8)_mm_max_epu8((__m128i)a, (__m128i)b);
#else
    const pixel_u8 more = (pixel_u8)(a > b);
    return (more & a) | (~more & b);
#endif
}

/* `many` pixels from each of `times` places, `step` bytes apart, pixels `apart` bytes. */
TILE_INLINE void meet_u8(int many, const uint8_t *x, int64_t times, int64_t step, int64_t apart,
                         uint8_t *to)
{
    pixel_u8 acc[MANY] = {{0}};
    for (int64_t k = 0; k < times; k++, x += step) {
        TILE_UNROLL
        for (int m = 0; m < many; m++)
            acc[m] = met_u8(acc[m], *(const pixel_u8 *)(x + m * apart));
    }
    TILE_UNROLL
    for (int m = 0; m < many; m++)
        *(pixel_u8 *)(to + m * BLOCK) = acc[m];
}

/* ---- rows meet ---- */

/* VEC lanes: floats, or bytes as int32. */
TILE_INLINE vec element(enum narrow_type type, const uint8_t *from)
{
    if (type == NARROW_F32)
        return vec_load((const float *)(const void *)from);
    if (type == NARROW_BF16)
        return (vec)(vec_u16_load(from) << 16);
    return (vec)vec_u8_load(from);
}

/* Of columns side by side; x: the first one's pixel in the first row. */
TILE_INLINE void meet_rows(const struct row *r, struct way way, const uint8_t *x, int64_t down,
                           float *to)
{
    const int64_t bytes = narrow_bytes(way.type);
    vec acc[MANY * BLOCK_VECS];
    TILE_UNROLL
    for (int v = 0; v < way.many * BLOCK_VECS; v++)
        acc[v] = vec_all(way.max ? -INFINITY : 0);
    for (int64_t k = r->from; k < r->to; k++, x += down) {
        TILE_UNROLL
        for (int v = 0; v < way.many * BLOCK_VECS; v++)
            acc[v] = met(way, element(way.type, x + v * VEC * bytes), acc[v]);
    }
    TILE_UNROLL
    for (int v = 0; v < way.many * BLOCK_VECS; v++)
        vec_store(to + v * VEC, acc[v]);
}

TILE_INLINE void meet_strip(struct row *r, enum narrow_type type, bool max)
{
    const struct block_pool *p = r->p;
    const bool bytes = max && type == NARROW_U8;
    const int64_t pixel = narrow_bytes(type) * BLOCK, line = p->in[1] * pixel;
    const int64_t down = p->dilation[0] * line, columns = r->strip_to - r->strip_from;
    const uint8_t *x = r->plane + (r->top + r->from * p->dilation[0]) * line;
    int64_t i = 0;
    for (x += r->strip_from * pixel; i + MANY <= columns; i += MANY, x += MANY * pixel)
        if (bytes)
            meet_u8(MANY, x, r->to - r->from, down, BLOCK, (uint8_t *)r->strip + i * BLOCK);
        else
            meet_rows(r, (struct way){type, max, MANY}, x, down, r->strip + i * BLOCK);
    for (; i < columns; i++, x += pixel)
        if (bytes)
            meet_u8(1, x, r->to - r->from, down, BLOCK, (uint8_t *)r->strip + i * BLOCK);
        else
            meet_rows(r, (struct way){type, max, 1}, x, down, r->strip + i * BLOCK);
}

/* Meets the columns from `column` on. */
static void strip_at(struct row *r, int64_t column, bool max)
{
    const enum narrow_type type = r->p->x.type;
    r->strip_from = column;
    r->strip_to = MIN(column + STRIP, r->p->in[1]);
    if (max && type == NARROW_U8)
        meet_strip(r, NARROW_U8, true);
    else if (max && type == NARROW_BF16)
        meet_strip(r, NARROW_BF16, true);
    else if (max)
        meet_strip(r, NARROW_F32, true);
    else if (type == NARROW_U8)
        meet_strip(r, NARROW_U8, false);
    else if (type == NARROW_BF16)
        meet_strip(r, NARROW_BF16, false);
    else
        meet_strip(r, NARROW_F32, false);
}

/* ---- where windows are ---- */

static int64_t counted(const struct block_pool *p, int d, int64_t at, int64_t from, int64_t to)
{
    if (p->count_pad)
        block_places(at + p->pad[d], p->dilation[d], p->kernel[d],
                     p->in[d] + p->pad_end[d] + p->pad[d], &from, &to);
    return to - from;
}

static void row_at(struct row *r, int64_t row)
{
    const struct block_pool *p = r->p;
    const int64_t bytes = p->in[0] * p->in[1] * BLOCK * narrow_bytes(p->x.type);
    r->plane = (const uint8_t *)p->x.data + row / p->out[0] * bytes;
    r->top = row % p->out[0] * p->stride[0] - p->pad[0];
    block_places(r->top, p->dilation[0], p->kernel[0], p->in[0], &r->from, &r->to);
    r->counted = counted(p, 0, r->top, r->from, r->to);
    r->strip_from = r->strip_to = 0;
}

/* Lays the window of output column `column`, and as many more, up to `most`, as one strip has. */
static struct window windows_at(struct row *r, int64_t column, int64_t most, bool max)
{
    const struct block_pool *p = r->p;
    struct window w = {.left = column * p->stride[1] - p->pad[1], .many = 1};
    const int64_t last = w.left + (p->kernel[1] - 1) * p->dilation[1];
    block_places(w.left, p->dilation[1], p->kernel[1], p->in[1], &w.from, &w.to);
    w.counted = r->counted * counted(p, 1, w.left, w.from, w.to);
    if (w.left < 0 || last >= p->in[1] || last - w.left >= STRIP)
        return w;
    if (w.left < r->strip_from || last >= r->strip_to)
        strip_at(r, w.left, max);
    const int64_t many = MIN((r->strip_to - 1 - last) / p->stride[1] + 1, most);
    w.many = many < MANY ? 1 : many;
    return w;
}

/* ---- columns meet ---- */

/* How many of a single window's places from `k` on have met, of which the strip has the first. */
static int64_t in_strip(struct row *r, const struct window *w, int64_t k, bool max)
{
    const int64_t step = r->p->dilation[1], at = w->left + k * step;
    const int64_t last = w->left + (w->to - 1) * step;
    if (at < r->strip_from || at >= r->strip_to || (last >= r->strip_to && at > r->strip_from))
        strip_at(r, at, max);
    return last < r->strip_to ? w->to - k : (r->strip_to - at + step - 1) / step;
}

static const float *column_of(const struct row *r, int64_t column)
{
    return r->strip + (column - r->strip_from) * BLOCK;
}

/* The next `places` of windows side by side. */
TILE_INLINE void meet_columns(const struct row *r, struct way way, const float *x, int64_t places,
                              vec acc[MANY][BLOCK_VECS])
{
    const int64_t stride = r->p->stride[1] * BLOCK, step = r->p->dilation[1] * BLOCK;
    for (int64_t k = 0; k < places; k++, x += step) {
        TILE_UNROLL
        for (int m = 0; m < way.many; m++) {
            TILE_UNROLL
            for (int v = 0; v < BLOCK_VECS; v++)
                acc[m][v] = met(way, vec_load(x + m * stride + v * VEC), acc[m][v]);
        }
    }
}

TILE_INLINE void begin(struct way way, vec acc[MANY][BLOCK_VECS])
{
    TILE_UNROLL
    for (int m = 0; m < way.many; m++) {
        TILE_UNROLL
        for (int v = 0; v < BLOCK_VECS; v++)
            acc[m][v] = vec_all(way.max ? -INFINITY : 0);
    }
}

/* What becomes of sums: (v - zeros) * factor, zeros of bytes only. */
struct mean {
    float factor;
    int32_t zeros;
};

TILE_INLINE void end(const struct row *r, struct way way, const struct mean *mean,
                     vec acc[MANY][BLOCK_VECS], uint8_t *y)
{
    TILE_UNROLL
    for (int i = 0; i < way.many * BLOCK_VECS; i++) {
        vec v = acc[i / BLOCK_VECS][i % BLOCK_VECS];
        if (way.max && r->p->y.type == NARROW_BF16) { /* it was one before */
            vec_u16_store(y + i * VEC * 2, (vec_int)v >> 16);
            continue;
        }
        if (way.type == NARROW_U8)
            v = __builtin_convertvector((vec_int)v - mean->zeros, vec);
        if (!way.max)
            v = v * mean->factor;
        vec_store((float *)(void *)y + i * VEC, v);
    }
}

/* Windows in a row, or one in as many steps as it takes. The last ones of a row may be done twice.
 * type: of sums, NARROW_U8 or not. bytes: of a pixel of y. */
TILE_INLINE void windows(struct row *r, enum narrow_type type, bool max, const struct window *w,
                         const struct mean *mean, uint8_t *y, int64_t bytes)
{
    const struct way many = {type, max, MANY}, one = {type, max, 1};
    vec acc[MANY][BLOCK_VECS];
    for (int64_t i = 0; w->many > 1 && i < w->many; i += MANY) {
        const int64_t at = MIN(i, w->many - MANY);
        begin(many, acc);
        meet_columns(r, many, column_of(r, w->left + at * r->p->stride[1]), w->to, acc);
        end(r, many, mean, acc, y + at * bytes);
    }
    if (w->many > 1)
        return;
    begin(one, acc);
    for (int64_t k = w->from, n; k < w->to; k += n) {
        n = in_strip(r, w, k, max);
        meet_columns(r, one, column_of(r, w->left + k * r->p->dilation[1]), n, acc);
    }
    end(r, one, mean, acc, y);
}

/* ---- maxima ---- */

static void largest_u8(struct row *r, const struct window *w, uint8_t *y)
{
    const int64_t apart = r->p->stride[1] * BLOCK, step = r->p->dilation[1] * BLOCK;
    const uint8_t *strip = (const uint8_t *)r->strip;
    for (int64_t i = 0; w->many > 1 && i < w->many; i += MANY) {
        const int64_t at = MIN(i, w->many - MANY);
        const uint8_t *x = strip + (w->left - r->strip_from) * BLOCK + at * apart;
        meet_u8(MANY, x, w->to, step, apart, y + at * BLOCK);
    }
    if (w->many > 1)
        return;
    pixel_u8 most = {0}, part;
    for (int64_t k = w->from, n; k < w->to; k += n) {
        n = in_strip(r, w, k, true);
        const uint8_t *x = strip + (w->left - r->strip_from) * BLOCK + k * step;
        meet_u8(1, x, n, step, apart, (uint8_t *)&part);
        most = met_u8(most, part);
    }
    *(pixel_u8 *)y = most;
}

void ISA_NAME(block_max)(const struct block_pool *p)
{
    const int64_t pixel = narrow_bytes(p->y.type) * BLOCK;
    struct row r = {.p = p};
    uint8_t *y = p->y.data;
    for (int64_t row = 0; row < p->planes * p->out[0]; row++) {
        row_at(&r, row);
        for (int64_t j = 0, many; j < p->out[1]; j += many, y += many * pixel) {
            const struct window w = windows_at(&r, j, p->out[1] - j, true);
            many = w.many;
            if (p->x.type == NARROW_U8)
                largest_u8(&r, &w, y);
            else
                windows(&r, NARROW_F32, true, &w, NULL, y, pixel);
        }
    }
}

/* ---- means ---- */

/* y: of the floats that means are first. */
static void means(struct row *r, const struct window *w, float factor, float *y)
{
    enum { BYTES = BLOCK * (int)sizeof(float) };
    const int32_t places = (int32_t)((r->to - r->from) * (w->to - w->from));
    const struct mean mean = {factor, places * r->p->x.zero};
    if (r->p->x.type == NARROW_U8)
        windows(r, NARROW_U8, false, w, &mean, (uint8_t *)y, BYTES);
    else
        windows(r, NARROW_F32, false, w, &mean, (uint8_t *)y, BYTES);
}

/* A window of more bytes than an int32 has room for the sum of: piece by piece, in one order. */
static void mean_in_pieces(struct row *r, const struct window *w, float factor, float *y)
{
    float sums[BLOCK] = {0}, part[BLOCK];
    const int64_t from = r->from, to = r->to;
    for (int64_t k = from; k < to; k++) {
        r->from = k;
        r->to = k + 1;
        r->strip_from = r->strip_to = 0;
        for (int64_t i = w->from; i < w->to; i += PIECE) {
            const struct window piece = {w->left, i, MIN(i + PIECE, w->to), 0, 1};
            means(r, &piece, 1, part);
            for (int lane = 0; lane < BLOCK; lane++)
                sums[lane] += part[lane];
        }
    }
    for (int lane = 0; lane < BLOCK; lane++)
        y[lane] = sums[lane] * factor;
    r->from = from;
    r->to = to;
    r->strip_from = r->strip_to = 0;
}

static void means_of(struct row *r, struct window *w, float *y)
{
    const bool bytes = r->p->x.type == NARROW_U8;
    const float factor = w->counted ? (bytes ? r->p->x.scale : 1) / (float)w->counted : 0;
    if (!bytes || (r->to - r->from) * (w->to - w->from) <= PIECE) {
        means(r, w, factor, y);
        return;
    }
    w->many = 1;
    mean_in_pieces(r, w, factor, y);
}

/* Means that are not the result yet wait until narrow_out takes some at once. */
static void means_row(struct row *r, int64_t row)
{
    const struct block_pool *p = r->p;
    const bool done = p->y.type == NARROW_F32;
    const struct narrow_end end = {.y = p->y};
    _Alignas(64) float wait[NARROW_STRIP * BLOCK];
    struct narrow_out o = {.sums = (uint32_t *)(void *)wait, .lanes = BLOCK, .step = BLOCK};
    o.to = row * p->out[1] * BLOCK;
    row_at(r, row);
    for (int64_t j = 0; j < p->out[1];) {
        const int64_t left = p->out[1] - j, room = done ? left : NARROW_STRIP - o.count;
        struct window w = windows_at(r, j, MIN(left, room), false);
        means_of(r, &w, done ? (float *)p->y.data + o.to : wait + o.count * BLOCK);
        o.count += w.many;
        j += w.many;
        if (!done && o.count < NARROW_STRIP && j < p->out[1])
            continue;
        if (!done)
            ISA_NAME(narrow_out)(&o, &end);
        o.to += o.count * BLOCK;
        o.count = 0;
    }
}

void ISA_NAME(block_average)(const struct block_pool *p)
{
    struct row r = {.p = p};
    for (int64_t row = 0; row < p->planes * p->out[0]; row++)
        means_row(&r, row);
}
