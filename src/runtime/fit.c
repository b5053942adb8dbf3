/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Places roots one after the other, each in a gap between those placed before it that live at the
 * same time. No order is best for every graph, so when the largest-first one does not reach the
 * lower bound (the most bytes alive at one step) others are tried and the best is kept; which one
 * that is depends on the sizes and lifetimes alone.
 *
 * Who lives at the same time is asked of an implicit tree over the roots by first step: the middle
 * of a range is its top, and `reach` of a top is one more than the last step of any placed root in
 * its range. A question costs about as many visits as it has answers. All visits together are
 * bounded, since this runs for every new shape of a request: what is left then goes on top.
 *
 * source: greedy by size, Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
 * Inference", 2020 */
#include "runtime/plan_priv.h"

enum { VISITS_MAX = 1 << 22 };
#define NOT_PLACED UINT64_MAX

typedef bool before_fn(const struct plan *pl, int32_t a, int32_t b);

/* ---- orders ---- */

static bool by_first(const struct plan *pl, int32_t a, int32_t b)
{
    uint32_t x = pl->values[a].first, y = pl->values[b].first;
    return x != y ? x < y : a < b;
}

static bool by_last(const struct plan *pl, int32_t a, int32_t b)
{
    uint32_t x = pl->values[a].last, y = pl->values[b].last;
    return x != y ? x < y : a < b;
}

static bool by_offset(const struct plan *pl, int32_t a, int32_t b)
{
    uint64_t x = pl->values[a].off, y = pl->values[b].off;
    return x != y ? x < y : a < b;
}

/* Larger first; among equals the one that begins earlier. */
static bool by_size(const struct plan *pl, int32_t a, int32_t b)
{
    uint64_t x = pl->values[a].bytes, y = pl->values[b].bytes;
    return x != y ? x > y : by_first(pl, a, b);
}

/* What is alive at the peak first: these can stand side by side without a hole. */
static bool by_peak(const struct plan *pl, int32_t a, int32_t b)
{
    const struct plan_value *v = &pl->values[a], *w = &pl->values[b];
    bool x = v->first <= pl->peak && pl->peak <= v->last;
    bool y = w->first <= pl->peak && pl->peak <= w->last;
    return x != y ? x : by_size(pl, a, b);
}

/* Bytes times steps; what is large for long is hardest to move aside. */
static bool by_area(const struct plan *pl, int32_t a, int32_t b)
{
    const struct plan_value *v = &pl->values[a], *w = &pl->values[b];
    double x = (double)v->bytes * (v->last - v->first + 1.0);
    double y = (double)w->bytes * (w->last - w->first + 1.0);
    return x != y ? x > y : by_size(pl, a, b);
}

/* As the steps write them; among those of one step the larger first. */
static bool by_start(const struct plan *pl, int32_t a, int32_t b)
{
    uint32_t x = pl->values[a].first, y = pl->values[b].first;
    return x != y ? x < y : by_size(pl, a, b);
}

static void sift_down(const struct plan *pl, int32_t *heap, uint32_t i, uint32_t n,
                      before_fn *before)
{
    for (;;) {
        uint32_t top = i, l = 2 * i + 1, r = l + 1;
        if (l < n && before(pl, heap[top], heap[l]))
            top = l;
        if (r < n && before(pl, heap[top], heap[r]))
            top = r;
        if (top == i)
            return;
        int32_t t = heap[i];
        heap[i] = heap[top];
        heap[top] = t;
        i = top;
    }
}

/* Heap sort, because qsort may allocate and planning happens inside session_run. */
static void sort(const struct plan *pl, int32_t *roots, uint32_t n, before_fn *before)
{
    for (uint32_t i = n / 2; i-- > 0;)
        sift_down(pl, roots, i, n, before);
    for (uint32_t end = n; end-- > 1;) {
        int32_t t = roots[0];
        roots[0] = roots[end];
        roots[end] = t;
        sift_down(pl, roots, 0, end, before);
    }
}

/* ---- who lives at the same time ---- */

/* One placing of all roots. */
struct fit {
    struct plan *pl;
    uint32_t n;
    int32_t
        *found; /* the answers to a question: pl->late, which is not in use before plan_attach */
    uint32_t n_found;
    uint64_t visits;
};

static void mark_placed(struct fit *f, int32_t root)
{
    const struct plan *pl = f->pl;
    uint32_t lo = 0, hi = f->n, end = pl->values[root].last + 1;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int32_t here = pl->by_first[mid];
        pl->reach[mid] = MAX(pl->reach[mid], end);
        if (here == root)
            return;
        if (by_first(pl, root, here))
            hi = mid;
        else
            lo = mid + 1;
    }
}

/* The range's roots that are placed and live at the same time as v. As deep as the tree. */
static void find_living(struct fit *f, uint32_t lo, uint32_t hi, const struct plan_value *v)
{
    const struct plan *pl = f->pl;
    while (lo < hi && f->visits < VISITS_MAX) {
        uint32_t mid = lo + (hi - lo) / 2;
        f->visits++;
        if (pl->reach[mid] <= v->first)
            return; /* all that is placed here died before */
        find_living(f, lo, mid, v);
        const struct plan_value *o = &pl->values[pl->by_first[mid]];
        if (o->first > v->last)
            return; /* this one and all to the right begin later */
        if (o->off != NOT_PLACED && o->last >= v->first)
            f->found[f->n_found++] = pl->by_first[mid];
        lo = mid + 1;
    }
}

/* ---- gaps ---- */

/* The lowest gap that v fits in, or with `tight` the smallest one, or the end of all that lives. */
static uint64_t find_gap(const struct fit *f, const struct plan_value *v, bool tight)
{
    uint64_t end = 0, best = NOT_PLACED, room = UINT64_MAX;
    for (uint32_t i = 0; i < f->n_found; i++) {
        const struct plan_value *o = &f->pl->values[f->found[i]];
        if (o->off >= end && o->off - end >= v->bytes && o->off - end < room) {
            if (!tight)
                return end;
            best = end;
            room = o->off - end;
        }
        end = MAX(end, o->off + o->bytes);
    }
    return best == NOT_PLACED ? end : best;
}

static uint64_t place_all(struct fit *f, before_fn *order, bool tight)
{
    struct plan *pl = f->pl;
    uint64_t top = 0;
    f->visits = 0;
    for (uint32_t i = 0; i < f->n; i++) {
        pl->values[pl->order[i]].off = NOT_PLACED;
        pl->reach[i] = 0;
    }
    sort(pl, pl->order, f->n, order);
    for (uint32_t i = 0; i < f->n; i++) {
        struct plan_value *v = &pl->values[pl->order[i]];
        f->n_found = 0;
        find_living(f, 0, f->n, v);
        for (uint32_t k = f->n_found; k > 0; k /= 2)
            f->visits += f->n_found; /* what sorting costs */
        if (f->visits < VISITS_MAX) {
            sort(pl, f->found, f->n_found, by_offset);
            v->off = find_gap(f, v, tight);
            mark_placed(f, pl->order[i]);
        } else {
            v->off = top;
        }
        top = MAX(top, v->off + v->bytes);
    }
    return top;
}

/* Finds the most bytes alive at one step. Leaves the roots in `order` by last step. */
static void find_peak(struct plan *pl, uint32_t n)
{
    uint64_t alive = 0;
    pl->live_bytes = 0;
    pl->peak = 0;
    sort(pl, pl->order, n, by_last);
    for (uint32_t in = 0, out = 0; in < n; in++) {
        const struct plan_value *v = &pl->values[pl->by_first[in]];
        for (; pl->values[pl->order[out]].last < v->first; out++)
            alive -= pl->values[pl->order[out]].bytes;
        alive += v->bytes;
        if (alive > pl->live_bytes) {
            pl->live_bytes = alive;
            pl->peak = v->first;
        }
    }
}

void plan_fit(struct plan *pl, uint32_t n)
{
    static const struct {
        before_fn *order;
        bool tight;
    } ways[FIT_ORDERS] = {
        [FIT_BY_SIZE] = {by_size, false},
        [FIT_BY_PEAK] = {by_peak, false},
        [FIT_BY_AREA] = {by_area, false},
        [FIT_BY_START] = {by_start, true},
    };
    struct fit f = {.pl = pl, .n = n, .found = pl->late};
    int best = FIT_BY_SIZE, last = FIT_BY_SIZE;
    for (uint32_t i = 0; i < n; i++)
        pl->by_first[i] = pl->order[i];
    sort(pl, pl->by_first, n, by_first);
    find_peak(pl, n);
    pl->values_bytes = place_all(&f, ways[best].order, ways[best].tight);
    for (int way = best + 1; way < FIT_ORDERS && pl->values_bytes > pl->live_bytes; way++) {
        uint64_t bytes = place_all(&f, ways[way].order, ways[way].tight);
        last = way;
        if (bytes < pl->values_bytes) {
            pl->values_bytes = bytes;
            best = way;
        }
    }
    if (last != best)
        place_all(&f, ways[best].order, ways[best].tight);
    pl->placed_by = (enum fit_order)best;
}
