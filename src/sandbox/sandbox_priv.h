/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What parent and child say to each other, and how a bounded child is run. Both are the same
 * binary, so records are plain structs; but whatever the child writes, the parent reads as hostile.
 */
#ifndef ROOST_SANDBOX_PRIV_H
#define ROOST_SANDBOX_PRIV_H

#include <sys/types.h>

#include "compiler/passes/passes.h"
#include "sandbox/sandbox.h"

/* ---- the child's descriptors: all it has ---- */

enum {
    CHILD_MODEL = 0,  /* the model, mapped and not read */
    CHILD_RESULT = 1, /* pipe: the artifact's bytes */
    CHILD_SAID = 2,   /* pipe: standard error, for whoever looks into a crash */
    CHILD_REPORT = 3, /* pipe: notes */
    CHILD_REQUEST = 4,
    CHILD_FILES = 5, /* the first of the files beside the model, mapped and not read; behind them,
                      * if there are any, the calibration data */
};

enum {
    CHILD_FDS_MAX = COMPILE_FILES_MAX + 1, /* files and calibration data */
    CHILD_REPORT_MAX = 1 << 20,            /* bytes of all notes */
    CHILD_SAID_MAX = 8192,                 /* bytes kept of standard error */
    CHILD_MODEL_MAX = INT32_MAX,
};

/* What the parent writes before the child starts; the names of the files follow, as
 * compile_files_wanted gives them. */
struct child_request {
    uint32_t magic;
    pid_t parent; /* the child ends with it */
    uint32_t format;
    uint32_t time_s;       /* of processor time */
    uint64_t memory_bytes; /* beyond the process as it starts, and what it maps of the model */
    uint64_t passes_off;
    double error_max;            /* of struct precision_wish */
    uint32_t optimize;           /* enum optimize */
    uint32_t precision;          /* enum precision */
    uint8_t bounded, calibrated; /* 1: error_max counts; there are calibration data */
    uint8_t zero[2];
    uint32_t n_files, names_bytes;
};
enum { CHILD_REQUEST_MAGIC = 0x52534258 };

/* A note: this head, then so many bytes. Each kind comes at most once, GUARDS before the others;
 * DONE, WANTS or ERROR ends them. */
struct child_note {
    uint32_t kind, bytes;
};
enum child_note_kind {
    NOTE_GUARDS = 1,    /* struct child_guards */
    NOTE_ERROR = 2,     /* uint32_t status, then the words */
    NOTE_DONE = 3,      /* uint64_t: bytes written to CHILD_RESULT */
    NOTE_PASSES = 4,    /* the steps of a struct pass_log; between GUARDS and DONE */
    NOTE_PRECISION = 6, /* struct precision_report; between GUARDS and DONE */
    NOTE_WANTS = 5,     /* names of files, each terminated: without them it did not begin */
};

/* struct sandbox_guards on its way. */
struct child_guards {
    int32_t landlock_abi;
    uint8_t seccomp, network, memory_limit, zero;
};

/* ---- run.c: a bounded child ---- */

struct child_spec {
    const char *program;     /* path of the binary */
    const char *const *argv; /* ends with NULL */
    int model_fd, request_fd;
    const int *file_fds; /* n_files of them; the calibration data are the last, if there are any */
    uint32_t n_files;
    uint64_t result_max; /* bytes */
    uint64_t time_us;
    bool (*cancelled)(void *arg); /* asked now and then; NULL: nobody asks */
    void *cancelled_arg;
};

/* How it ended. Embedded; child_end_init first. */
struct child_end {
    struct buf *result; /* borrowed */
    struct buf report;
    struct buf said; /* terminated */
    int wait_status; /* as waitpid gives it; of a child that we killed too */
    bool late;       /* killed at the deadline */
    bool too_much;   /* killed because it wrote more than it may */
};
void child_end_init(struct child_end *e, struct buf *result);
void child_end_fini(struct child_end *e);

/* Starts the child, takes what it writes until it ends or must be ended, and reaps it.
 * errors: E_IO when it cannot be started; E_NO_MEMORY when there is none for what it writes */
enum status child_run(const struct child_spec *spec, struct child_end *end,
                      struct err *err) WARN_UNUSED;

/* ---- verdict.c: what an end means ---- */

/* The limits in force for one child. */
struct child_limits {
    uint64_t memory_bytes, time_us;
    bool memory_tenants, time_tenants; /* it is its tenant's, which is less than the node's */
};

/* What a child says beside its artifact. */
struct child_words {
    struct sandbox_guards guards;
    struct pass_log log;
    struct precision_report report; /* all zero: it said nothing of it */
    struct buf wants; /* heap; not empty: there is no artifact yet, and these files are wanted */
};

/* OK when the child says it is done, as much came as it says, and nothing speaks against it; or
 * when it wants files, of whose names nothing is proved yet. owns: words->wants is the caller's to
 * free on OK errors: E_CORRUPT, E_TOO_LARGE, E_UNSUPPORTED, E_IO, E_NO_MEMORY */
enum status child_verdict(const struct child_end *e, const struct child_limits *limits,
                          struct child_words *words, struct err *err) WARN_UNUSED;

/* ---- files.c: what a compile reads ---- */

struct child_files {
    int fds[COMPILE_FILES_MAX];
    uint32_t n;
    uint64_t bytes; /* of all */
};
/* Opens the files of these names inside the job's folder, or has them brought. Nothing of the names
 * is trusted.  owns: the caller calls files_close on OK
 * errors: E_CORRUPT (a name or a file of a kind that is not allowed); E_NOT_FOUND; E_TOO_LARGE;
 * E_UNSUPPORTED with neither; bring's */
enum status files_open(const struct sandbox_job *job, const struct buf *names,
                       struct child_files *out, struct err *err) WARN_UNUSED;
void files_close(struct child_files *f);

/* Mapped bytes. source_map_model first; source_unmap after errors too. */
struct child_source {
    const void *bytes;
    size_t n;
    struct compile_file files[COMPILE_FILES_MAX];
    uint32_t n_files;
    struct compile_file calibration; /* bytes NULL: none */
};
/* errors: E_IO; E_TOO_LARGE */
enum status source_map_model(struct child_source *s, int fd, struct err *err) WARN_UNUSED;
enum status source_map_file(struct child_source *s, const char *name, int fd,
                            struct err *err) WARN_UNUSED; /* name is borrowed */
enum status source_map_calibration(struct child_source *s, int fd, struct err *err) WARN_UNUSED;
void source_unmap(struct child_source *s);

/* ---- bare.c: without a child ---- */

enum status compile_bare(const struct sandbox_job *job, struct sandbox_result *out,
                         struct err *err) WARN_UNUSED;
/* Opens out->artifact, which is a stranger's. */
enum status sandbox_prove(struct sandbox_result *out, struct err *err) WARN_UNUSED;

/* ---- confine.c: the child gives up what it has ---- */

/* errors: E_UNSUPPORTED naming what this kernel lacks */
enum status confine(const struct child_request *r, struct sandbox_guards *guards,
                    struct err *err) WARN_UNUSED;
/* The version of Landlock that holds this process from now on; 0: none. */
int confine_files(void);
enum status confine_calls(struct err *err) WARN_UNUSED;

/* ---- serve.c ---- */

/* Reads the request. False when there is none: this is no child of ours. */
bool child_request_read(struct child_request *r);
/* Writes all of it. False when it cannot: the other end is gone. */
bool child_write(int fd, const void *bytes, size_t n);
bool child_note(uint32_t kind, const void *bytes, size_t n);

/* sandbox_compile with another binary as the child. */
enum status sandbox_compile_by(const char *program, const struct sandbox_job *job,
                               struct sandbox_result *out, struct err *err) WARN_UNUSED;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif

#endif
