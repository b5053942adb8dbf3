/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A layered layout. Each box stands in the layer below its lowest predecessor; a line that passes
 * layers has a bend in each; the order within layers follows the middle of the neighbours, down and
 * up in turns; then every layer is placed so that the sum of squared distances from where its boxes
 * want to be is least, without an overlap. Time and memory are bounded by the number of bends,
 * which is bounded: when lines are too many or too long, the longest go straight. source: Sugiyama,
 * Tagawa, Toda 1981; the placing is isotonic regression by pooling neighbours. */
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/graph/picture.h"

enum {
    BENDS_MAX = 1 << 16,
    ORDER_SWEEPS = 12,
    PLACE_SWEEPS = 25,
    BEND_WEIGHT = 6, /* how much more a bend than a box resists to leave its line */
    /* Pixels. */
    CHAR = 8,
    SMALL_CHAR = 6,
    PAD = 14,
    BOX_LEAST = 84,
    TITLE_H = 24,
    LINE_H = 15,
    GAP_X = 26,
    BEND_W = 12,
    GAP_Y = 46,
};

/* A box or a bend. */
struct spot {
    uint32_t layer;
    double x, w, h, wish;
    double over; /* how far the words below a box reach beyond its right edge */
    double key;  /* while ordering */
    bool bend;
};

/* A piece of a line, from one layer to the next. */
struct piece {
    uint32_t up, down;
};

struct layout {
    struct spot *spots; /* boxes first, then bends */
    uint32_t n_spots, n_layers;
    struct piece *pieces;
    uint32_t n_pieces;
    uint32_t *above, *below; /* by spot: first of its pieces in by_down, by_up; n_spots + 1 */
    uint32_t *by_down, *by_up;
    uint32_t *order, *first; /* spots layer after layer; by layer: where it begins; n_layers + 1 */
    uint32_t *place;         /* by spot: its place in its layer */
    struct block *blocks;    /* while placing */
};

struct block {
    double wish, weight;
    uint32_t count;
};

static void layout_fini(struct layout *l)
{
    alloc_free(l->spots);
    alloc_free(l->pieces);
    alloc_free(l->above);
    alloc_free(l->below);
    alloc_free(l->by_down);
    alloc_free(l->by_up);
    alloc_free(l->order);
    alloc_free(l->first);
    alloc_free(l->place);
    alloc_free(l->blocks);
}

/* ---- layers ---- */

static double text_width(const char *s, double each)
{
    return each * picture_chars(s);
}

static void size_box(struct picture_node *n)
{
    double w = text_width(n->title, CHAR);
    w = MAX(w, text_width(n->name, SMALL_CHAR));
    for (int i = 0; i < n->n_consts; i++)
        w = MAX(w, text_width(n->consts[i], SMALL_CHAR));
    n->w = MAX(w + 2 * PAD, BOX_LEAST);
    int lines = n->n_consts + (*n->name != 0);
    n->h = TITLE_H + (lines ? lines * LINE_H + 5 : 0);
}

/* The words below a box begin beside the line from its middle. */
static double beyond(const struct picture_node *n)
{
    return MAX(PAD / 2.0 + text_width(n->result, SMALL_CHAR) - n->w / 2, 0);
}

/* Longest path from above; what nothing stands above then moves down to just above its use. */
static uint32_t set_layers(const struct picture *pic, struct spot *spots)
{
    uint32_t layers = 1;
    for (uint32_t i = 0; i < pic->n_edges; i++) { /* in the order of `to`: from is final */
        const struct picture_edge *e = &pic->edges[i];
        spots[e->to].layer = MAX(spots[e->to].layer, spots[e->from].layer + 1);
        layers = MAX(layers, spots[e->to].layer + 1);
        spots[e->to].bend = true; /* for now: something stands above it */
    }
    for (uint32_t i = 0; i < pic->n_nodes; i++)
        spots[i].wish = (double)layers;
    for (uint32_t i = 0; i < pic->n_edges; i++) {
        struct spot *from = &spots[pic->edges[i].from];
        from->wish = MIN(from->wish, (double)spots[pic->edges[i].to].layer);
    }
    for (uint32_t i = 0; i < pic->n_nodes; i++) {
        if (!spots[i].bend && spots[i].wish < (double)layers)
            spots[i].layer = (uint32_t)spots[i].wish - 1;
        spots[i].bend = false;
    }
    return layers;
}

static uint32_t span(const struct spot *spots, const struct picture_edge *e)
{
    return spots[e->to].layer - spots[e->from].layer;
}

/* Lines that pass more layers than this have no bends, so that all together have few enough. */
static uint32_t longest_bent(const struct picture *pic, const struct spot *spots)
{
    uint32_t most = UINT32_MAX;
    for (;;) {
        uint64_t bends = 0;
        uint32_t longest = 0;
        for (uint32_t i = 0; i < pic->n_edges; i++) {
            uint32_t n = span(spots, &pic->edges[i]);
            if (n > most)
                continue;
            bends += n - 1;
            longest = MAX(longest, n);
        }
        if (bends <= BENDS_MAX)
            return most;
        most = longest / 2;
    }
}

/* ---- pieces ---- */

static bool alloc_layout(struct layout *l, const struct picture *pic, uint32_t bends)
{
    uint32_t spots = pic->n_nodes + bends, pieces = pic->n_edges + bends;
    struct spot *more = alloc_grow(l->spots, spots * sizeof(*more));
    if (more) {
        l->spots = more;
        memset(more + pic->n_nodes, 0, bends * sizeof(*more));
    }
    l->pieces = alloc_new(pieces * sizeof(*l->pieces));
    l->above = alloc_zero((size_t)spots + 2, sizeof(uint32_t));
    l->below = alloc_zero((size_t)spots + 2, sizeof(uint32_t));
    l->by_down = alloc_new(pieces * sizeof(uint32_t));
    l->by_up = alloc_new(pieces * sizeof(uint32_t));
    l->order = alloc_new(spots * sizeof(uint32_t));
    l->place = alloc_new(spots * sizeof(uint32_t));
    l->first = alloc_zero((size_t)l->n_layers + 2, sizeof(uint32_t));
    l->blocks = alloc_new(spots * sizeof(*l->blocks));
    return more && l->pieces && l->above && l->below && l->by_down && l->by_up && l->order &&
           l->place && l->first && l->blocks;
}

static void cut_lines(struct layout *l, struct picture *pic, uint32_t most)
{
    l->n_spots = pic->n_nodes;
    for (uint32_t i = 0; i < pic->n_edges; i++) {
        struct picture_edge *e = &pic->edges[i];
        uint32_t n = span(l->spots, e), last = e->from;
        e->first_bend = l->n_spots - pic->n_nodes;
        e->n_bends = n <= most ? n - 1 : 0;
        for (uint32_t k = 0; k < e->n_bends; k++) {
            l->spots[l->n_spots] =
                (struct spot){.layer = l->spots[e->from].layer + 1 + k, .w = BEND_W, .bend = true};
            l->pieces[l->n_pieces++] = (struct piece){last, l->n_spots};
            last = l->n_spots++;
        }
        if (n <= most)
            l->pieces[l->n_pieces++] = (struct piece){last, e->to};
    }
}

/* Lists the pieces by their ends: counted, summed up, filled in. */
static void index_pieces(struct layout *l)
{
    for (uint32_t i = 0; i < l->n_pieces; i++) {
        l->above[l->pieces[i].down + 2]++;
        l->below[l->pieces[i].up + 2]++;
    }
    for (uint32_t i = 2; i < l->n_spots + 2; i++) {
        l->above[i] += l->above[i - 1];
        l->below[i] += l->below[i - 1];
    }
    for (uint32_t i = 0; i < l->n_pieces; i++) {
        l->by_down[l->above[l->pieces[i].down + 1]++] = l->pieces[i].up;
        l->by_up[l->below[l->pieces[i].up + 1]++] = l->pieces[i].down;
    }
}

static void fill_layers(struct layout *l)
{
    for (uint32_t i = 0; i < l->n_spots; i++)
        l->first[l->spots[i].layer + 2]++;
    for (uint32_t i = 2; i < l->n_layers + 2; i++)
        l->first[i] += l->first[i - 1];
    for (uint32_t i = 0; i < l->n_spots; i++) {
        uint32_t at = l->first[l->spots[i].layer + 1]++;
        l->order[at] = i;
        l->place[i] = at - l->first[l->spots[i].layer];
    }
}

/* ---- order ---- */

/* The spots above (or below) s: *n of them. */
static const uint32_t *neighbours(const struct layout *l, uint32_t s, bool up, uint32_t *n)
{
    const uint32_t *begin = up ? l->above : l->below;
    *n = begin[s + 1] - begin[s];
    return (up ? l->by_down : l->by_up) + begin[s];
}

static const struct spot *sorted_spots; /* qsort has no argument for it; one thread draws */

static int by_key(const void *a, const void *b)
{
    uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
    double x = sorted_spots[i].key, y = sorted_spots[k].key;
    return x < y ? -1 : x > y ? 1 : i < k ? -1 : i > k;
}

static void order_layer(struct layout *l, uint32_t layer, bool up)
{
    uint32_t *row = l->order + l->first[layer], count = l->first[layer + 1] - l->first[layer];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t n;
        const uint32_t *near = neighbours(l, row[i], up, &n);
        double sum = 0;
        for (uint32_t k = 0; k < n; k++)
            sum += l->place[near[k]];
        l->spots[row[i]].key = n ? sum / n : i;
    }
    sorted_spots = l->spots;
    qsort(row, count, sizeof(*row), by_key);
    for (uint32_t i = 0; i < count; i++)
        l->place[row[i]] = i;
}

static void order_layers(struct layout *l)
{
    for (int sweep = 0; sweep < ORDER_SWEEPS; sweep++)
        for (uint32_t k = 1; k < l->n_layers; k++)
            order_layer(l, sweep % 2 ? l->n_layers - 1 - k : k, sweep % 2 == 0);
}

/* ---- places ---- */

static double apart(const struct spot *a, const struct spot *b)
{
    return (a->w + b->w) / 2 + a->over + (a->bend && b->bend ? BEND_W / 2.0 : GAP_X);
}

/* Wishes, less the room that those to the left take, must rise: neighbours for whom they fall are
 * pooled and stand together where their mean is. */
static void place_layer(struct layout *l, uint32_t layer)
{
    const uint32_t *row = l->order + l->first[layer];
    uint32_t count = l->first[layer + 1] - l->first[layer], n = 0;
    double room = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct spot *s = &l->spots[row[i]];
        room += i ? apart(&l->spots[row[i - 1]], s) : 0;
        s->key = room;
        l->blocks[n++] = (struct block){s->wish - room, s->bend ? BEND_WEIGHT : 1, 1};
        while (n > 1 && l->blocks[n - 2].wish > l->blocks[n - 1].wish) {
            struct block *a = &l->blocks[n - 2], *b = &l->blocks[n - 1];
            a->wish = (a->wish * a->weight + b->wish * b->weight) / (a->weight + b->weight);
            a->weight += b->weight;
            a->count += b->count;
            n--;
        }
    }
    for (uint32_t b = 0, i = 0; b < n; b++)
        for (uint32_t k = 0; k < l->blocks[b].count; k++, i++)
            l->spots[row[i]].x = l->blocks[b].wish + l->spots[row[i]].key;
}

/* To the middle of the neighbours on one side; without any there, on the other. */
static void wish_layer(struct layout *l, uint32_t layer, bool up)
{
    for (uint32_t i = l->first[layer]; i < l->first[layer + 1]; i++) {
        struct spot *s = &l->spots[l->order[i]];
        uint32_t n;
        const uint32_t *near = neighbours(l, l->order[i], up, &n);
        if (!n)
            near = neighbours(l, l->order[i], !up, &n);
        double sum = 0;
        for (uint32_t k = 0; k < n; k++)
            sum += l->spots[near[k]].x;
        s->wish = n ? sum / n : s->x;
    }
}

static void place_layers(struct layout *l)
{
    for (uint32_t i = 0; i < l->n_spots; i++)
        l->spots[i].wish = 0;
    for (uint32_t k = 0; k < l->n_layers; k++)
        place_layer(l, k);
    for (int sweep = 0; sweep < PLACE_SWEEPS; sweep++) /* the last goes down: chains are straight */
        for (uint32_t k = 0; k < l->n_layers; k++) {
            uint32_t layer = sweep % 2 ? l->n_layers - 1 - k : k;
            wish_layer(l, layer, sweep % 2 == 0);
            place_layer(l, layer);
        }
}

/* ---- result ---- */

/* Gives boxes and bends their pixels, the leftmost at 0. */
static void hand_over(const struct layout *l, struct picture *pic)
{
    double left = 0, right = -DBL_MAX, y = 0;
    for (uint32_t i = 0; i < l->n_spots; i++) {
        const struct spot *s = &l->spots[i];
        left = i ? MIN(left, s->x - s->w / 2) : s->x - s->w / 2;
        right = MAX(right, s->x + s->w / 2 + s->over);
    }
    for (uint32_t k = 0; k < l->n_layers; k++) {
        double tallest = 0;
        for (uint32_t i = l->first[k]; i < l->first[k + 1]; i++)
            tallest = MAX(tallest, l->spots[l->order[i]].h);
        for (uint32_t i = l->first[k]; i < l->first[k + 1]; i++) {
            uint32_t s = l->order[i];
            double x = l->spots[s].x - left;
            if (s >= pic->n_nodes) {
                pic->bends[s - pic->n_nodes] = (struct picture_point){x, y + tallest / 2};
                continue;
            }
            pic->nodes[s].x = x;
            pic->nodes[s].y = y + (tallest - pic->nodes[s].h) / 2;
        }
        y += tallest + GAP_Y;
    }
    pic->width = right - left;
    pic->height = MAX(y - GAP_Y, 0);
}

enum status picture_layout(struct picture *pic)
{
    struct layout l = {.spots = alloc_zero(pic->n_nodes, sizeof(*l.spots))};
    uint64_t bends = 0;
    if (!l.spots)
        return E_NO_MEMORY;
    for (uint32_t i = 0; i < pic->n_nodes; i++)
        size_box(&pic->nodes[i]);
    l.n_layers = set_layers(pic, l.spots);
    for (uint32_t i = 0; i < pic->n_nodes; i++) {
        l.spots[i].w = pic->nodes[i].w;
        l.spots[i].h = pic->nodes[i].h;
        l.spots[i].over = beyond(&pic->nodes[i]);
    }
    uint32_t most = longest_bent(pic, l.spots);
    for (uint32_t i = 0; i < pic->n_edges; i++)
        if (span(l.spots, &pic->edges[i]) <= most)
            bends += span(l.spots, &pic->edges[i]) - 1;
    pic->bends = alloc_zero(bends, sizeof(*pic->bends));
    bool room = pic->bends && alloc_layout(&l, pic, (uint32_t)bends);
    if (room) {
        cut_lines(&l, pic, most);
        index_pieces(&l);
        fill_layers(&l);
        order_layers(&l);
        place_layers(&l);
        hand_over(&l, pic);
    }
    layout_fini(&l);
    return room ? OK : E_NO_MEMORY;
}
