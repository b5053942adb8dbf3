/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Compiling bytes from outside, so that the worst they can do is an error message. The compiler
 * runs in a child of our own binary (spawned, never a bare fork) that can read the model and write
 * its result, and nothing else: no files, no network, no other process, bounded memory and time.
 * What comes back is as hostile as what went in until the verifier has proved it, which
 * sandbox_compile does before anybody sees it, unless its caller is a reader that does.
 *
 * A crash, a hang or a bomb in the child is a status and a sentence here, and leaves nothing
 * behind.
 */
#ifndef ROOST_SANDBOX_SANDBOX_H
#define ROOST_SANDBOX_SANDBOX_H

#include "compiler/compiler.h"
#include "runtime/program.h"

/* The verb of our own binary that is the child; main must hand it to sandbox_serve. */
#define SANDBOX_VERB "compile-child"

enum {
    SANDBOX_MEMORY_MIN_MIB = 16,
    SANDBOX_MEMORY_MIB = 1024,       /* of the default limit, beside ... */
    SANDBOX_MEMORY_TIMES = 5,        /* ... so many times the model's bytes, files included */
    SANDBOX_MEMORY_TIMES_NARROW = 8, /* ... when it is compiled to low precision, and run */
    SANDBOX_TIME_S = 120,
    SANDBOX_FILES_MAX_GIB = 64, /* of all files beside the model */
};

/* Zero stands for the default. */
struct sandbox_limits {
    uint64_t memory_bytes; /* beyond the process itself and the model's own bytes; also bounds what
                              it hands back */
    uint64_t time_us;      /* from start to end, and of processor time */
};

/* What a compile of a model of so many bytes may use by default, files included. */
uint64_t sandbox_memory_default(uint64_t bytes, uint64_t times);

/* What held the child. The limits of memory and time, and the loss of all privileges, are not
 * among them: without those nothing is compiled at all. */
struct sandbox_guards {
    int landlock_abi;  /* 0: the kernel has no Landlock, or may not be asked */
    bool seccomp;      /* only system calls of a short list; off in sanitizer builds alone */
    bool network;      /* a network namespace of its own, which is empty */
    bool memory_limit; /* off in sanitizer builds, whose shadow memory has no use for it */
};

struct sandbox_job {
    int model_fd; /* borrowed: a regular file or sandbox_hold's, read from its start */
    const char
        *folder; /* where files lie that the model may want by name; NULL: nowhere, but ... */
    /* ... from here: *fd is sandbox_hold's, of *bytes, and the compile's to close. The name is a
     * proven one (compile_file_name). NULL: folder it is.  errors: any; told as they are */
    enum status (*bring)(void *arg, const char *name, int *fd, uint64_t *bytes, struct err *err);
    void *bring_arg;
    struct compile_options options; /* but for its files; what it borrows is handed over */
    struct sandbox_limits limits;
    struct sandbox_limits tenant; /* where these are less they hold, and say so; 0: none */
    bool bare; /* compile in this process, for once trusting the model: no limits, no guards */
    /* The artifact is handed over as it came, and program stays NULL: its reader proves it. */
    bool unproven;
    /* Asked several times a second while the child runs; true ends it. NULL: nobody asks. */
    bool (*cancelled)(void *arg);
    void *cancelled_arg;
};

/* Embedded; zero it, or give artifact a maximum and a charge, before the call. */
struct sandbox_result {
    struct buf artifact;
    struct program *program; /* the artifact, opened: it is proved. NULL: job.unproven */
    struct sandbox_guards guards;
    uint64_t open_us; /* what opening took */
};

/* owns:    on OK the caller frees with sandbox_result_fini; on error there is nothing to free
 * thread:  any, several at once   locks: none
 * blocks:  disk, and until the child ends: up to limits.time_us
 * errors:  as compile_bytes; E_TOO_LARGE beyond the limits of memory or time; E_CORRUPT when the
 *          child crashed, broke a rule or handed back what does not verify; E_UNSUPPORTED when this
 *          kernel cannot hold a child; E_IO when none can be started; E_CANCELLED; E_NO_MEMORY,
 * also when out->artifact's charge refuses */
enum status sandbox_compile(const struct sandbox_job *job, struct sandbox_result *out,
                            struct err *err) WARN_UNUSED;
void sandbox_result_fini(struct sandbox_result *r);

/* A file without a name that holds n bytes and can be changed by nobody. The caller closes *fd.
 * errors: E_IO */
enum status sandbox_hold(const void *bytes, size_t n, int *fd, struct err *err) WARN_UNUSED;
/* The same in pieces: an empty file, bytes that follow those before, and the end of changes.
 * errors: E_IO */
enum status sandbox_hold_open(int *fd, struct err *err) WARN_UNUSED;
enum status sandbox_hold_add(int fd, const void *bytes, size_t n, struct err *err) WARN_UNUSED;
enum status sandbox_hold_seal(int fd, struct err *err) WARN_UNUSED;

/* "memory and time limits, seccomp, Landlock ABI 7, own network namespace" */
enum { SANDBOX_GUARDS_TEXT_MAX = 160 };
const char *sandbox_guards_text(const struct sandbox_guards *g, char out[SANDBOX_GUARDS_TEXT_MAX]);
/* Is something missing that this build asks for? */
bool sandbox_guards_whole(const struct sandbox_guards *g);

/* The child's whole life; the process's exit status. Refuses to run as anything but a child. */
int sandbox_serve(void);

#endif
