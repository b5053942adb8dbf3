/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* dtypes, shapes and views. A tensor is a view: it never owns its bytes. Layout is dense row-major.
 * An element of DT_STRING is a struct text (tensor/text.h), which does not own its bytes either. */
#ifndef ROOST_TENSOR_TENSOR_H
#define ROOST_TENSOR_TENSOR_H

#include "base/status.h"

enum { TENSOR_RANK_MAX = 8 };

/* Numbers are ONNX's TensorProto.DataType, and stand in artifacts.
 * name, number, bytes, text, Open Inference V2 name, npy descr */
#define DTYPE_TABLE(X)                                                                             \
    X(DT_F32, 1, 4, "float32", "FP32", "<f4")                                                      \
    X(DT_U8, 2, 1, "uint8", "UINT8", "|u1")                                                        \
    X(DT_I8, 3, 1, "int8", "INT8", "|i1")                                                          \
    X(DT_U16, 4, 2, "uint16", "UINT16", "<u2")                                                     \
    X(DT_I16, 5, 2, "int16", "INT16", "<i2")                                                       \
    X(DT_I32, 6, 4, "int32", "INT32", "<i4")                                                       \
    X(DT_I64, 7, 8, "int64", "INT64", "<i8")                                                       \
    X(DT_STRING, 8, 16, "string", "BYTES", "")                                                     \
    X(DT_BOOL, 9, 1, "bool", "BOOL", "|b1")                                                        \
    X(DT_F16, 10, 2, "float16", "FP16", "<f2")                                                     \
    X(DT_F64, 11, 8, "float64", "FP64", "<f8")                                                     \
    X(DT_U32, 12, 4, "uint32", "UINT32", "<u4")                                                    \
    X(DT_U64, 13, 8, "uint64", "UINT64", "<u8")                                                    \
    X(DT_BF16, 16, 2, "bfloat16", "BF16", "")

enum dtype {
    DT_NONE = 0,
#define X(name, number, bytes, text, v2, npy) name = number,
    DTYPE_TABLE(X)
#undef X
};

bool dtype_valid(unsigned number);       /* is it in the table? */
size_t dtype_bytes(enum dtype t);        /* of one element; t must be valid */
const char *dtype_text(enum dtype t);    /* "float32"; "?" when invalid */
const char *dtype_v2(enum dtype t);      /* "FP32" */
const char *dtype_npy(enum dtype t);     /* "<f4" */
enum dtype dtype_from_v2(const char *s); /* DT_NONE when unknown */
bool dtype_is_float(enum dtype t);       /* F16, BF16, F32, F64 */
bool dtype_is_int(enum dtype t);         /* the signed and unsigned integers, not bool */

/* Embedded; a view. dims[i] >= 0; rank 0 is a scalar of one element. */
struct tensor {
    enum dtype dtype;
    int rank; /* 0..TENSOR_RANK_MAX */
    int64_t dims[TENSOR_RANK_MAX];
    void *data; /* borrowed, 64-byte aligned when it comes from an arena; NULL: value not known */
};

/* Elements of a shape. False on a negative dim or overflow of 63 bits. */
bool shape_count(int rank, const int64_t *dims, uint64_t *count) WARN_UNUSED;
/* Bytes of a tensor's data; false as above, or for an invalid dtype. */
bool tensor_bytes(const struct tensor *t, uint64_t *bytes) WARN_UNUSED;
/* Elements; the tensor's shape must have passed tensor_bytes before. */
int64_t tensor_count(const struct tensor *t);
bool shape_same(const struct tensor *a, const struct tensor *b);
void tensor_set_shape(struct tensor *t, enum dtype dtype, int rank, const int64_t *dims);
/* "float32[1,3,224,224]" into out; always terminated. Returns out. */
enum { TENSOR_TEXT_MAX = 200 };
const char *tensor_text(const struct tensor *t, char out[TENSOR_TEXT_MAX]);

/* NumPy broadcasting of a and b into rank/dims. False when they do not broadcast. */
bool shape_broadcast(const struct tensor *a, const struct tensor *b, int *rank,
                     int64_t *dims) WARN_UNUSED;

/* One element as a double or an int64 (floats truncate toward zero and saturate), at flat index i;
 * 0 for a string, which is no number. */
double tensor_get_f64(const struct tensor *t, int64_t i);
int64_t tensor_get_i64(const struct tensor *t, int64_t i);

/* IEEE half and bfloat16; round to nearest even. */
float f16_to_f32(uint16_t h);
uint16_t f32_to_f16(float f);
float bf16_to_f32(uint16_t h);
uint16_t f32_to_bf16(float f);

#endif
