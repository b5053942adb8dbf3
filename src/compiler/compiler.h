/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Model file in, artifact out: front end -> graph -> passes -> artifact. Deterministic: the same
 * bytes and options give the same artifact. */
#ifndef ROOST_COMPILER_COMPILER_H
#define ROOST_COMPILER_COMPILER_H

#include "base/buf.h"

enum model_format { MODEL_AUTO, MODEL_ONNX, MODEL_XGBOOST_JSON, MODEL_XGBOOST_UBJ };

struct pass_log; /* compiler/passes/passes.h */

struct compile_options {
    enum model_format format; /* MODEL_AUTO: by the first bytes */
    uint64_t passes_off;      /* bit k: without the k-th pass; part of what decides the bytes */
    struct pass_log *log;     /* to fill; borrowed; NULL: nobody asks */
};

/* errors: E_CORRUPT (not a well-formed model: says where); E_UNSUPPORTED (names operator, node,
 * opset and what to do); E_NO_MEMORY blocks: no   thread: any (compute-bound) */
enum status compile_bytes(const void *bytes, size_t n, const struct compile_options *o,
                          struct buf *artifact, struct err *err) WARN_UNUSED;

struct graph;
/* The front ends. The bytes outlive the graph: constants may point into them. */
enum status onnx_read(const void *bytes, size_t n, struct graph *g, struct err *err) WARN_UNUSED;
enum status xgboost_read_json(const void *bytes, size_t n, struct graph *g,
                              struct err *err) WARN_UNUSED;
enum status xgboost_read_ubj(const void *bytes, size_t n, struct graph *g,
                             struct err *err) WARN_UNUSED;

/* One serialised TensorProto, as the ONNX backend tests keep their data. The tensor's data lie in
 * bytes, unaligned, or in g.  errors: E_CORRUPT, E_UNSUPPORTED, E_NO_MEMORY */
struct tensor;
enum status onnx_read_tensor(const void *bytes, size_t n, struct graph *g, struct tensor *out,
                             struct err *err) WARN_UNUSED;

#endif
