/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One TensorProto that is a file of its own: the data of the ONNX backend tests. */
#include "compiler/compiler.h"
#include "compiler/onnx/onnx_priv.h"

enum status onnx_read_tensor(const void *bytes, size_t n, struct graph *g, struct tensor *out,
                             struct err *err)
{
    struct onnx_reader r = {.g = g};
    struct view name;
    return onnx_tensor(&r, (struct wire){.file = bytes, .rest = {bytes, n}}, out, &name, err);
}
