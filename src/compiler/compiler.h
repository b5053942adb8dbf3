/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Model file in, artifact out: front end -> graph -> passes -> artifact. Deterministic: the same
 * bytes and options give the same artifact. A .tar.gz of one model file is taken as that file. */
#ifndef ROOST_COMPILER_COMPILER_H
#define ROOST_COMPILER_COMPILER_H

#include "base/buf.h"

#include "compiler/graph.h" /* enum optimize, enum precision */

enum model_format { MODEL_AUTO, MODEL_ONNX, MODEL_XGBOOST_JSON, MODEL_XGBOOST_UBJ };

struct pass_log; /* compiler/passes/passes.h */

/* A file beside the model that holds data of its tensors (ONNX's external data). */
enum { COMPILE_FILES_MAX = 400, COMPILE_FILE_NAME_MAX = 255 };
struct compile_file {
    const char *name; /* as the model calls it: relative to its folder */
    const void *bytes;
    size_t n;
};

/* How precise the answers are to be. All zero: float32, as the model says. */
struct precision_wish {
    enum precision precision;
    const void *calibration;  /* borrowed; as compiler/calibration.h has it; NULL: none */
    size_t calibration_bytes; /* data, to measure the error and to find ranges */
    bool bounded;
    double error_max; /* if bounded: of an output, as a part of the largest output */
};

/* What a compile of low precision came to. Plain numbers, so that a compile in another process can
 * hand it over. Error: the difference of a float output from the float32 program's. */
struct precision_report {
    uint32_t precision;        /* enum precision */
    uint32_t layers, narrowed; /* convolutions and products; those that compute in it */
    uint32_t sets;             /* of calibration data; 0: nothing was measured, the rest is 0 */
    double error_max,
        error_mean;        /* over all elements; infinite where one is no number, or missing */
    double largest;        /* magnitude of a float32 output */
    uint64_t rows, agreed; /* of outputs with classes: rows; those with the same first class */
};
/* "fp32", "bf16", "int8", "weights-bf16" */
const char *precision_name(enum precision p);
/* The largest error as a part of the largest output. */
double precision_error(const struct precision_report *r);

struct compile_options {
    enum model_format format; /* MODEL_AUTO: by the first bytes */
    uint64_t passes_off;      /* bit k: without the k-th pass; part of what decides the bytes */
    enum optimize optimize;   /* likewise */
    struct precision_wish precision;  /* likewise */
    struct precision_report *report;  /* to fill; borrowed; NULL: nobody asks */
    struct pass_log *log;             /* to fill; borrowed; NULL: nobody asks */
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
