/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Strided copies. Dims that both sides walk alike are merged first, so that what is left is usually
 * a few long rows; rows that are dense on both sides are one memcpy. */
#include "kernels/strided.h"

#include <string.h>

/* Two words: an element of 16 bytes. */
struct wide {
    uint64_t low, high;
};

/* Innermost first, without dims of extent 1, neighbours merged. */
struct walk {
    int rank;
    int64_t dims[STRIDED_RANK_MAX], src[STRIDED_RANK_MAX], dst[STRIDED_RANK_MAX];
};

static void merge(const struct strided *s, struct walk *w)
{
    w->rank = 0;
    for (int d = s->rank - 1; d >= 0; d--) {
        int last = w->rank - 1;
        if (s->dims[d] == 1)
            continue;
        if (last >= 0 && s->src[d] == w->src[last] * w->dims[last] &&
            s->dst[d] == w->dst[last] * w->dims[last]) {
            w->dims[last] *= s->dims[d];
            continue;
        }
        w->dims[w->rank] = s->dims[d];
        w->src[w->rank] = s->src[d];
        w->dst[w->rank++] = s->dst[d];
    }
}

#define ROW(type)                                                                                  \
    do {                                                                                           \
        const type *x = src;                                                                       \
        type *y = dst;                                                                             \
        for (int64_t i = 0; i < n; i++)                                                            \
            y[i * dst_step] = x[i * src_step];                                                     \
    } while (0)

static void copy_row(int64_t n, const void *src, int64_t src_step, void *dst, int64_t dst_step,
                     int width)
{
    if (src_step == 1 && dst_step == 1) {
        memcpy(dst, src, (size_t)n * (size_t)width);
        return;
    }
    switch (width) {
    case 16:
        ROW(struct wide);
        break;
    case 8:
        ROW(uint64_t);
        break;
    case 4:
        ROW(uint32_t);
        break;
    case 2:
        ROW(uint16_t);
        break;
    default:
        ROW(uint8_t);
        break;
    }
}

void strided_copy(const struct strided *s, const void *src, void *dst, int width)
{
    struct walk w;
    int64_t index[STRIDED_RANK_MAX] = {0};
    for (int d = 0; d < s->rank; d++)
        if (s->dims[d] == 0)
            return;
    merge(s, &w);
    const uint8_t *from = src;
    uint8_t *to = dst;
    int64_t n = w.rank ? w.dims[0] : 1, src_step = w.rank ? w.src[0] : 1;
    int64_t dst_step = w.rank ? w.dst[0] : 1;
    for (;;) {
        copy_row(n, from, src_step, to, dst_step, width);
        int d = 1;
        for (; d < w.rank; d++) {
            from += w.src[d] * width;
            to += w.dst[d] * width;
            if (++index[d] < w.dims[d])
                break;
            from -= w.src[d] * w.dims[d] * width;
            to -= w.dst[d] * w.dims[d] * width;
            index[d] = 0;
        }
        if (d >= w.rank)
            return;
    }
}

void strided_copy_ref(const struct strided *s, const void *src, void *dst, int width)
{
    int64_t count = 1;
    for (int d = 0; d < s->rank; d++)
        count *= s->dims[d];
    for (int64_t i = 0; i < count; i++) {
        int64_t from = 0, to = 0, rest = i;
        for (int d = s->rank - 1; d >= 0; d--) {
            from += rest % s->dims[d] * s->src[d];
            to += rest % s->dims[d] * s->dst[d];
            rest /= s->dims[d];
        }
        memcpy((uint8_t *)dst + to * width, (const uint8_t *)src + from * width, (size_t)width);
    }
}
