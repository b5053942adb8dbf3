/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Keys and heaps; see order.h. A float's bits, read as an integer, grow with it once the negative
 * ones are turned round. The heap has its last entry in order at the root, so that what is better
 * than it takes its place; sorting takes the last one out again and again. */
#include "ops/order.h"

#include <string.h>

static uint64_t float_key(double v)
{
    uint64_t bits, sign = UINT64_C(1) << 63;
    if (v != v)
        return UINT64_MAX;
    v += 0.0; /* -0 becomes 0 */
    memcpy(&bits, &v, sizeof(bits));
    return bits & sign ? ~bits : bits | sign;
}

static uint64_t signed_key(int64_t v)
{
    return (uint64_t)v + (UINT64_C(1) << 63);
}

/* name, element, the key of an element v */
#define ORDER_KEYS(X)                                                                              \
    X(f32, float, float_key((double)v))                                                            \
    X(f64, double, float_key(v))                                                                   \
    X(f16, uint16_t, float_key((double)f16_to_f32(v)))                                             \
    X(bf16, uint16_t, float_key((double)bf16_to_f32(v)))                                           \
    X(i8, int8_t, signed_key(v))                                                                   \
    X(i16, int16_t, signed_key(v))                                                                 \
    X(i32, int32_t, signed_key(v))                                                                 \
    X(i64, int64_t, signed_key(v))                                                                 \
    X(u8, uint8_t, v)                                                                              \
    X(u16, uint16_t, v)                                                                            \
    X(u32, uint32_t, v)                                                                            \
    X(u64, uint64_t, v)                                                                            \
    X(boolean, uint8_t, v != 0)

#define X(name, type, key)                                                                         \
    static uint64_t key_##name(const void *data, int64_t i)                                        \
    {                                                                                              \
        type v = ((const type *)data)[i];                                                          \
        return key;                                                                                \
    }
ORDER_KEYS(X)
#undef X

order_key_fn *order_key_of(enum dtype t)
{
    static order_key_fn *const keys[] = {
        [DT_F32] = key_f32,      [DT_F64] = key_f64, [DT_F16] = key_f16, [DT_BF16] = key_bf16,
        [DT_I8] = key_i8,        [DT_I16] = key_i16, [DT_I32] = key_i32, [DT_I64] = key_i64,
        [DT_U8] = key_u8,        [DT_U16] = key_u16, [DT_U32] = key_u32, [DT_U64] = key_u64,
        [DT_BOOL] = key_boolean,
    };
    return (size_t)t < ARRAY_COUNT(keys) ? keys[t] : NULL;
}

static bool before(const struct order_entry *a, const struct order_entry *b)
{
    return a->key != b->key ? a->key > b->key : a->at < b->at;
}

/* Lets e sink from place i: no entry of the heap comes after its parent. */
static void sink(struct order_entry *heap, int64_t n, int64_t i, struct order_entry e)
{
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && before(&heap[child], &heap[child + 1]))
            child++;
        if (before(&heap[child], &e))
            break;
        heap[i] = heap[child];
    }
    heap[i] = e;
}

void order_heap_offer(struct order_entry *heap, int64_t *n, int64_t k, struct order_entry e)
{
    if (*n == k) {
        if (k > 0 && before(&e, &heap[0]))
            sink(heap, k, 0, e);
        return;
    }
    int64_t i = (*n)++;
    for (; i > 0 && before(&heap[(i - 1) / 2], &e); i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = e;
}

void order_heap_sort(struct order_entry *heap, int64_t n)
{
    while (n > 1) {
        struct order_entry e = heap[--n];
        heap[n] = heap[0];
        sink(heap, n, 0, e);
    }
}

void order_sort(struct order_entry *e, int64_t n)
{
    for (int64_t i = n / 2 - 1; i >= 0; i--)
        sink(e, n, i, e[i]);
    order_heap_sort(e, n);
}
