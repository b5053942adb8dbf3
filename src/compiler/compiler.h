/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Model file in, artifact out: front end -> graph -> passes -> artifact. Deterministic: the same
 * bytes and options give the same artifact. */
#ifndef ROOST_COMPILER_COMPILER_H
#define ROOST_COMPILER_COMPILER_H

#include "base/buf.h"

#include "compiler/graph.h" /* enum optimize */

enum model_format { MODEL_AUTO, MODEL_ONNX, MODEL_XGBOOST_JSON, MODEL_XGBOOST_UBJ };

struct pass_log; /* compiler/passes/passes.h */

/* A file beside the model that holds data of its tensors (ONNX's external data). */
enum { COMPILE_FILES_MAX = 400, COMPILE_FILE_NAME_MAX = 255 };
struct compile_file {
    const char *name; /* as the model calls it: relative to its folder */
    const void *bytes;
    size_t n;
};

struct compile_options {
    enum model_format format; /* MODEL_AUTO: by the first bytes */
    uint64_t passes_off;      /* bit k: without the k-th pass; part of what decides the bytes */
    enum optimize optimize;   /* likewise */
    struct pass_log *log;     /* to fill; borrowed; NULL: nobody asks */
    const struct compile_file *files; /* borrowed, with what they point to; compile_files_wanted */
    uint32_t n_files;
};

/* errors: E_CORRUPT (not a well-formed model: says where); E_UNSUPPORTED (names operator, node,
 * opset and what to do); E_NO_MEMORY blocks: no   thread: any (compute-bound) */
enum status compile_bytes(const void *bytes, size_t n, const struct compile_options *o,
                          struct buf *artifact, struct err *err) WARN_UNUSED;

/* Appends the names of all files that the model wants beside itself, each terminated, none twice:
 * at most COMPILE_FILES_MAX. Most models want none.
 * errors: E_CORRUPT when a name leads out of the model's folder; E_UNSUPPORTED beyond the most
 * files; E_NO_MEMORY. A model that is malformed otherwise is left to compile_bytes. */
enum status compile_files_wanted(const void *bytes, size_t n, const struct compile_options *o,
                                 struct buf *names, struct err *err) WARN_UNUSED;
/* Is this the name of a file inside the model's folder? Relative, no "." or "..", no empty part, no
 * backslash, no control bytes. n: without the terminator. */
bool compile_file_name(const char *name, size_t n);

struct graph;
/* The front ends. The bytes outlive the graph: constants may point into them. */
enum status onnx_read(const void *bytes, size_t n, struct graph *g, struct err *err) WARN_UNUSED;
enum status onnx_files_wanted(const void *bytes, size_t n, struct buf *names,
                              struct err *err) WARN_UNUSED;
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
