/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ArrayFeatureExtractor, of any dtype: columns of the last axis, picked by index; of a
 * vector a vector. Every index is checked when it is used.
 * source: ONNX ai.onnx.ml ArrayFeatureExtractor-1 */
#include <inttypes.h>
#include <string.h>

#include "ops/ml.h"

static enum status infer(struct op_infer *c, struct err *err)
{
    enum status s = op_operands(c, "ArrayFeatureExtractor", 2, err);
    if (s != OK)
        return s;
    const struct tensor *x = c->in[0], *index = c->in[1];
    if (x->rank < 1)
        return op_bad("ArrayFeatureExtractor", 0, x, "at least one axis", err);
    if (index->dtype != DT_I64)
        return op_bad("ArrayFeatureExtractor", 1, index, "int64 indices", err);
    int64_t dims[TENSOR_RANK_MAX];
    for (int d = 0; d + 1 < x->rank; d++)
        dims[d] = x->dims[d];
    dims[x->rank - 1] = tensor_count(index);
    return op_output(c, 0, "ArrayFeatureExtractor", x->dtype, x->rank, dims, err);
}

static enum status run(const struct op_run *c, struct err *err)
{
    const struct tensor *x = c->in[0], *index = c->in[1];
    int64_t columns = x->dims[x->rank - 1], n = tensor_count(index);
    const int64_t *at = index->data;
    size_t width = dtype_bytes(x->dtype);
    uint8_t *to = c->out[0]->data;
    for (int64_t i = 0; i < n; i++)
        if (at[i] < 0 || at[i] >= columns)
            return err_set(err, E_BAD_INPUT,
                           "ArrayFeatureExtractor: index %" PRId64 " is outside %" PRId64
                           " columns",
                           at[i], columns);
    int64_t rows = n ? tensor_count(c->out[0]) / n : 0;
    const uint8_t *row = x->data;
    for (int64_t r = 0; r < rows; r++, row += (size_t)columns * width)
        for (int64_t i = 0; i < n; i++, to += width)
            memcpy(to, row + (size_t)at[i] * width, width);
    return OK;
}

const struct op op_array_feature_extractor = {
    .domain = "ai.onnx.ml",
    .name = "ArrayFeatureExtractor",
    .code = OP_CODE_array_feature_extractor,
    .since = {1},
    .types = OP_ANY,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_STRINGS,
    .infer = infer,
    .run = run,
};
