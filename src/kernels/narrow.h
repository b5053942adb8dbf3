/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Convolutions and products of low precision. Activations are bytes (uint8 with a scale and a zero
 * point), bfloat16 or float32, blocked as in kernels/blocked.h or, of products, rows; weights are
 * int8 or bfloat16. A word of 32 bits of an activation, four bytes or two bfloat16, meets the same
 * word of 16 output channels, so that one layout of weights serves every level of kernels/cpu.h:
 *   direct     [groups * out blocks][kernel rows][kernel columns][words][16 out][word]
 *   product    [panels][words][16 columns][word]
 *   depthwise  float32 [blocks][kernel rows][kernel columns][16]
 * Word w holds channels w * word and on of its group; weights of channels behind the last are 0.
 *
 * Bytes: weights are at most NARROW_WEIGHT_MOST in magnitude, so that the sum of two products fits
 * 16 bits; then results are the same bits at every level (activations beyond ACT_LEAKY_RELU aside,
 * whose exponentials differ in the last bits; of Gelu, what becomes a byte is within 3.1e-6 of its
 * argument's size). Larger weights saturate where there is no VNNI.
 * Sums of bfloat16 are float32 in an order of the level's choosing; of a subnormal result the level
 * may make 0. Depthwise weights beside bytes are whole numbers, and their sums below 2^24.
 *
 * thread: any   locks: none   blocks: no */
#ifndef ROOST_KERNELS_NARROW_H
#define ROOST_KERNELS_NARROW_H

#include "kernels/blocked.h"

enum {
    NARROW_WEIGHT_MOST = 63,
    NARROW_TERMS_MAX = 65000,     /* products of bytes in one sum: 255 * 128 each fit 31 bits */
    NARROW_FLOAT_TERMS_MAX = 500, /* of the depthwise form: float32 holds their sum exactly */
    NARROW_PLANES_MOST = 4,       /* channels of a word of bytes */
};

/* What an element is. */
enum narrow_type { NARROW_F32, NARROW_BF16, NARROW_U8, NARROW_TYPES };

static inline int64_t narrow_bytes(enum narrow_type t)
{
    return t == NARROW_U8 ? 1 : t == NARROW_BF16 ? 2 : 4;
}

/* Channels of a word of the weights that meet x: 4 of bytes, else 2. */
static inline int64_t narrow_word(enum narrow_type x)
{
    return x == NARROW_U8 ? 4 : 2;
}

static inline int64_t narrow_words(enum narrow_type x, int64_t channels)
{
    /* Of numbers that the compiler knows; and no sum, that might not fit. */
    return x == NARROW_U8 ? channels / 4 + (channels % 4 != 0) : channels / 2 + channels % 2;
}

/* An operand. A byte q means (q - zero) * scale; other types ignore both. */
struct narrow_data {
    enum narrow_type type;
    float scale;  /* finite, above 0 */
    int32_t zero; /* 0..255 */
    void *data;   /* NULL: left out (sum) */
};

/* What follows sums on their way out: y = act(scale * v + bias + sum), float32 in this order, each
 * product and what is added to it rounded once. A byte is v * (1 / y.scale), rounded to nearest,
 * ties to even, + y.zero, kept in 0..255; of a NaN the least. Where the activation does no more
 * than keep numbers within bounds, it is not v that is multiplied: scale, bias, what the sum's
 * elements are multiplied by, and the bounds are, before. */
struct narrow_end {
    const float *scale, *bias; /* by lane; NULL: 1, 0 */
    struct narrow_data sum, y;
    struct epilogue epilogue;
};

enum narrow_form { NARROW_DIRECT, NARROW_DEPTHWISE, NARROW_PRODUCT };

/* y = end(conv(x, w)). Positions outside x count as 0, which in bytes is x.zero.
 * Of bytes, conv is the integer sum of q * w, zero point not taken off: the bias makes up for it
 * (narrow_pack's sums).
 * shapes: direct and depthwise: x[batch][groups * in blocks][in[0]][in[1]][16] -> y[batch][groups *
 *         out_blocks][out[0]][out[1]][16], sum like y. Depthwise: x bytes or bfloat16, groups are
 *         blocks, out_blocks 1.
 *         planes, of direct: x[batch][in_c][in[0]][in[1]]; bytes, one group, in_c at most
 *         NARROW_PLANES_MOST.
 *         product: x[out[1]][in_c] -> y[out[1]][out_c], sum like y; batch, groups, kernel 1.
 *         scale and bias [groups * out_blocks * 16] */
struct narrow {
    enum narrow_form form;
    bool planes;
    int64_t batch, groups, in_c, out_blocks; /* in_c: of one group, at least 1 */
    int64_t out_c;                           /* of a product: at most out_blocks * 16 */
    int64_t in[2], out[2], kernel[2], stride[2], dilation[2], pad[2]; /* pad: leading */
    struct narrow_data x;
    const void *w;
    struct narrow_end end;
    void *scratch; /* narrow_scratch bytes, 64-byte aligned; all threads of a run share it */
};

/* False when the bytes do not fit 63 bits. Reads sizes and types only. */
bool narrow_scratch(const struct narrow *c, uint64_t *bytes) WARN_UNUSED;
void narrow_run(const struct narrow *c);
/* The same in parts, as block_conv_part. */
int64_t narrow_phases(const struct narrow *c);
int64_t narrow_items(const struct narrow *c, int64_t phase);
void narrow_part(const struct narrow *c, int64_t phase, int64_t from, int64_t to);
/* The specification; reads no scratch. */
void narrow_run_ref(const struct narrow *c);

/* y = end(x) on blocked tensors, a byte of x being its number; x and y may be equal where their
 * types are. scale and bias [blocks * 16]. */
struct narrow_scale {
    int64_t batch, blocks, plane;
    struct narrow_data x;
    struct narrow_end end;
};
void narrow_scale_run(const struct narrow_scale *s);
void narrow_scale_run_ref(const struct narrow_scale *s);

/* Lays weights out: element (o, i, p) of w[out][in][places] stands at o * w_out + i * w_in + p. in
 * is of one group; with several groups the out of each are whole blocks. to: narrow_packed_bytes,
 * all written. Int8: round(w / scale[o]) within +-NARROW_WEIGHT_MOST, and sums[o], when not NULL,
 * is their sum over i and p: a zero point z of x takes scale * z * sums[o] from the bias. */
struct narrow_packing {
    enum narrow_type x; /* that the weights will meet */
    int64_t out, in, places;
    const float *w;
    int64_t w_out, w_in;
    const float *scale; /* int8: [out], finite, above 0; else unused */
    int64_t *sums;
    void *to;
};
uint64_t narrow_packed_bytes(const struct narrow_packing *p);
void narrow_pack(const struct narrow_packing *p);
/* scale[o]: the largest magnitude of channel o's weights by NARROW_WEIGHT_MOST; 1 when all are 0.
 */
void narrow_weight_scales(const struct narrow_packing *p, float *scale);

#endif
