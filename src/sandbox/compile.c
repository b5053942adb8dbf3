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

#include "base/clock.h"
#include "metrics/metrics.h"
#include "sandbox/sandbox_priv.h"

static const char own_binary[] = "/proc/self/exe";

static enum status cannot_hold(struct err *err)
{
    return err_set(err, E_IO, "cannot hold bytes for the compiler: %s", strerror(errno));
}

enum status sandbox_hold_open(int *fd, struct err *err)
{
    *fd = memfd_create("roost-model", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return *fd >= 0 ? OK : cannot_hold(err);
}

enum status sandbox_hold_add(int fd, const void *bytes, size_t n, struct err *err)
{
    return child_write(fd, bytes, n) ? OK : cannot_hold(err);
}

enum status sandbox_hold_seal(int fd, struct err *err)
{
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    return fcntl(fd, F_ADD_SEALS, seals) == 0 ? OK : cannot_hold(err);
}

enum status sandbox_hold(const void *bytes, size_t n, int *fd, struct err *err)
{
    int held;
    enum status s = sandbox_hold_open(&held, err);
    if (s != OK)
        return s;
    s = sandbox_hold_add(held, bytes, n, err);
    if (s == OK)
        s = sandbox_hold_seal(held, err);
    if (s == OK)
        *fd = held;
    else
        close(held);
    return s;
}

uint64_t sandbox_memory_default(uint64_t bytes, uint64_t times)
{
    const uint64_t most = (UINT64_MAX >> 1) - ((uint64_t)SANDBOX_MEMORY_MIB << 20);
    return ((uint64_t)SANDBOX_MEMORY_MIB << 20) + (bytes > most / times ? most : times * bytes);
}

/* A tenant's limit where it is less than the others'; 0: it has none. */
static bool narrow(uint64_t *limit, uint64_t tenants)
{
    const bool less = tenants && tenants < *limit;
    *limit = less ? tenants : *limit;
    return less;
}

/* The limits in force for a model and files of so many bytes. */
static enum status settle_limits(const struct sandbox_job *job, uint64_t files_bytes,
                                 struct child_limits *out, struct err *err)
{
    struct sandbox_limits l = job->limits;
    const bool low = job->options.precision.precision != PRECISION_FP32;
    const uint64_t times = low ? SANDBOX_MEMORY_TIMES_NARROW : SANDBOX_MEMORY_TIMES;
    struct stat st;
    if (fstat(job->model_fd, &st) != 0)
        return err_set(err, E_IO, "cannot read the model: %s", strerror(errno));
    uint64_t least = (uint64_t)SANDBOX_MEMORY_MIN_MIB << 20;
    uint64_t model = (uint64_t)MIN(st.st_size, (off_t)CHILD_MODEL_MAX);
    if (!l.memory_bytes)
        l.memory_bytes = sandbox_memory_default(model + files_bytes, times);
    if (!l.time_us)
        l.time_us = (uint64_t)SANDBOX_TIME_S * 1000000;
    *out = (struct child_limits){.memory_bytes = l.memory_bytes, .time_us = l.time_us};
    out->memory_tenants = narrow(&out->memory_bytes, job->tenant.memory_bytes);
    out->time_tenants = narrow(&out->time_us, job->tenant.time_us);
    out->memory_bytes = MAX(out->memory_bytes, least);
    return OK;
}

/* The request with the files' names behind it. */
static enum status write_request(const struct sandbox_job *job, const struct child_limits *l,
                                 const struct buf *names, uint32_t n_files, int *fd,
                                 struct err *err)
{
    struct child_request r;
    struct buf all = {0};
    memset(&r, 0, sizeof(r));
    r.magic = CHILD_REQUEST_MAGIC;
    r.parent = getpid();
    r.format = (uint32_t)job->options.format;
    r.time_s = (uint32_t)MIN((l->time_us + 999999) / 1000000, (uint64_t)UINT32_MAX / 2);
    r.memory_bytes = l->memory_bytes;
    r.passes_off = job->options.passes_off;
    r.optimize = (uint32_t)job->options.optimize;
    r.precision = (uint32_t)job->options.precision.precision;
    r.bounded = job->options.precision.bounded;
    r.error_max = job->options.precision.error_max;
    r.calibrated = job->options.precision.calibration != NULL;
    r.n_files = n_files;
    r.names_bytes = (uint32_t)names->len;
    enum status s = buf_add(&all, &r, sizeof(r));
    if (s == OK)
        s = buf_add(&all, names->data, names->len);
    s = s == OK ? sandbox_hold(all.data, all.len, fd, err) : err_set(err, s, "out of memory");
    buf_fini(&all);
    return s;
}

enum status sandbox_prove(struct sandbox_result *out, struct err *err)
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

/* *fd stays -1 when there are none. */
static enum status hold_calibration(const struct sandbox_job *job, int *fd, struct err *err)
{
    const struct precision_wish *wish = &job->options.precision;
    return wish->calibration ? sandbox_hold(wish->calibration, wish->calibration_bytes, fd, err)
                             : OK;
}

/* The files that a child has, and how long the one before it ran: both have one time. */
struct child_turn {
    const struct buf *names;
    const struct child_files *files;
    uint64_t spent_us;
};

/* One child: to its artifact, or to the names of the files that it wants first. */
static enum status one_child(const char *program, const struct sandbox_job *job,
                             const struct child_turn *turn, struct buf *artifact,
                             struct child_words *words, struct err *err)
{
    const struct child_files *files = turn->files;
    const char *const argv[] = {"roost", SANDBOX_VERB, NULL};
    struct child_limits l = {.memory_bytes = 0};
    int fds[CHILD_FDS_MAX], held = -1;
    struct child_spec spec = {.program = program,
                              .argv = argv,
                              .model_fd = job->model_fd,
                              .file_fds = fds,
                              .n_files = files->n};
    struct child_end end;
    memcpy(fds, files->fds, files->n * sizeof(*fds));
    enum status s = settle_limits(job, files->bytes, &l, err);
    if (s == OK)
        s = hold_calibration(job, &held, err);
    if (s == OK)
        s = write_request(job, &l, turn->names, files->n, &spec.request_fd, err);
    if (s != OK) {
        if (held >= 0)
            close(held);
        return s;
    }
    if (held >= 0)
        fds[spec.n_files++] = held;
    spec.result_max = l.memory_bytes;
    spec.time_us = l.time_us > turn->spent_us ? l.time_us - turn->spent_us : 1;
    spec.cancelled = job->cancelled;
    spec.cancelled_arg = job->cancelled_arg;
    child_end_init(&end, artifact);
    metric_add(M_COMPILE_MEMORY, l.memory_bytes);
    s = child_run(&spec, &end, err);
    metric_add(M_COMPILE_MEMORY, -l.memory_bytes);
    close(spec.request_fd);
    if (held >= 0)
        close(held);
    if (s == OK)
        s = child_verdict(&end, &l, words, err);
    child_end_fini(&end);
    return s;
}

/* A second child for a model whose data lie in files: the first could only name them. */
static enum status with_files(const char *program, const struct sandbox_job *job, uint64_t spent_us,
                              struct buf *artifact, struct child_words *words, struct err *err)
{
    struct child_files files;
    struct buf names = words->wants;
    *words = (struct child_words){.log = {.n = 0}};
    enum status s = files_open(job, &names, &files, err);
    if (s == OK) {
        const struct child_turn turn = {&names, &files, spent_us};
        s = one_child(program, job, &turn, artifact, words, err);
        files_close(&files);
    }
    if (s == OK && words->wants.len) {
        buf_fini(&words->wants);
        s = err_set(err, E_CORRUPT, "the compiler's answer is garbled: it wants files again");
    }
    buf_fini(&names);
    return s;
}

enum status sandbox_compile_by(const char *program, const struct sandbox_job *job,
                               struct sandbox_result *out, struct err *err)
{
    const struct child_files no_files = {.n = 0};
    const struct buf no_names = {0};
    const struct child_turn first = {&no_names, &no_files, 0};
    const uint64_t began_us = clock_now_us();
    struct child_words words;
    struct err unread;
    err = err ? err : &unread;
    enum status s = one_child(program, job, &first, &out->artifact, &words, err);
    if (s == OK && words.wants.len)
        s = with_files(program, job, clock_now_us() - began_us, &out->artifact, &words, err);
    if (s == OK) {
        out->guards = words.guards;
        if (job->options.log)
            *job->options.log = words.log;
        if (job->options.report)
            *job->options.report = words.report;
        s = job->unproven ? OK : sandbox_prove(out, err);
    }
    if (s != OK)
        buf_fini(&out->artifact);
    return s;
}

enum status sandbox_compile(const struct sandbox_job *job, struct sandbox_result *out,
                            struct err *err)
{
    return job->bare ? compile_bare(job, out, err) : sandbox_compile_by(own_binary, job, out, err);
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
