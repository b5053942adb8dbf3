/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Running the tiles of an item, and what follows their sums. */
#include <math.h>

#include "kernels/narrow_priv.h"

/* What the tiles of a part share. Large, and written piece by piece. */
struct run {
    const struct narrow *c;
    const struct narrow_cut *k;
    int64_t image, group, block, blocks; /* output blocks [block, block + blocks) of the group */
    enum narrow_kind kind;
    enum narrow_cutting cutting;
    const uint8_t *next; /* weights of the next item */
    int64_t next_bytes;
    int64_t pixels;       /* of the next tile */
    const uint8_t *x;     /* of the image, or of the group */
    int64_t top;          /* its first row of positions */
    int64_t across, down; /* bytes from a position to the next, in its row and in its column */
    bool straight;        /* at[] is of positions side by side, from 0 on */
    struct narrow_tile tile;
    uint32_t list[NARROW_LISTED_MOST];
    _Alignas(64) uint8_t frame[NARROW_FRAME_BYTES];
    _Alignas(64) uint8_t deep[NARROW_DEEP_WORDS_MOST * 64];     /* weights of narrow_deep_pack */
    _Alignas(64) uint32_t sums[2 * NARROW_STRIP * BLOCK_LANES]; /* of two blocks, or flat */
};

/* Elements of x's type alone, and activations that keep a number within bounds? */
static bool is_alike(const struct narrow *c)
{
    const struct narrow_end *e = &c->end;
    return e->y.type == c->x.type && (!e->sum.data || e->sum.type == c->x.type) &&
           block_act_inline(e->epilogue.act);
}

/* What tiles of many positions roll up: results of float32, and the activation of transformers. */
static bool is_rolled(const struct run *r)
{
    const struct narrow *c = r->c;
    const struct narrow_end *e = &c->end;
    if (!narrow_listed(r->kind) || r->cutting != NARROW_TILE)
        return false;
    if (e->y.type == c->x.type)
        return e->epilogue.act == ACT_GELU && !e->sum.data;
    return e->y.type == NARROW_F32 && block_act_inline(e->epilogue.act) &&
           (!e->sum.data || e->sum.type == c->x.type || e->sum.type == NARROW_F32);
}

/* Can the tile's own end say all that follows the sums? */
static bool ends_in_tile(const struct run *r)
{
    const struct narrow *c = r->c;
    const struct narrow_end *e = &c->end;
    const bool bytes = c->x.type == NARROW_U8;
    if (!narrow_ends(r->kind) || bytes != (e->scale != NULL) || !(is_alike(c) || is_rolled(r)))
        return false;
    const float most = r->kind == NARROW_SUM_DEEP_VNNI ? NARROW_DEEP_MOST : -INT8_MIN;
    const int64_t terms = c->kernel[0] * c->kernel[1] * c->in_c;
    if (e->y.type == NARROW_U8 &&
        !narrow_bounded(e, r->tile.lane, r->blocks * BLOCK_LANES, (float)terms * UINT8_MAX * most))
        return false;
    const int blocks = r->cutting == NARROW_SINGLE ? 1 : r->k->shape.blocks;
    return r->blocks == blocks &&
           (c->form != NARROW_PRODUCT || (r->block + blocks) * BLOCK_LANES <= c->out_c);
}

/* Where elements go: of block `block` of the group, from position `at` on. */
static int64_t element(const struct run *r, int64_t block, int64_t at)
{
    const struct narrow *c = r->c;
    if (c->form == NARROW_PRODUCT)
        return at * c->out_c + block * BLOCK_LANES;
    block += (r->image * c->groups + r->group) * c->out_blocks;
    return (block * r->k->positions + at) * BLOCK_LANES;
}

/* All words of a position, in the order of the weights. */
static int64_t list_words(const struct narrow_tile *t, uint32_t *to)
{
    int64_t n = 0;
    for (int64_t ky = 0; ky < t->rows; ky++)
        for (int64_t kx = 0; kx < t->columns; kx++)
            for (int64_t b = 0; b < t->blocks; b++) {
                const int64_t at = ky * t->x_row + kx * t->x_column + b * t->x_block;
                const int64_t words = b + 1 < t->blocks ? t->words : t->last;
                uint32_t next = (uint32_t)at + NARROW_RUN - 1;
                for (int64_t k = 0; k < words / NARROW_RUN; k++, next += NARROW_RUN * 4)
                    to[n++] = next;
                if (words % NARROW_RUN)
                    to[n++] = next - NARROW_RUN + (uint32_t)(words % NARROW_RUN);
            }
    return n;
}

/* What the tile has from the convolution alone. */
static void begin(struct run *r)
{
    const struct narrow *c = r->c;
    const struct narrow_source *s = &r->k->x;
    struct narrow_tile *t = &r->tile;
    const bool rows = c->form == NARROW_PRODUCT;
    const int64_t all = narrow_words(c->x.type, c->in_c);
    r->across = c->stride[1] * s->pixel;
    r->down = c->stride[0] * s->columns * s->pixel;
    r->straight = false;
    t->end = NULL;
    t->type = s->type;
    t->rows = c->kernel[0];
    t->columns = c->kernel[1];
    t->x_row = c->dilation[0] * s->columns * s->pixel;
    t->x_column = c->dilation[1] * s->pixel;
    t->words = rows ? all : BLOCK_LANES / narrow_word(c->x.type);
    t->blocks = (all + t->words - 1) / t->words;
    t->last = all - (t->blocks - 1) * t->words;
    if (c->planes && c->dilation[1] == 1) { /* a row of a window is one run */
        t->words = t->last = t->columns;
        t->columns = 1;
    }
    t->x_block = s->rows * s->columns * s->pixel;
    t->sums_block = (r->k->flat ? 1 : (int)NARROW_STRIP) * BLOCK_LANES;
    t->y_step = rows ? c->out_c : BLOCK_LANES;
    t->y_block = rows ? BLOCK_LANES : r->k->positions * BLOCK_LANES;
    t->before = narrow_before(&c->end);
    const struct narrow_data *y = &c->end.y;
    const struct epilogue *act = &c->end.epilogue;
    if (y->type == NARROW_U8) {
        t->low = act->act == ACT_RELU   ? narrow_byte(y, 0)
                 : act->act == ACT_CLIP ? narrow_byte(y, act->low)
                                        : 0;
        t->high = act->act == ACT_CLIP && !isnan(act->high) ? narrow_byte(y, act->high) : UINT8_MAX;
    }
    t->list = r->list;
    t->listed = narrow_listed(r->k->kind) ? list_words(t, r->list) : 0;
}

/* And from the item. */
static void begin_item(struct run *r)
{
    const struct narrow *c = r->c;
    struct narrow_tile *t = &r->tile;
    const int64_t words = c->form == NARROW_DEPTHWISE ? 1 : narrow_words(c->x.type, c->in_c);
    t->lane = (r->group * c->out_blocks + r->block) * BLOCK_LANES;
    const int64_t w_block = c->kernel[0] * c->kernel[1] * words * BLOCK_LANES * 4;
    const bool copied = r->k->x.copied && !r->k->local;
    r->next = (const uint8_t *)c->w + (t->lane / BLOCK_LANES + r->k->shape.blocks) * w_block;
    r->next_bytes = r->k->shape.blocks * w_block;
    r->x = copied ? c->scratch : c->x.data;
    if (c->form != NARROW_PRODUCT)
        r->x +=
            ((copied ? 0 : r->image) * c->groups + r->group) * narrow_group_blocks(c) * t->x_block;
    for (int64_t b = 0; b < NARROW_BLOCKS_MOST; b++) {
        int64_t block = r->group * c->out_blocks + r->block + MIN(b, r->blocks - 1);
        t->w[b] = (const uint8_t *)c->w + block * w_block;
    }
    r->top = 0;
    r->kind = r->k->kind;
    r->pixels = r->k->shape.pixels;
    const bool single = r->blocks == 1 && narrow_listed(r->kind);
    r->cutting = r->k->flat ? NARROW_FLAT : single ? NARROW_SINGLE : NARROW_TILE;
}

/* The sums of positions [at, at + count) on their way out. */
static void finish(struct run *r, int64_t at, int64_t count)
{
    const struct narrow *c = r->c;
    for (int64_t b = 0; b < r->blocks; b++) {
        struct narrow_out o = {.sums = r->sums + b * r->tile.sums_block,
                               .integers = narrow_integers(r->kind),
                               .instruction =
                                   r->kind == NARROW_SUM_BF16 || r->kind == NARROW_SUM_DEEP_BF16,
                               .count = count,
                               .lanes = BLOCK_LANES,
                               .lane = r->tile.lane + b * BLOCK_LANES,
                               .to = element(r, r->block + b, at),
                               .step = r->tile.y_step};
        if (c->form == NARROW_PRODUCT)
            o.lanes = MIN((int64_t)BLOCK_LANES, c->out_c - o.lane);
        ISA_PICK(narrow_out)(&o, &c->end);
    }
}

/* Where the next tile begins, in rows of positions. */
struct spot {
    int64_t row, column;
};

static void spot_on(struct spot *s, int64_t count, int64_t columns)
{
    s->column += count;
    if (s->column == columns) {
        s->column = 0;
        s->row++;
    }
}

/* Where the next tile's positions begin; the spot goes on to the next one's. Most tiles stay within
 * a row: only x changes from one to the next. */
static void place(struct run *r, int64_t count, struct spot *spot)
{
    const int64_t pixels = r->pixels, columns = r->k->columns;
    int64_t at = spot->row * r->down + spot->column * r->across;
    const bool straight = count >= pixels && spot->column + count <= columns;
    r->tile.x = straight ? r->x + at : r->x;
    r->tile.count = count;
    if (straight) {
        for (int64_t p = 0; p < NARROW_PIXELS_MOST && !r->straight; p++)
            r->tile.at[p] = p * r->across;
        spot_on(spot, count, columns);
    } else {
        for (int64_t p = 0; p < pixels; p++) {
            r->tile.at[p] = p < count ? at : r->tile.at[p - 1];
            at += r->across;
            if (p >= count)
                continue;
            spot_on(spot, 1, columns);
            if (!spot->column)
                at = spot->row * r->down;
        }
    }
    r->straight = straight;
}

/* The first tiles of an item ask for the weights of the next one: those of late layers are more
 * than the second-level cache, and are read for a few tiles only. */
static void look_ahead(struct run *r)
{
    struct narrow_tile *t = &r->tile;
    const int64_t bytes = t->listed * NARROW_AHEAD * NARROW_LINE;
    t->ahead = r->next_bytes > 0 ? r->next : t->w[0];
    r->next += bytes;
    r->next_bytes -= bytes;
}

/* One position more than a tile has? */
static bool is_last(const struct run *r, int64_t left)
{
    return left == r->pixels + 1 && narrow_listed(r->kind) && r->cutting == NARROW_TILE;
}

/* How many positions the next tile goes over. Within a row many are one call, as soon as nothing
 * need be asked for: to begin and to end costs as much as the products of few channels. */
static int64_t count_of(const struct run *r, int64_t left, int64_t column)
{
    const int64_t pixels = r->pixels, row = MIN(left, r->k->columns - column);
    if (row < pixels || (r->next_bytes > 0 && narrow_listed(r->kind)))
        return pixels;
    if (!narrow_listed(r->kind))
        return row;
    const bool one = row == left && is_last(r, left % pixels + pixels);
    return MAX(row - row % pixels - one * pixels, pixels);
}

/* Tiles that say themselves what follows. Where they end. */
static int64_t whole_tiles(struct run *r, int64_t at, int64_t to, struct spot *spot)
{
    struct narrow_tile *t = &r->tile;
    t->end = &r->c->end;
    t->sums = r->sums;
    t->across = r->across;
    while (at + r->pixels <= to && !is_last(r, to - at)) {
        t->to = element(r, r->block, at);
        place(r, count_of(r, to - at, spot->column), spot);
        at += t->count;
        look_ahead(r);
        ISA_PICK(narrow_tile)(t, r->kind, r->cutting);
    }
    t->end = NULL;
    return at;
}

static void band(struct run *r, int64_t from, int64_t to)
{
    void (*const tile)(const struct narrow_tile *, enum narrow_kind, enum narrow_cutting) =
        ISA_PICK(narrow_tile);
    struct spot spot = {0, 0};
    int64_t at = from;
    if (from) { /* a division costs as much as a small tile */
        spot.row = from / r->k->columns - r->top;
        spot.column = from % r->k->columns;
    }
    if (ends_in_tile(r))
        at = whole_tiles(r, at, to, &spot);
    for (; at < to; at += NARROW_STRIP) {
        const int64_t count = MIN(to - at, (int64_t)NARROW_STRIP);
        for (int64_t p = 0; p < count; p += r->pixels) {
            if (is_last(r, count - p)) {
                r->cutting = NARROW_LAST;
                r->pixels++;
            }
            r->tile.sums = r->sums + p * BLOCK_LANES;
            place(r, MIN(count - p, r->pixels), &spot);
            look_ahead(r);
            tile(&r->tile, r->kind, r->cutting);
        }
        finish(r, at, count);
    }
}

/* The frame of positions [from, to), whole rows. */
static void frame(struct run *r, int64_t from, int64_t to)
{
    const struct narrow *c = r->c;
    const struct narrow_source *s = &r->k->x;
    const int64_t rows = (to - from) / c->out[1];
    r->top = from / c->out[1];
    narrow_frame(c, s, r->image * s->blocks + r->group, r->top * c->stride[0],
                 (rows - 1) * c->stride[0] + (c->kernel[0] - 1) * c->dilation[0] + 1, r->frame);
    r->x = r->frame;
}

/* Positions [from, to), whole rows, where windows are those that have a kernel of their own. */
static bool deep_rows(struct run *r, int64_t from, int64_t to)
{
    const struct narrow *c = r->c;
    const int64_t row = c->out[1];
    bool three = r->k->local && !c->end.sum.data && c->stride[0] == c->stride[1] &&
                 c->stride[0] <= 2 && row >= NARROW_ROWS_LEAST &&
                 r->k->x.columns * NARROW_ROWS_PIXEL <= NARROW_FRAME_BYTES &&
                 MIN(c->in[1], r->k->x.columns - c->pad[1]) >= NARROW_ROWS_LEAST;
    for (int d = 0; d < 2; d++)
        three = three && c->kernel[d] == 3 && c->dilation[d] == 1;
    if (!three || !ends_in_tile(r))
        return false;
    r->tile.x = (const uint8_t *)c->x.data +
                (r->image * c->groups + r->group) * c->in[0] * c->in[1] * BLOCK_LANES;
    r->tile.end = &c->end;
    r->tile.to = element(r, 0, from);
    const bool done = narrow_deep_rows(c, &r->tile, from / row, (to - from) / row, r->frame);
    r->tile.end = NULL;
    return done;
}

/* The weights of an item as tiles take them. */
static void deep_weights(struct run *r)
{
    r->tile.w[1] = r->deep;
    if (!narrow_deep_pack(r->c, r->group, r->deep))
        r->kind = NARROW_SUM_DEEP;
}

void narrow_products(const struct narrow *c, const struct narrow_cut *k, int64_t image,
                     int64_t item, int64_t to)
{
    struct run r;
    r.c = c;
    r.k = k;
    r.image = image;
    r.group = r.block = 0;
    int64_t at = 0;
    if (item) { /* as in band() */
        r.group = item / k->each % c->groups;
        r.block = item % k->each * k->shape.blocks;
        at = item / k->each / c->groups * k->step;
    }
    begin(&r);
    for (; item < to; item++) {
        const int64_t end = MIN(at + k->step, k->positions);
        r.blocks = MIN((int64_t)k->shape.blocks, c->out_blocks - r.block);
        begin_item(&r);
        const bool deep = r.kind == NARROW_SUM_DEEP_VNNI, done = deep && deep_rows(&r, at, end);
        if (deep && !done)
            deep_weights(&r);
        if (k->local && !done)
            frame(&r, at, end);
        if (!done)
            band(&r, at, end);
        r.block += k->shape.blocks;
        if (r.block >= c->out_blocks) {
            r.block = 0;
            r.group++;
        }
        if (r.group == c->groups) {
            r.group = 0;
            at = end;
        }
    }
}
