/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Keys in order of value, equal ones in order of place; see lookup.h. */
#include "ops/lookup.h"

#include <math.h>

enum { FEW = 16 };

static int order(double a, double b)
{
    if (isnan(a) || isnan(b))
        return (isnan(a) ? 1 : 0) - (isnan(b) ? 1 : 0);
    return a < b ? -1 : a > b;
}

/* Element i of a against element k of b. */
static int compare(const struct lookup *l, const struct tensor *a, int64_t i,
                   const struct tensor *b, int64_t k)
{
    if (a->dtype == DT_STRING)
        return l->order(text_get(a, i), text_get(b, k));
    if (dtype_is_float(a->dtype))
        return order(tensor_get_f64(a, i), tensor_get_f64(b, k));
    int64_t x = tensor_get_i64(a, i), y = tensor_get_i64(b, k);
    return x < y ? -1 : x > y;
}

static bool before(const struct lookup *l, int64_t a, int64_t b)
{
    int by_key = compare(l, l->keys, a, l->keys, b);
    return by_key < 0 || (by_key == 0 && a < b);
}

static void sift(const struct lookup *l, int64_t *at, int64_t from, int64_t n)
{
    for (int64_t child; (child = 2 * from + 1) < n; from = child) {
        if (child + 1 < n && before(l, at[child], at[child + 1]))
            child++;
        if (!before(l, at[from], at[child]))
            return;
        int64_t t = at[from];
        at[from] = at[child];
        at[child] = t;
    }
}

/* Heapsort: qsort may allocate. */
static void sort(const struct lookup *l, int64_t *at, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        at[i] = i;
    for (int64_t i = n / 2; i-- > 0;)
        sift(l, at, i, n);
    for (int64_t end = n - 1; end > 0; end--) {
        int64_t t = at[0];
        at[0] = at[end];
        at[end] = t;
        sift(l, at, 0, end);
    }
}

uint64_t lookup_scratch_bytes(int64_t elements, const struct tensor *keys)
{
    return elements > FEW ? sizeof(int64_t) * (uint64_t)tensor_count(keys) : 0;
}

void lookup_begin(struct lookup *l, const struct tensor *keys, int64_t elements,
                  int (*by)(struct text a, struct text b), void *scratch)
{
    *l = (struct lookup){.keys = keys, .order = by ? by : text_order};
    if (elements <= FEW)
        return;
    sort(l, scratch, tensor_count(keys));
    l->at = scratch;
}

int64_t lookup_find(const struct lookup *l, const struct tensor *x, int64_t i)
{
    const struct tensor *keys = l->keys;
    int64_t low = 0, n = tensor_count(keys), high = n;
    if (!l->at) {
        while (low < n && compare(l, x, i, keys, low) != 0)
            low++;
        return low < n ? low : -1;
    }
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (compare(l, keys, l->at[middle], x, i) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && compare(l, keys, l->at[low], x, i) == 0 ? l->at[low] : -1;
}
