/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Kernels over blocked tensors: x[batch][blocks][height][width][16]. Channel c stands in block c /
 * 16, lane c % 16; lanes beyond the last channel hold finite numbers that nobody reads. A pixel's
 * 16 channels are one or a few registers, so that every inner loop runs over whole registers
 * whatever the image's width, and the same layout serves every level of kernels/cpu.h.
 *
 * Sums of products are contracted and run in an order of the level's choosing: levels differ in the
 * last bits.
 *
 * thread: any   locks: none   blocks: no */
#ifndef ROOST_KERNELS_BLOCKED_H
#define ROOST_KERNELS_BLOCKED_H

#include "kernels/kernels.h"

enum { BLOCK_LANES = 16 };

static inline int64_t block_count(int64_t channels)
{
    return channels / BLOCK_LANES + (channels % BLOCK_LANES != 0);
}

/* How a convolution runs, and so how its weights lie. The numbers stand in artifacts. Shapes of w,
 * with ib and ob the blocks of input and output channels of one group:
 *   direct     [groups * ob][ib][kernel rows][kernel columns][16 in][16 out]
 *   plain      [ob][kernel rows][kernel columns][in_c][16 out]; x is [batch][in_c][height][width]
 *   depthwise  [blocks][kernel rows][kernel columns][16]
 *   winograd   [36][ob][ib][16 in][16 out]: block_winograd_weights made them */
enum block_form { BLOCK_DIRECT, BLOCK_PLAIN, BLOCK_DEPTHWISE, BLOCK_WINOGRAD, BLOCK_FORMS };

/* A convolution over two spatial dims: y = act(conv(x, w) + bias + sum). Positions outside x count
 * as 0.
 * shapes: x[batch][groups * in_blocks][in[0]][in[1]][16] (plain: above), bias[groups * out_blocks *
 *         16], sum like y or NULL -> y[batch][groups * out_blocks][out[0]][out[1]][16]
 * out is given: whoever calls derived it from pads at both ends. Winograd wants a kernel of 3 x 3,
 * stride and dilation 1, one group; plain one group; depthwise in_blocks 1 and out_blocks 1, its
 * groups being blocks. */
struct block_conv {
    enum block_form form;
    int64_t batch, groups, in_blocks, out_blocks;
    int64_t in_c; /* of the plain form: channels of x, at least 1 */
    int64_t in[2], out[2], kernel[2], stride[2], dilation[2], pad[2]; /* pad: leading */
    const float *x, *w, *bias, *sum;
    float *y;
    void *scratch; /* block_conv_scratch bytes, 64-byte aligned; all threads of a run share it */
    struct epilogue epilogue;
};

/* False when the bytes do not fit 63 bits. Reads sizes only, as the next does. */
bool block_conv_scratch(const struct block_conv *c, uint64_t *bytes) WARN_UNUSED;
void block_conv_f32(const struct block_conv *c);
/* The same in parts, for several threads: phase after phase, each begun when the one before it is
 * done; the items of a phase in any order on any thread, each once. */
int64_t block_conv_phases(const struct block_conv *c);
int64_t block_conv_items(const struct block_conv *c, int64_t phase);
void block_conv_part(const struct block_conv *c, int64_t phase, int64_t from, int64_t to);
/* The specification. Winograd's weights are taken back to 3 x 3 first, in double. */
void block_conv_f32_ref(const struct block_conv *c);

/* One kernel of 3 x 3 to its 36 numbers in Winograd's domain: u = G g G', in double.
 * source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", F(4x4, 3x3) */
void block_winograd_weights(const float g[9], float u[36]);

/* x[batch][channels][plane] <-> y[batch][blocks][plane][16], elements of 1, 2 or 4 bytes; packing
 * fills the lanes that are left over with 0. */
struct block_move {
    int64_t batch, channels, plane, bytes;
    const void *x;
    void *y;
};
void block_pack(const struct block_move *m);
void block_pack_ref(const struct block_move *m);
void block_unpack(const struct block_move *m);
void block_unpack_ref(const struct block_move *m);

/* y = act(x * scale + shift), scale[blocks][16], shift[blocks][16]; x and y [batch][blocks][plane]
 * [16] may be equal. */
struct block_scale {
    int64_t batch, blocks, plane;
    const float *x, *scale, *shift;
    float *y;
    struct epilogue epilogue;
};
void block_scale_f32(const struct block_scale *s);
void block_scale_f32_ref(const struct block_scale *s);

#endif
