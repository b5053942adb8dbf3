/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Writes small ONNX models by hand: a protobuf writer of a few lines and the messages that tests
 * need. Memory that runs out here fails the test. */
#ifndef ROOST_TESTS_ONNX_BUILD_H
#define ROOST_TESTS_ONNX_BUILD_H

#include "base/buf.h"
#include "tensor/tensor.h"

/* ---- fields ---- */
void pb_varint(struct buf *b, uint64_t v);
void pb_int(struct buf *b, uint32_t field, int64_t v);
void pb_float(struct buf *b, uint32_t field, float v);
void pb_bytes(struct buf *b, uint32_t field, const void *p, size_t n);
void pb_str(struct buf *b, uint32_t field, const char *s);
void pb_msg(struct buf *b, uint32_t field, struct buf *sub); /* also empties sub */

/* ---- messages ---- */
struct test_attr {
    const char *name;
    int type; /* of AttributeProto: 1 float, 2 int, 3 string, 4 tensor, 5 graph, 6 floats, 7 ints */
    int64_t i;
    float f;
    const char *s;
    const int64_t *ints;
    size_t n;
    const struct tensor *t;
    struct buf
        *g; /* a GraphProto, as onnx_build.graph has it; empty once the attribute is written */
};
#define A_INT(name, v)                                                                             \
    {                                                                                              \
        name, 2, .i = (v)                                                                          \
    }
#define A_FLOAT(name, v)                                                                           \
    {                                                                                              \
        name, 1, .f = (v)                                                                          \
    }
#define A_STR(name, v)                                                                             \
    {                                                                                              \
        name, 3, .s = (v)                                                                          \
    }
#define A_INTS(name, ...)                                                                          \
    {                                                                                              \
        name, 7, .ints = (const int64_t[]){__VA_ARGS__},                                           \
                 .n = sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)                     \
    }
#define A_GRAPH(name, v)                                                                           \
    {                                                                                              \
        name, 5, .g = (v)                                                                          \
    }
#define A_TENSOR(name, v)                                                                          \
    {                                                                                              \
        name, 4, .t = (v)                                                                          \
    }

/* A model being written. Begin with all zero. */
struct onnx_build {
    struct buf graph;
    struct buf model; /* what stands beside the graph: opsets, producer */
};

void onnx_opset(struct onnx_build *m, const char *domain, int version);
/* dims below 0 become dim_param "N"; rank below 0 leaves the shape out */
void onnx_input(struct onnx_build *m, const char *name, enum dtype t, int rank,
                const int64_t *dims);
void onnx_output(struct onnx_build *m, const char *name);
void onnx_init(struct onnx_build *m, const char *name, const struct tensor *t); /* as raw_data */
void onnx_init_f32(struct onnx_build *m, const char *name, int rank, const int64_t *dims,
                   const float *data);
void onnx_init_i64(struct onnx_build *m, const char *name, int rank, const int64_t *dims,
                   const int64_t *data);
/* in and out: names with commas between; "" for none, "a,,b" leaves one out */
void onnx_op(struct onnx_build *m, const char *op, const char *name, const char *in,
             const char *out, const struct test_attr *attrs, size_t n_attrs);
/* The whole file; the build is empty after it. The caller calls buf_fini on out. */
void onnx_finish(struct onnx_build *m, struct buf *out);

#define DIMS(...)                                                                                  \
    ((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))), (int64_t[])                       \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define ATTRS(...)                                                                                 \
    (const struct test_attr[]){__VA_ARGS__},                                                       \
        sizeof((const struct test_attr[]){__VA_ARGS__}) / sizeof(struct test_attr)
#define NO_ATTRS NULL, 0

#endif
