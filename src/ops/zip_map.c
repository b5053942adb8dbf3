/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ZipMap: the framework pairs each column with its class; here the matrix itself goes out, its
 * columns in the order of the classes, which the provenance names.
 * source: ONNX ai.onnx.ml ZipMap-1 */
#include "ops/ml.h"

enum operand { X, CLASSES, CLASS_TEXTS, OPERANDS };

static enum status infer(struct op_infer *c, struct err *err)
{
    const struct tensor *labels;
    enum status s = op_operands(c, "ZipMap", 1, err);
    if (s == OK)
        s = op_only(c, "ZipMap", X, DT_F32, err);
    if (s == OK)
        s = ml_labels(c, "ZipMap", CLASSES, CLASS_TEXTS, &labels, err);
    if (s != OK)
        return s;
    const struct tensor *x = c->in[X];
    if (x->rank != 2 || x->dims[1] != labels->dims[0])
        return op_bad("ZipMap", X, x, "a column for each class", err);
    return op_output(c, 0, "ZipMap", DT_F32, 2, x->dims, err);
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    op_copy(c->in[X], c->out[0]);
    return OK;
}

static const struct tensor *classes(int n_in, const struct tensor *const *in, int out)
{
    return out == 0 ? ml_labels_of(in, n_in, CLASSES, CLASS_TEXTS) : NULL;
}

static const enum attr_key consts[] = {ATTR_classlabels_int64s, ATTR_classlabels_strings,
                                       ATTR_NONE};

const struct op op_zip_map = {
    .domain = "ai.onnx.ml",
    .name = "ZipMap",
    .code = OP_CODE_zip_map,
    .since = {1},
    .types = OP_T(F32),
    .in_min = 1,
    .in_max = OPERANDS,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_VIEW | OP_STRINGS,
    .const_attrs = consts,
    .classes = classes,
    .infer = infer,
    .run = run,
};
