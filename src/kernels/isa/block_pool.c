/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pools of blocked tensors, of every type, an output row at a time. First the rows that its windows
 * take in meet, column by column: there elements are widened, and all columns are alike. Then the
 * columns of each window meet. What windows share is so gone through once, and some columns, or
 * some windows, are taken at once: their sums do not wait for each other. */
#include "kernels/block_pool.h"
#include "kernels/isa/narrow_end.h"

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

/* Lays the window of output column `column`, and as many more, up to `most`, as the strip has. */
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

/* What becomes of what has met: y is (v - zeros) * factor; of a maximum v, as it is. */
struct result {
    struct narrow_data y; /* from where it goes on */
    float factor;
    float reciprocal; /* of y's scale */
    int32_t zeros;    /* of sums of bytes */
};

TILE_INLINE vec final(struct way way, const struct result *to, vec v)
{
    if (way.max)
        return v;
    if (way.type == NARROW_U8)
        v = __builtin_convertvector((vec_int)v - to->zeros, vec);
    return v * to->factor;
}

/* Rounding takes room, and a register of the other levels is no pixel. */
#if ISA_LEVEL == 2
#define END_UNROLL TILE_UNROLL
#else
#define END_UNROLL
#endif

TILE_INLINE void end(struct way way, const struct result *to, vec acc[MANY][BLOCK_VECS])
{
    const int64_t bytes = VEC * narrow_bytes(to->y.type);
    uint8_t *y = to->y.data;
    if (to->y.type == NARROW_F32) {
        TILE_UNROLL
        for (int i = 0; i < way.many * BLOCK_VECS; i++, y += bytes)
            vec_store((float *)(void *)y, final(way, to, acc[i / BLOCK_VECS][i % BLOCK_VECS]));
        return;
    }
    const vec reciprocal = vec_all(to->reciprocal);
    END_UNROLL
    for (int i = 0; i < way.many * BLOCK_VECS; i++, y += bytes) {
        const vec v = final(way, to, acc[i / BLOCK_VECS][i % BLOCK_VECS]);
        if (way.max) /* a bfloat16, which it was before */
            vec_u16_store(y, (vec_int)v >> 16);
        else
            narrowed(&to->y, v, reciprocal, y);
    }
}

/* Windows in a row, of which the last ones may be done twice; or one, in as many steps as it takes.
 */
TILE_INLINE void windows(struct row *r, enum narrow_type type, bool max, const struct window *w,
                         const struct result *to)
{
    const struct way many = {type, max, MANY}, one = {type, max, 1};
    const int64_t pixel = BLOCK * narrow_bytes(to->y.type);
    vec acc[MANY][BLOCK_VECS];
    for (int64_t i = 0; w->many > 1 && i < w->many; i += MANY) {
        const int64_t at = MIN(i, w->many - MANY);
        struct result next = *to;
        next.y.data = (uint8_t *)to->y.data + at * pixel;
        begin(many, acc);
        meet_columns(r, many, column_of(r, w->left + at * r->p->stride[1]), w->to, acc);
        end(many, &next, acc);
    }
    if (w->many > 1)
        return;
    begin(one, acc);
    for (int64_t k = w->from, n; k < w->to; k += n) {
        n = in_strip(r, w, k, max);
        meet_columns(r, one, column_of(r, w->left + k * r->p->dilation[1]), n, acc);
    }
    end(one, to, acc);
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

static int64_t largest(struct row *r, struct window *w, const struct narrow_data *y)
{
    const struct result to = {.y = *y};
    if (y->type == NARROW_U8)
        largest_u8(r, w, y->data);
    else
        windows(r, NARROW_F32, true, w, &to);
    return w->many;
}

/* ---- means ---- */

static int64_t places_of(const struct row *r, const struct window *w)
{
    return (r->to - r->from) * (w->to - w->from);
}

static void mean_of_bytes(struct row *r, const struct window *w, struct result *to)
{
    to->zeros = (int32_t)places_of(r, w) * r->p->x.zero;
    windows(r, NARROW_U8, false, w, to);
}

/* A window of more bytes than an int32 has room for the sum of: piece by piece, in one order. */
static void mean_in_pieces(struct row *r, const struct window *w, const struct result *to)
{
    _Alignas(64) float sums[BLOCK] = {0}, part[BLOCK];
    const int64_t last = r->to;
    struct result piece_to = {.y = {.type = NARROW_F32, .scale = 1, .data = part}, .factor = 1};
    for (; r->from < last; r->from++) {
        r->to = r->from + 1;
        r->strip_from = r->strip_to = 0;
        for (int64_t i = w->from; i < w->to; i += PIECE) {
            const struct window piece = {w->left, i, MIN(i + PIECE, w->to), 0, 1};
            mean_of_bytes(r, &piece, &piece_to);
            for (int lane = 0; lane < BLOCK; lane++)
                sums[lane] += part[lane];
        }
    }
    vec acc[MANY][BLOCK_VECS];
    for (int v = 0; v < BLOCK_VECS; v++)
        acc[0][v] = vec_load(sums + v * VEC);
    end((struct way){NARROW_F32, false, 1}, to, acc);
}

static int64_t means(struct row *r, struct window *w, const struct narrow_data *y)
{
    const bool bytes = r->p->x.type == NARROW_U8;
    struct result to = {.y = *y, .reciprocal = 1.0f / y->scale};
    if (w->counted)
        to.factor = (bytes ? r->p->x.scale : 1) / (float)w->counted;
    if (!bytes) {
        windows(r, NARROW_F32, false, w, &to);
    } else if (places_of(r, w) <= PIECE) {
        mean_of_bytes(r, w, &to);
    } else {
        struct row again = *r;
        w->many = 1;
        mean_in_pieces(&again, w, &to);
    }
    return w->many;
}

/* ---- rows ---- */

static void rows(const struct block_pool *p, bool max)
{
    const int64_t pixel = narrow_bytes(p->y.type) * BLOCK;
    struct narrow_data y = p->y;
    struct row r = {.p = p};
    for (int64_t row = 0; row < p->planes * p->out[0]; row++) {
        row_at(&r, row);
        for (int64_t j = 0, many; j < p->out[1]; j += many) {
            struct window w = windows_at(&r, j, p->out[1] - j, max);
            many = max ? largest(&r, &w, &y) : means(&r, &w, &y);
            y.data = (uint8_t *)y.data + many * pixel;
        }
    }
}

void ISA_NAME(block_max)(const struct block_pool *p)
{
    rows(p, true);
}

void ISA_NAME(block_average)(const struct block_pool *p)
{
    rows(p, false);
}
