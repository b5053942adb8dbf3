/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A histogram spans [-2^e, 2^e) in bins of equal width. When a value lies outside, e grows and bins
 * merge in pairs, so that one pass over the data is enough and its order does not matter.
 *
 * Bounds are chosen by the sum of squared errors: inside, an element is off by what a step of a
 * byte costs on average; outside, by its distance to the bound. A few outliers are cut off where
 * that makes all steps finer. */
#include "compiler/ranges.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"

enum {
    HALF = 1024, /* bins on either side of 0 */
    BINS = 2 * HALF,
    TRIES = 64,     /* bounds that are tried, as parts of the extreme one */
    TRIES_LEAST = 8 /* the smallest: an eighth */
};

struct histogram {
    float low, high; /* seen; 0 among them */
    int exponent;
    bool broken; /* something was not finite */
    uint64_t bins[BINS];
};

enum status ranges_init(struct ranges *r, const uint8_t *wanted, uint32_t n)
{
    *r = (struct ranges){.wanted = wanted, .n = n};
    r->at = alloc_zero(MAX(n, 1), sizeof(struct histogram *));
    return r->at ? OK : E_NO_MEMORY;
}

void ranges_fini(struct ranges *r)
{
    for (uint32_t i = 0; r->at && i < r->n; i++)
        alloc_free(r->at[i]);
    alloc_free(r->at);
    *r = (struct ranges){0};
}

/* One bin's place when the span doubles. */
static int halved(int bin)
{
    int from_middle = bin - HALF;
    return HALF + (from_middle < 0 ? (from_middle - 1) / 2 : from_middle / 2);
}

static void widen_to(struct histogram *h, int exponent)
{
    for (; h->exponent < exponent; h->exponent++) {
        uint64_t merged[BINS] = {0};
        for (int i = 0; i < BINS; i++)
            merged[halved(i)] += h->bins[i];
        memcpy(h->bins, merged, sizeof(merged));
    }
}

/* The least and greatest of n numbers and 0. False when one is not finite. */
static bool extremes(const float *x, int64_t n, float *low, float *high)
{
    float l = 0, h = 0, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        l = x[i] < l ? x[i] : l;
        h = x[i] > h ? x[i] : h;
        sum += x[i] * 0.0f; /* of a NaN or an infinity: NaN */
    }
    *low = l;
    *high = h;
    return sum == 0;
}

static struct histogram *histogram_at(struct ranges *r, uint32_t index)
{
    if (!r->at[index]) {
        r->at[index] = alloc_zero(1, sizeof(struct histogram));
        if (r->at[index])
            r->at[index]->exponent = -20; /* finer steps than a millionth matter to nobody */
        else
            r->out_of_memory = true;
    }
    return r->at[index];
}

void ranges_see(struct ranges *r, uint32_t index, const struct tensor *t)
{
    if (index >= r->n || !r->wanted[index] || t->dtype != DT_F32)
        return;
    struct histogram *h = histogram_at(r, index);
    const int64_t n = tensor_count(t);
    const float *x = t->data;
    float low, high;
    int exponent = INT_MIN;
    if (!h || h->broken)
        return;
    if (!extremes(x, n, &low, &high)) {
        h->broken = true;
        return;
    }
    h->low = MIN(h->low, low);
    h->high = MAX(h->high, high);
    if (h->high > 0 || h->low < 0)
        (void)frexpf(MAX(h->high, -h->low), &exponent); /* all of them below 2^exponent */
    widen_to(h, exponent);
    const float by = ldexpf(HALF, -h->exponent);
    for (int64_t i = 0; i < n; i++)
        h->bins[HALF + (int)floorf(x[i] * by)]++;
}

static double error_of(const struct histogram *h, double low, double high)
{
    const double width = ldexp(1.0 / HALF, h->exponent), step = (high - low) / UINT8_MAX;
    double sum = 0;
    for (int i = 0; i < BINS; i++) {
        const double at = (i - HALF + 0.5) * width;
        const double off = at < low ? low - at : at > high ? at - high : 0;
        sum += (double)h->bins[i] * (off * off + step * step / 12);
    }
    return sum;
}

struct range ranges_of(const struct ranges *r, uint32_t index)
{
    const struct histogram *h = index < r->n ? r->at[index] : NULL;
    if (!h || h->broken)
        return (struct range){0, 0, false};
    double low = (double)h->low, high = (double)h->high, best = error_of(h, low, high);
    for (int i = TRIES; i >= TRIES_LEAST; i--) {
        const double bound = (double)h->high * i / TRIES, e = error_of(h, low, bound);
        if (e < best) {
            best = e;
            high = bound;
        }
    }
    for (int i = TRIES; i >= TRIES_LEAST; i--) {
        const double bound = (double)h->low * i / TRIES, e = error_of(h, bound, high);
        if (e < best) {
            best = e;
            low = bound;
        }
    }
    return (struct range){(float)low, (float)high, true};
}
