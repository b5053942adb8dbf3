/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* libroost: open a compiled model (.roost) in any program and run it.
 *
 *     struct roost_model *model;
 *     struct roost_session *session;
 *     roost_model_open_file("iris.roost", &model, &error);
 *     roost_session_new(1 << 30, &session, &error);
 *     struct roost_run run = {.in = &input, .n_in = 1, .out = &output, .n_out = 1};
 *     roost_session_run(session, model, &run, &error);
 *
 * A model is read-only: any number of threads may run it at once, each with a session of its own. A
 * session is scratch memory that any model can use; it belongs to one thread at a time. Everything
 * about an artifact is proven when it is opened, so a damaged or hostile file is refused there. */
#ifndef ROOST_ROOST_H
#define ROOST_ROOST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ROOST_API __attribute__((visibility("default")))

enum roost_status {
    ROOST_OK = 0,
    ROOST_BAD_INPUT = 1,   /* a tensor does not fit the model; the same call fails again */
    ROOST_TOO_LARGE = 2,   /* the run needs more than the session may hold */
    ROOST_CORRUPT = 3,     /* the artifact is damaged or was not made by a compiler of ours */
    ROOST_UNSUPPORTED = 4, /* a good artifact, but not for this build */
    ROOST_NO_MEMORY = 5,
    ROOST_TIMEOUT = 6, /* the run took longer than it was given */
    ROOST_IO = 7,      /* the file cannot be read */
    ROOST_INTERNAL = 8 /* a bug of ours */
};

/* Filled by every call that returns another status than ROOST_OK. */
struct roost_error {
    enum roost_status status;
    char message[256]; /* terminated: what failed, what came, what was expected */
};

/* Numbers are ONNX's TensorProto.DataType. */
enum roost_dtype {
    ROOST_FLOAT32 = 1,
    ROOST_UINT8 = 2,
    ROOST_INT8 = 3,
    ROOST_UINT16 = 4,
    ROOST_INT16 = 5,
    ROOST_INT32 = 6,
    ROOST_INT64 = 7,
    ROOST_STRING = 8, /* each element is a struct roost_string */
    ROOST_BOOL = 9,   /* bytes, each 0 or 1 */
    ROOST_FLOAT16 = 10,
    ROOST_FLOAT64 = 11,
    ROOST_UINT32 = 12,
    ROOST_UINT64 = 13,
    ROOST_BFLOAT16 = 16
};

enum { ROOST_RANK_MAX = 8 };

/* An element of ROOST_STRING: UTF-8 without NUL. An output's bytes belong to the session, the model
 * or an input, as its elements do. */
struct roost_string {
    const char *at;
    uint64_t bytes; /* not terminated */
};

/* Dense row-major data that somebody else owns. Inputs need no alignment. */
struct roost_tensor {
    enum roost_dtype dtype;
    int rank; /* 0 is one element */
    int64_t dims[ROOST_RANK_MAX];
    const void *data;
};

/* An input or output of a model. A dim below 0 is chosen by the caller at each run; equal dims
 * below ROOST_DIM_FREE must be given equal values. */
enum { ROOST_DIM_FREE = -1 };
struct roost_port {
    const char *name; /* lives as long as the model */
    enum roost_dtype dtype;
    int rank;
    int64_t dims[ROOST_RANK_MAX];
};

/* What one run takes and gives. */
struct roost_run {
    const struct roost_tensor *in; /* n_in, in the order of roost_model_input; borrowed */
    size_t n_in;
    struct roost_tensor *out; /* n_out, to be filled, in the order of roost_model_output */
    size_t n_out;
    uint64_t timeout_us; /* the run ends in ROOST_TIMEOUT after so many microseconds; 0: never */
};

struct roost_model;
struct roost_session;

/* "0.1.0".  thread: any */
ROOST_API const char *roost_version(void);

/* Reads and proves an artifact; its blobs are checked against their SHA-256. In a file that was
 * opened before and that nobody wrote to since (same device, inode, size and times) they are not
 * hashed again: see roost_verify_always.
 * owns:    path, bytes borrowed until return; *out owned by the caller until roost_model_free
 * thread:  any   blocks: disk (roost_model_open_file)
 * errors:  ROOST_CORRUPT, ROOST_UNSUPPORTED, ROOST_NO_MEMORY, ROOST_IO */
ROOST_API enum roost_status roost_model_open_file(const char *path, struct roost_model **out,
                                                  struct roost_error *error);
ROOST_API enum roost_status roost_model_open_bytes(const void *bytes, size_t n,
                                                   struct roost_model **out,
                                                   struct roost_error *error);
/* As roost_model_open_file, but the weights are mapped from the file, not read: a load costs little
 * more than the file's metadata, and all processes that map it share the page cache's memory. What
 * is not in the page cache is read when a run first touches it.
 *
 * The caller vouches that nobody writes to the file or cuts it as long as the model lives;
 * replacing it (rename) and removing it are fine. Who writes to it changes the weights of a model
 * that was proven before; who cuts it ends this process (SIGBUS), and so does a medium that cannot
 * be read. Where that is not certain, roost_model_open_file is the call. */
ROOST_API enum roost_status roost_model_map_immutable_file(const char *path,
                                                           struct roost_model **out,
                                                           struct roost_error *error);
/* Frees and sets NULL; NULL is fine. No run of it may be under way. */
ROOST_API void roost_model_free(struct roost_model **model);

/* thread: any */
ROOST_API size_t roost_model_input_count(const struct roost_model *model);
ROOST_API size_t roost_model_output_count(const struct roost_model *model);
/* Input or output i.  errors: ROOST_BAD_INPUT when there is none, *out untouched */
ROOST_API enum roost_status roost_model_input(const struct roost_model *model, size_t i,
                                              struct roost_port *out);
ROOST_API enum roost_status roost_model_output(const struct roost_model *model, size_t i,
                                               struct roost_port *out);
/* Bytes of memory that the model holds. */
ROOST_API uint64_t roost_model_bytes(const struct roost_model *model);

/* Memory of freed models and sessions is kept for the next ones, because fresh memory costs more
 * than reading a file does: at most so many bytes, 256 MiB at first; 0 gives all back and keeps
 * none. For the whole process.  thread: any   blocks: while pages are unmapped */
ROOST_API void roost_memory_keep(uint64_t bytes_max);
ROOST_API uint64_t roost_memory_kept(void); /* bytes that are kept now */

/* Not 0: blobs are hashed in every open from now on. Finds what a disk or memory damaged without a
 * write, which the file's times do not show. For the whole process.  thread: any */
ROOST_API void roost_verify_always(int always);

/* A session that grows up to memory_max bytes, as its runs need.
 * errors: ROOST_NO_MEMORY */
ROOST_API enum roost_status roost_session_new(uint64_t memory_max, struct roost_session **out,
                                              struct roost_error *error);
/* Frees and sets NULL; NULL is fine. Outputs of its runs are gone. */
ROOST_API void roost_session_free(struct roost_session **session);

/* Runs the model. Nothing is allocated when model and shapes are those of the session's last run.
 * owns:    run->in borrowed until return; run->out[i].data belongs to the session (or to the model,
 *          or is an input's) and stays until the next call with that session
 * thread:  one at a time for each session   blocks: no
 * errors:  ROOST_BAD_INPUT, ROOST_TOO_LARGE, ROOST_TIMEOUT, ROOST_UNSUPPORTED, ROOST_CORRUPT,
 *          ROOST_NO_MEMORY, ROOST_INTERNAL */
ROOST_API enum roost_status roost_session_run(struct roost_session *session,
                                              const struct roost_model *model,
                                              const struct roost_run *run,
                                              struct roost_error *error);

#ifdef __cplusplus
}
#endif

#endif
