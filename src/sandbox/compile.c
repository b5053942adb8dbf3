/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The door: limits and a model in, a proved artifact out. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/clock.h"
#include "sandbox/sandbox_priv.h"

static const char own_binary[] = "/proc/self/exe";

enum status sandbox_hold(const void *bytes, size_t n, int *fd, struct err *err)
{
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    int held = memfd_create("roost-model", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (held >= 0 && child_write(held, bytes, n) && fcntl(held, F_ADD_SEALS, seals) == 0) {
        *fd = held;
        return OK;
    }
    err_set(err, E_IO, "cannot hold %zu bytes for the compiler: %s", n, strerror(errno));
    if (held >= 0)
        close(held);
    return E_IO;
}

/* The limits in force for a model of so many bytes. */
static enum status settle_limits(int model_fd, struct sandbox_limits *l, struct err *err)
{
    struct stat st;
    if (fstat(model_fd, &st) != 0)
        return err_set(err, E_IO, "cannot read the model: %s", strerror(errno));
    uint64_t least = (uint64_t)SANDBOX_MEMORY_MIN_MIB << 20;
    if (!l->memory_bytes)
        l->memory_bytes = ((uint64_t)SANDBOX_MEMORY_MIB << 20) +
                          SANDBOX_MEMORY_TIMES * (uint64_t)MIN(st.st_size, (off_t)CHILD_MODEL_MAX);
    if (!l->time_us)
        l->time_us = (uint64_t)SANDBOX_TIME_S * 1000000;
    l->memory_bytes = MAX(l->memory_bytes, least);
    return OK;
}

static enum status write_request(const struct sandbox_job *job, const struct sandbox_limits *l,
                                 int *fd, struct err *err)
{
    struct child_request r;
    memset(&r, 0, sizeof(r));
    r.magic = CHILD_REQUEST_MAGIC;
    r.parent = getpid();
    r.format = (uint32_t)job->options.format;
    r.time_s = (uint32_t)MIN((l->time_us + 999999) / 1000000, (uint64_t)UINT32_MAX / 2);
    r.memory_bytes = l->memory_bytes;
    r.passes_off = job->options.passes_off;
    return sandbox_hold(&r, sizeof(r), fd, err);
}

/* A child that hands back what does not verify is as wrong as one that crashed. */
static enum status prove(struct sandbox_result *out, struct err *err)
{
    uint64_t begin = clock_now_us();
    enum status s = program_open_bytes(out->artifact.data, out->artifact.len, &out->program, err);
    out->open_us = clock_now_us() - begin;
    if (s == OK || s == E_NO_MEMORY)
        return s;
    char words[sizeof(err->msg)];
    memcpy(words, err->msg, sizeof(words));
    return err_set(err, E_CORRUPT, "the compiler's artifact does not verify: %s", words);
}

enum status sandbox_compile_by(const char *program, const struct sandbox_job *job,
                               struct sandbox_result *out, struct err *err)
{
    const char *const argv[] = {"roost", SANDBOX_VERB, NULL};
    struct sandbox_limits l = job->limits;
    struct child_spec spec = {.program = program, .argv = argv, .model_fd = job->model_fd};
    struct child_words words;
    struct child_end end;
    struct err unread;
    err = err ? err : &unread;
    enum status s = settle_limits(job->model_fd, &l, err);
    if (s == OK)
        s = write_request(job, &l, &spec.request_fd, err);
    if (s != OK)
        return s;
    spec.result_max = l.memory_bytes;
    spec.time_us = l.time_us;
    child_end_init(&end, &out->artifact);
    s = child_run(&spec, &end, err);
    close(spec.request_fd);
    if (s == OK)
        s = child_verdict(&end, &l, &words, err);
    child_end_fini(&end);
    if (s == OK) {
        out->guards = words.guards;
        if (job->options.log)
            *job->options.log = words.log;
        s = prove(out, err);
    }
    if (s != OK)
        buf_fini(&out->artifact);
    return s;
}

enum status sandbox_compile(const struct sandbox_job *job, struct sandbox_result *out,
                            struct err *err)
{
    return sandbox_compile_by(own_binary, job, out, err);
}

void sandbox_result_fini(struct sandbox_result *r)
{
    buf_fini(&r->artifact);
    if (r->program)
        program_free(&r->program);
}

const char *sandbox_guards_text(const struct sandbox_guards *g, char out[SANDBOX_GUARDS_TEXT_MAX])
{
    char landlock[32];
    snprintf(landlock, sizeof(landlock), "Landlock ABI %d", g->landlock_abi);
    snprintf(out, SANDBOX_GUARDS_TEXT_MAX, "%s, %s, %s, %s",
             g->memory_limit ? "limits of memory and time" : "limit of time, none of memory",
             g->seccomp ? "seccomp" : "no seccomp", g->landlock_abi ? landlock : "no Landlock",
             g->network ? "empty network" : "no network namespace");
    return out;
}

bool sandbox_guards_whole(const struct sandbox_guards *g)
{
    return g->memory_limit && g->seccomp && g->landlock_abi && g->network;
}
