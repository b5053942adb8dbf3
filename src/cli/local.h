/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Programs opened in this process, without a server: for show, run, bench and verify. */
#ifndef ROOST_CLI_LOCAL_H
#define ROOST_CLI_LOCAL_H

#include "cli/args.h"
#include "compiler/compiler.h"
#include "runtime/session.h"

enum { LOCAL_FILE_MAX = INT32_MAX }; /* bytes of a model file: protobuf's own limit */

/* Is this operand a file rather than a model's name? */
bool local_is_file(const char *operand);
/* "auto", "onnx", "xgboost-json" or "xgboost-ubj".  errors: E_USAGE */
enum status local_format(const char *text, enum model_format *out, struct err *err) WARN_UNUSED;
/* Reads and compiles a model file.  blocks: disk */
enum status local_compile(const char *path, enum model_format format, struct buf *artifact,
                          struct err *err) WARN_UNUSED;
/* A .roost file, or a model file compiled on the way. *load_us (may be NULL): the time from file or
 * artifact to program, compiling left out.  blocks: disk */
enum status local_open(const char *path, struct program **out, uint64_t *load_us,
                       struct err *err) WARN_UNUSED;

/* A session with its own arena, for one thread. */
struct local_run {
    struct arena arena;
    struct session *session;
};
enum status local_run_init(struct local_run *r, struct err *err) WARN_UNUSED;
void local_run_fini(struct local_run *r);

/* Inputs to time or to try a program with: its sample, its items repeated to `batch`, or seeded
 * numbers where it has none. Embedded. */
struct local_inputs {
    struct tensor *tensors; /* one per signature input; heap */
    int count;
};
/* errors: E_USAGE when the program's batch is fixed to another number; E_NO_MEMORY */
enum status local_inputs_make(struct local_inputs *in, const struct program *p, int64_t batch,
                              struct err *err) WARN_UNUSED;
void local_inputs_free(struct local_inputs *in);

#endif
