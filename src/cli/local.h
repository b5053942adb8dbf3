/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Programs opened in this process, without a server: for show, run, bench and verify. */
#ifndef ROOST_CLI_LOCAL_H
#define ROOST_CLI_LOCAL_H

#include "cli/args.h"
#include "runtime/session.h"
#include "sandbox/sandbox.h"

enum { LOCAL_FILE_MAX = INT32_MAX }; /* bytes of a model file: protobuf's own limit */

/* How model files are compiled, for the option table of each verb that does. */
#define LOCAL_COMPILE_OPTIONS                                                                      \
    {"sandbox", 0, "on|off", "Compile in a confined process of its own (on)."},                    \
        {"compile-memory", 0, "SIZE", "What that process may use (1GiB and 5 times the file)."},   \
        {"compile-time", 0, "TIME", "How long it may take (2m)."},                                 \
        {"optimize", 0, "MODE",                                                                    \
         "speed, balanced or memory: what faster weights may cost (balanced)."},                   \
        {"precision", 0, "TYPE",                                                                   \
         "fp32, bf16, int8 or weights-bf16: what layers compute with (fp32)."},                    \
        {"calibrate", 0, "DIR",                                                                    \
         "Inputs to measure the error with, and int8's ranges: test_data_set_*/, *.npy."},         \
        {"max-error", 0, "PART", "Refuse a larger error than this part of the largest output."},   \
    {                                                                                              \
        "without", 0, "PASS,...", "Leave passes of the compiler out; all: every one."              \
    }

/* Is this operand a file rather than a model's name? */
bool local_is_file(const char *operand);
/* "auto", "onnx", "xgboost-json" or "xgboost-ubj".  errors: E_USAGE */
enum status local_format(const char *text, enum model_format *out, struct err *err) WARN_UNUSED;
/* How the command line wants model files compiled. All zero: in a sandbox, with its defaults. */
struct local_compile {
    enum model_format format;
    bool bare; /* in this process, for once trusting the file */
    struct sandbox_limits limits;
    uint64_t passes_off;
    enum optimize optimize;
    enum precision precision;
    const char *calibrate; /* a folder; NULL: none */
    bool bounded;
    double error_max; /* if bounded */
};
/* errors: E_USAGE naming the option */
enum status local_compile_options(const struct args *a, struct local_compile *out,
                                  struct err *err) WARN_UNUSED;
/* What a compile did, for who asks. */
struct local_log {
    struct pass_log *passes; /* NULL: nobody asks */
    struct precision_report precision;
};
/* Compiles a model file ("-": standard input) and opens what came of it. `out` is zero; bare leaves
 * its guards so. log: may be NULL.  owns: the caller calls sandbox_result_fini
 * on OK   blocks: disk */
enum status local_compile(const char *path, const struct local_compile *how, struct local_log *log,
                          struct sandbox_result *out, struct err *err) WARN_UNUSED;
/* All calibration data of a folder, for the compiler: test_data_set_<N>/input_<K>.pb or .npy, and
 * files <name>.npy, each of which is a set of one input.  owns: *out is empty, and the caller's on
 * OK blocks: disk   errors: E_NOT_FOUND (there are none); E_CORRUPT, E_UNSUPPORTED (names the
 * file); E_BAD_INPUT, E_TOO_LARGE as calibration.h has them */
enum status local_calibration(const char *dir, struct buf *out, struct err *err) WARN_UNUSED;
/* A .roost file, or a model file compiled on the way. *load_us (may be NULL): the time from file or
 * artifact to program, compiling left out.  blocks: disk */
enum status local_open(const char *path, const struct local_compile *how, struct program **out,
                       uint64_t *load_us, struct err *err) WARN_UNUSED;

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
