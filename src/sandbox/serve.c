/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The child's life: read what is asked, make ready what the confined process could not get any
 * more, give everything up, compile, answer, end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "kernels/cpu.h"
#include "kernels/kernels.h"
#include "sandbox/sandbox_priv.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_NO_CHILD = 2 };

bool child_request_read(struct child_request *r)
{
    return pread(CHILD_REQUEST, r, sizeof(*r), 0) == (ssize_t)sizeof(*r) &&
           r->magic == CHILD_REQUEST_MAGIC;
}

bool child_write(int fd, const void *bytes, size_t n)
{
    const char *p = bytes;
    while (n) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno != EINTR)
            return false;
        if (done > 0) {
            p += done;
            n -= (size_t)done;
        }
    }
    return true;
}

bool child_note(uint32_t kind, const void *bytes, size_t n)
{
    struct child_note head = {kind, (uint32_t)n};
    return child_write(CHILD_REPORT, &head, sizeof(head)) && child_write(CHILD_REPORT, bytes, n);
}

static int fail(const struct err *err)
{
    struct {
        uint32_t status;
        char text[sizeof(err->msg)];
    } note = {.status = (uint32_t)err->code};
    memcpy(note.text, err->msg, sizeof(note.text));
    (void)child_note(NOTE_ERROR, &note, sizeof(note.status) + strlen(err->msg));
    return EXIT_FAILED;
}

/* The names lie in a buffer that lives as long as the process. */
static enum status map_files(const struct child_request *r, struct child_source *src,
                             struct err *err)
{
    static char names[COMPILE_FILES_MAX * (COMPILE_FILE_NAME_MAX + 1)];
    ssize_t n = pread(CHILD_REQUEST, names, sizeof(names), sizeof(*r));
    if (n != (ssize_t)r->names_bytes || r->n_files > COMPILE_FILES_MAX)
        return err_set(err, E_IO, "the request to the compiler is cut short");
    const char *name = names;
    enum status s = OK;
    for (uint32_t i = 0; s == OK && i < r->n_files; i++, name += strlen(name) + 1)
        s = source_map_file(src, name, CHILD_FILES + (int)i, err);
    if (s == OK && r->calibrated)
        s = source_map_calibration(src, CHILD_FILES + (int)r->n_files, err);
    return s;
}

static int by_nothing(const void *a, const void *b)
{
    UNUSED(a);
    UNUSED(b);
    return 0;
}

/* What initialises itself at its first use, by files and calls that are out of reach later: BLAS
 * its buffer, libcrypto its configuration, qsort the size of memory, our hashing its seed. */
static enum status warm_up(struct err *err)
{
    enum { N = 128 }; /* too large for the kernels that need no buffer */
    static float a[N * N], y[N * N];
    uint8_t digest[SHA256_BYTES];
    const struct gemm g = {
        .m = N, .n = N, .k = N, .a = a, .b = a, .y = y, .lda = N, .ldb = N, .ldy = N, .alpha = 1};
    gemm_f32(&g);
    qsort(a, N * N, sizeof(*a), by_nothing);
    (void)hash_name("");
    return sha256_once("", 0, digest) == OK ? OK : err_set(err, E_NO_MEMORY, "out of memory");
}

static bool tell_guards(const struct sandbox_guards *g)
{
    struct child_guards note = {g->landlock_abi, g->seccomp, g->network, g->memory_limit, 0};
    return child_note(NOTE_GUARDS, &note, sizeof(note));
}

static int compile(const struct child_request *r, const struct child_source *src)
{
    static struct pass_log log;
    static struct precision_report report;
    struct compile_options o = {.format = (enum model_format)r->format,
                                .passes_off = r->passes_off,
                                .optimize = (enum optimize)r->optimize,
                                .precision = {.precision = (enum precision)r->precision,
                                              .calibration = src->calibration.bytes,
                                              .calibration_bytes = src->calibration.n,
                                              .bounded = r->bounded,
                                              .error_max = r->error_max},
                                .report = &report,
                                .log = &log,
                                .files = src->files,
                                .n_files = src->n_files};
    struct buf artifact = {0}, wants = {0};
    struct err err = {E_INTERNAL, "the compiler gave no reason"};
    if (!r->n_files && compile_files_wanted(src->bytes, src->n, &o, &wants, &err) != OK)
        return fail(&err);
    if (wants.len)
        return child_note(NOTE_WANTS, wants.data, wants.len) ? EXIT_DONE : EXIT_FAILED;
    if (compile_bytes(src->bytes, src->n, &o, &artifact, &err) != OK)
        return fail(&err);
    uint64_t len = artifact.len;
    if (!child_note(NOTE_PASSES, log.steps, log.n * sizeof(log.steps[0])) ||
        !child_note(NOTE_PRECISION, &report, sizeof(report)) ||
        !child_write(CHILD_RESULT, artifact.data, artifact.len) ||
        !child_note(NOTE_DONE, &len, sizeof(len)))
        return EXIT_FAILED;
    return EXIT_DONE;
}

int sandbox_serve(void)
{
    static struct child_source src;
    struct child_request r;
    struct sandbox_guards guards;
    struct err err;
    if (!child_request_read(&r)) {
        fputs("roost: " SANDBOX_VERB " is started by roost itself\n", stderr);
        return EXIT_NO_CHILD;
    }
    /* What is measured stands in the artifact, which must not hang on the machine. */
    if (r.calibrated)
        setenv("ROOST_CPU", cpu_level_name(CPU_GENERIC), 1);
    enum status s = source_map_model(&src, CHILD_MODEL, &err);
    if (s == OK)
        s = map_files(&r, &src, &err);
    if (s == OK)
        s = warm_up(&err);
    if (s == OK)
        s = confine(&r, &guards, &err);
    int code = s != OK ? fail(&err) : !tell_guards(&guards) ? EXIT_FAILED : compile(&r, &src);
    _exit(code); /* nothing is left to flush, and what exit handlers ask for may be forbidden */
}
