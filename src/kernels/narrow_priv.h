/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The parts of a run of low precision. One function per level makes the sums of a tile, a few
 * positions by one or more blocks of 16 outputs, another takes them out; what runs which tile is
 * the same for all levels. */
#ifndef ROOST_KERNELS_NARROW_PRIV_H
#define ROOST_KERNELS_NARROW_PRIV_H

#include "kernels/blocked_priv.h"
#include "kernels/narrow.h"

enum {
    NARROW_PIXELS_MOST = 9,
    NARROW_BLOCKS_MOST = 4,
    NARROW_RUN = 4,
    NARROW_LISTED_MOST = 4096,
    NARROW_AHEAD = 2,
    NARROW_LINE = 64, /* bytes of the cache */
    NARROW_FRAME_BYTES = 28 * 1024,
    /* Weights of one position's product that count as near. Those from memory come sooner as
     * several streams, these as one. */
    NARROW_NEAR_BYTES = 256 * 1024,
    NARROW_STRIP = 40, /* positions whose sums go out at once: whole tiles of every level */
};

/* How a tile's sums are made. */
enum narrow_kind {
    NARROW_SUM_U8,   /* bytes by int8, sums int32 */
    NARROW_SUM_F32,  /* float32 by bfloat16, sums float32, as are the rest's */
    NARROW_SUM_DEEP, /* depthwise: x by float32 */
    NARROW_SUM_VNNI, /* as U8, with the instruction for it: at the widest level only, as is ... */
    NARROW_SUM_BF16, /* bfloat16 by bfloat16 */
    NARROW_SUM_DEEP_VNNI,
    NARROW_SUM_DEEP_BF16,
    NARROW_KINDS
};

static inline bool narrow_integers(enum narrow_kind kind)
{
    return kind == NARROW_SUM_U8 || kind == NARROW_SUM_VNNI || kind == NARROW_SUM_DEEP_VNNI;
}

/* Sums of these kinds are as quick as all around them is: their tiles are told by a list what to
 * read. */
static inline bool narrow_listed(enum narrow_kind kind)
{
    return kind == NARROW_SUM_VNNI || kind == NARROW_SUM_BF16;
}

/* The tiles of these may say themselves what follows. */
static inline bool narrow_ends(enum narrow_kind kind)
{
    return narrow_listed(kind) || kind == NARROW_SUM_DEEP_VNNI || kind == NARROW_SUM_DEEP_BF16;
}

/* A position's input begins at x + at[p], from where kernel places stand x_row and x_column bytes
 * apart, and in each of them `blocks` runs of `words` words (the last run: last), x_block bytes
 * apart. The weights of an output block are read from front to back. Depthwise: no runs, each place
 * 16 lanes of `type`. */
struct narrow_tile {
    const uint8_t *x;
    enum narrow_type type;
    int64_t at[NARROW_PIXELS_MOST];
    const uint8_t *w[NARROW_BLOCKS_MOST];
    int64_t rows, columns, x_row, x_column;
    int64_t blocks, words, last, x_block;
    /* All this of narrow_listed kinds: 1 to NARROW_RUN words that follow each other, at so many
     * bytes, a multiple of 4, + their number - 1. */
    const uint32_t *list;
    int64_t listed;
    const uint8_t
        *ahead;     /* NARROW_AHEAD lines of it are asked for with each of these; any address */
    uint32_t *sums; /* [position][16], 64-byte aligned; of the next output block: sums_block on */
    int64_t sums_block;
    /* narrow_ends kinds only. Not NULL: sums go on to be elements [to, to + 16) of y, of the next
     * position y_step and of the next output block y_block elements on, and what is in `sums` is
     * spoilt. lane: of scale and bias, of the first block. */
    const struct narrow_end *end;
    int64_t to, y_step, y_block, lane;
    /* So many positions follow each other, `across` bytes apart; where they are one tile only,
     * at[] says where they are. */
    int64_t count, across;
    uint8_t low, high; /* of bytes: what the activation's bounds are */
    float before;      /* narrow_before */
};

/* Positions by output blocks that tiles have. All are computed: at and w of those that are not
 * wanted repeat others. */
enum narrow_cutting {
    NARROW_TILE,   /* narrow_shape_of */
    NARROW_LAST,   /* one position more: narrow_listed kinds only, as is ... */
    NARROW_SINGLE, /* as many positions as a tile by one block */
    NARROW_FLAT,   /* one position by NARROW_BLOCKS_MOST: CPU_AVX2 and on, U8 and F32 only */
    NARROW_CUTTINGS
};
struct narrow_shape {
    int pixels, blocks;
};
static inline struct narrow_shape narrow_shape_of(enum cpu_level level)
{
    return level == CPU_AVX512 ? (struct narrow_shape){8, 2}
                               : (struct narrow_shape){level == CPU_AVX2 ? 5 : 2, 1};
}
ISA_EACH(void, narrow_tile,
         (const struct narrow_tile *t, enum narrow_kind kind, enum narrow_cutting cutting));
ISA_EACH(void, narrow_deep, (const struct narrow_tile *t));
void narrow_deep_vnni(const struct narrow_tile *t); /* CPU_AVX512 only, as is ... */
void narrow_deep_bf16(const struct narrow_tile *t);

/* Output rows [first, first + count) of a block of depthwise windows of three by three without
 * gaps, strides 1 or 2 and equal, of at least NARROW_ROWS_LEAST positions a row, over as many of
 * the image's columns. t: x, the plane's first pixel; w[0]; end and what goes with it, that has no
 * sum. room: two pixels of 64 bytes for each column that windows read, 64-byte aligned. False when
 * weights are no whole numbers up to NARROW_DEEP_MOST. */
enum { NARROW_ROWS_LEAST = 4, NARROW_ROWS_PIXEL = 2 * 64 };
bool narrow_deep_rows(const struct narrow *c, const struct narrow_tile *t, int64_t first,
                      int64_t count, uint8_t *room) WARN_UNUSED;

/* Sums within +-most of lanes [lane, + lanes), whole blocks: are they on their way to bytes never
 * beyond what an int32 holds, so that nothing need look? */
bool narrow_bounded(const struct narrow_end *e, int64_t lane, int64_t lanes, float most);

/* Panels [from, to) of the product of one row, bytes or bfloat16: CPU_AVX512 with VNNI or BF16
 * only. It reads no scratch. */
void narrow_row(const struct narrow *c, int64_t from, int64_t to);

/* DEEP_VNNI: weights as the tile takes them, in w[1]: of each kernel row and each NARROW_RUN of its
 * columns one word of 16 channels of low bytes, then one of high bytes; w is high <<
 * NARROW_LOW_BITS
 * + low. False when they do not fit, as those beyond NARROW_DEEP_MOST. */
enum { NARROW_LOW_BITS = 7, NARROW_DEEP_MOST = 16000, NARROW_DEEP_WORDS_MOST = 64 };
bool narrow_deep_pack(const struct narrow *c, int64_t block, uint8_t *to) WARN_UNUSED;

/* What x is to the tiles: as it was given, or the copy. */
struct narrow_source {
    bool copied;
    enum narrow_type type;
    int64_t rows, columns; /* of one block, of those that are read at least */
    int64_t pixel;         /* bytes from pixel to pixel */
    int64_t blocks;        /* of all groups */
};

/* How one image's positions are dealt out. */
struct narrow_cut {
    struct narrow_source x;
    enum narrow_kind kind;
    struct narrow_shape shape;      /* of the tiles */
    bool flat, local;               /* local: x is copied band by band, where it is read */
    int64_t positions, step, bands; /* step: of a band */
    int64_t columns;                /* of a row of positions, as they are walked */
    int64_t each;                   /* items of a band and group */
};

/* Of the input, in one group. */
static inline int64_t narrow_group_blocks(const struct narrow *c)
{
    return c->form == NARROW_DEPTHWISE ? 1 : block_count(c->in_c);
}

/* Pieces of at most NARROW_RUN words. */
static inline int64_t narrow_runs(int64_t words)
{
    return (words + NARROW_RUN - 1) / NARROW_RUN;
}

/* Rows [first, first + count) of the frame of block `block` of all images. */
void narrow_frame(const struct narrow *c, const struct narrow_source *s, int64_t block,
                  int64_t first, int64_t count, uint8_t *to);

/* Items [item, to) of the products of an image. */
void narrow_products(const struct narrow *c, const struct narrow_cut *k, int64_t image,
                     int64_t item, int64_t to);

/* Sums of one block on their way out: position i's go to elements [to + i * step, + lanes) of y.
 * They are spoilt. */
struct narrow_out {
    uint32_t *sums; /* [count][16], int32 or float32, 64-byte aligned */
    bool integers;
    bool instruction;     /* bfloat16 by the instruction for it */
    int64_t count, lanes; /* at most NARROW_STRIP, 16 */
    int64_t lane;         /* of scale and bias */
    int64_t to, step;
};
/* Elements [from, from + n) of x as float32; bytes as the numbers that they are. n: a multiple of
 * 16. */
ISA_EACH(void, narrow_widen, (const struct narrow_data *x, int64_t from, int64_t n, float *to));
ISA_EACH(void, narrow_out, (const struct narrow_out *o, const struct narrow_end *e));
/* Bytes into bytes or bfloat16 into bfloat16, with scale and bias, without sum, activations as of
 * block_act_inline. */
ISA_EACH(void, narrow_scale, (const struct narrow_scale *s));

/* What is multiplied before the end, so that its numbers need only be rounded: see narrow_end. */
static inline float narrow_before(const struct narrow_end *e)
{
    return e->y.type == NARROW_U8 && block_act_inline(e->epilogue.act) ? 1.0f / e->y.scale : 1;
}

/* The byte that v becomes; of a NaN the least. */
uint8_t narrow_byte(const struct narrow_data *d, float v);

/* The specification of what follows a sum v of lane `lane` on its way to element i of y. */
void narrow_finish_ref(const struct narrow_end *e, float v, int64_t lane, int64_t i);

#endif
