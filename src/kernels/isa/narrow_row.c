/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Products of one row, where the processor has the instruction for them. Nothing is read twice but
 * the row itself, which stays in the first-level cache: what counts is how soon the weights come,
 * and how little stands between two products of a network that is a microsecond long. So there is
 * no list of words and no tile; sums go on to be elements of any type while they are in registers.
 * Compiled without contraction (cmake/Isa.cmake): of bytes the same bits come out at every level.
 */
#include "kernels/isa/narrow_end.h"

#if ISA_LEVEL == 2

#include "kernels/act_priv.h"

enum {
    WORD = 4,    /* bytes */
    CHAINS = 4,  /* parts of a sum, or a product would wait for the one before it */
    STREAMS = 4, /* panels that are read at once from memory */
};

typedef int32_t word_any __attribute__((aligned(1), may_alias));
typedef vec_int vec_int_any __attribute__((aligned(1)));

/* What the panels of a run share. Held apart from the run: y might be anything, and what is behind
 * a pointer would be read anew after each store. */
struct row {
    const struct narrow *c;
    const uint8_t *x;
    int64_t words, rest; /* whole words of x, bytes behind them */
    int32_t last;        /* these; what is behind them meets weights of 0 */
    int64_t panel;       /* bytes of the weights */
    int64_t plain;       /* panels before it end as end_plain has them */
    uint8_t *y;
    int32_t zero;   /* y's */
    vec before;     /* narrow_before */
    vec reciprocal; /* of y's scale, where that is not in before */
    struct bounds kept;
};

/* Weights are read by the instruction itself: what is on its way at once decides. */
TILE_INLINE vec_int dot(vec_int acc, vec_int x, const uint8_t *w, const bool bytes)
{
    if (bytes)
        __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "m"(*(const vec_int_any *)w));
    else
        __asm__("vdpbf16ps %2, %1, %0" : "+v"(acc) : "v"(x), "m"(*(const vec_int_any *)w));
    return acc;
}

TILE_INLINE vec_int added(vec_int a, vec_int b, const bool bytes)
{
    if (bytes)
        return a + b;
    return (vec_int)((vec)a + (vec)b);
}

/* One word by `many` panels. */
TILE_INLINE void step(const struct row *r, int32_t word, const uint8_t *w, const int many,
                      const bool bytes, vec_int acc[STREAMS])
{
    const vec_int x = word - (vec_int){0};
    TILE_UNROLL
    for (int p = 0; p < many; p++)
        acc[p] = dot(acc[p], x, w + p * r->panel, bytes);
}

/* The sums of `many` panels that begin at w, as numbers. */
TILE_INLINE void sums_of(const struct row *r, const uint8_t *w, const int many, const bool bytes,
                         vec sums[STREAMS])
{
    const int chains = many == 1 ? CHAINS : 2;
    const uint8_t *x = r->x;
    vec_int acc[CHAINS][STREAMS];
    int64_t k = 0;
    TILE_UNROLL
    for (int i = 0; i < chains * many; i++)
        acc[i / many][i % many] = (vec_int){0};
    for (; k + chains <= r->words; k += chains) {
        TILE_UNROLL
        for (int i = 0; i < chains; i++, x += WORD, w += BLOCK * WORD)
            step(r, *(const word_any *)x, w, many, bytes, acc[i]);
    }
    for (; k < r->words; k++, x += WORD, w += BLOCK * WORD)
        step(r, *(const word_any *)x, w, many, bytes, acc[0]);
    if (r->rest)
        step(r, r->last, w, many, bytes, acc[0]);
    TILE_UNROLL
    for (int p = 0; p < many; p++) {
        TILE_UNROLL
        for (int i = 1; i < chains; i++)
            acc[0][p] = added(acc[0][p], acc[i][p], bytes);
        sums[p] = (vec)acc[0][p];
        if (bytes)
            sums[p] = __builtin_convertvector(acc[0][p], vec);
    }
}

/* All of narrow_end, of the 16 lanes that begin at `lane`; y and sum may have fewer. */
static __attribute__((noinline)) void end_any(const struct row *r, int64_t lane, vec v)
{
    const struct narrow_end *e = &r->c->end;
    const int64_t lanes = MIN((int64_t)BLOCK, r->c->out_c - lane);
    const int64_t sum_bytes = narrow_bytes(e->sum.type), y_bytes = narrow_bytes(e->y.type);
    _Alignas(64) uint8_t room[BLOCK * sizeof(float)] = {0};
    float *const floats = (float *)(void *)room;
    /* -0 adds nothing. */
    v = vec_once(v, (e->scale ? vec_load(e->scale + lane) : vec_all(1)) * r->before,
                 (e->bias ? vec_load(e->bias + lane) : vec_all(-0.0f)) * r->before);
    if (e->sum.data) {
        const uint8_t *from = (const uint8_t *)e->sum.data + lane * sum_bytes;
        memcpy(room, from, (size_t)(lanes * sum_bytes));
        v = vec_once(widened(e->sum.type, e->sum.zero, room),
                     (e->sum.type == NARROW_U8 ? vec_all(e->sum.scale) : vec_all(1)) * r->before,
                     v);
    }
    v = vec_clamp(v, r->kept.low, r->kept.high);
    if (!block_act_inline(e->epilogue.act)) {
        vec_store(floats, v);
        ISA_NAME(act_row)(&e->epilogue, floats, BLOCK);
        v = vec_load(floats);
    }
    narrowed(&e->y, v, r->reciprocal, room);
    memcpy((uint8_t *)e->y.data + lane * y_bytes, room, (size_t)(lanes * y_bytes));
}

/* What most panels of a network end in: y of x's type, and nothing to add but the bias. */
TILE_INLINE void end_plain(const struct row *r, int64_t lane, vec v, const bool bytes)
{
    const struct narrow_end *e = &r->c->end;
    if (bytes) {
        v = vec_once(v, vec_load(e->scale + lane) * r->before,
                     vec_load(e->bias + lane) * r->before);
        v = vec_clamp(v, r->kept.low, r->kept.high);
        vec_u8_store(r->y + lane, vec_round(v) + r->zero);
    } else {
        v = vec_clamp(v + vec_load(e->bias + lane), r->kept.low, r->kept.high);
        const vec both[] = {v, v};
        _mm256_storeu_si256((__m256i *)(void *)(r->y + 2 * lane),
                            _mm512_castsi512_si256(halves_of_two(both)));
    }
}

TILE_INLINE void panels(const struct row *r, int64_t from, int64_t to, const bool bytes)
{
    const uint8_t *w = (const uint8_t *)r->c->w + from * r->panel;
    vec sums[STREAMS];
    /* Weights from memory come sooner as several streams, those in the cache as one. */
    if (r->panel * r->c->out_blocks > NARROW_NEAR_BYTES)
        for (; from + STREAMS <= to; from += STREAMS, w += STREAMS * r->panel) {
            sums_of(r, w, STREAMS, bytes, sums);
            for (int p = 0; p < STREAMS; p++)
                end_any(r, (from + p) * BLOCK, sums[p]);
        }
    for (; from < to; from++, w += r->panel) {
        sums_of(r, w, 1, bytes, sums);
        if (from < r->plain)
            end_plain(r, from * BLOCK, sums[0], bytes);
        else
            end_any(r, from * BLOCK, sums[0]);
    }
}

/* Do panels of 16 columns end as end_plain has it? */
static bool ends_plain(const struct narrow *c)
{
    const struct narrow_end *e = &c->end;
    const bool bytes = c->x.type == NARROW_U8;
    return e->y.type == c->x.type && !e->sum.data && e->bias && bytes == (e->scale != NULL) &&
           block_act_inline(e->epilogue.act) && (!bytes || isfinite(512 * e->y.scale));
}

void narrow_row(const struct narrow *c, int64_t from, int64_t to)
{
    const struct narrow_end *e = &c->end;
    const bool bytes = c->x.type == NARROW_U8, plain = ends_plain(c);
    const int64_t x_bytes = c->in_c * narrow_bytes(c->x.type);
    const float before = narrow_before(e);
    struct row r = {.c = c,
                    .x = c->x.data,
                    .words = x_bytes / WORD,
                    .rest = x_bytes % WORD,
                    .panel = (x_bytes + WORD - 1) / WORD * BLOCK * WORD,
                    .plain = plain ? c->out_c / BLOCK : 0,
                    .y = e->y.data,
                    .zero = e->y.zero,
                    .kept = bounds_of(e),
                    .before = vec_all(before),
                    .reciprocal = vec_all(before != 1              ? 1
                                          : e->y.type == NARROW_U8 ? 1 / e->y.scale
                                                                   : 0)};
    if (r.rest)
        memcpy(&r.last, r.x + r.words * WORD, (size_t)r.rest);
    if (plain && bytes)
        r.kept = bounds_of_bytes(r.kept, 1);
    if (bytes)
        panels(&r, from, to, true);
    else
        panels(&r, from, to, false);
}

#endif
