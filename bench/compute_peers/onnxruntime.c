/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The library hands out a table of functions whose order never changes; the numbers below are the
 * places of those that are called here.  source: ONNX Runtime's documentation of its C API */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "onnxruntime.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    ERROR_MESSAGE = 2,
    CREATE_ENV = 3,
    CREATE_SESSION = 7,
    RUN = 9,
    CREATE_OPTIONS = 10,
    OPTIMIZE = 23,
    INTRA_THREADS = 24,
    INTER_THREADS = 25,
    INPUT_NAME = 36,
    OUTPUT_NAME = 37,
    CREATE_TENSOR = 49,
    TENSOR_DATA = 51,
    ELEMENT_COUNT = 64,
    TENSOR_SHAPE = 65,
    CPU_MEMORY = 69,
    DEFAULT_ALLOCATOR = 78,
    RELEASE_SESSION = 95,
    RELEASE_VALUE = 96,
    RELEASE_SHAPE = 99,
    API_VERSION = 17,
    ALL_OPTIMIZATIONS = 99,
    DEVICE_ALLOCATOR = 0,
    MEMORY_DEFAULT = 0,
    FLOAT32 = 1,
    LOG_ERROR = 3,
    XGETBV_PLACES = 3, /* in version 1.30.0 */
};

/* A function returns NULL, or a status that carries a message. */
typedef void *call(void *, ...);
struct api_base {
    void *(*get_api)(uint32_t version);
    const char *(*version)(void);
};

struct ort_session {
    void *session, *in, *out;
    char *in_name, *out_name;
};

static void *const *api;
static void *env, *memory, *allocator;

#define FUNCTION(i, type) ((type)api[i])

static void check(void *status, const char *what)
{
    typedef const char *message_fn(void *);
    if (!status)
        return;
    fprintf(stderr, "ONNX Runtime: %s: %s\n", what, FUNCTION(ERROR_MESSAGE, message_fn *)(status));
    exit(1);
}

/* ---- ROOST_CPU=avx2 for the peer, which has no such switch ---- */

struct code {
    const char *library;
    int places;
};

/* Is this XGETBV? Not the end of "and $15, %eax" and an "add" behind it, which are these bytes too.
 */
static bool is_xgetbv(const uint8_t *at)
{
    return memcmp(at, "\x0f\x01\xd0", 3) == 0 && !(at[-2] == 0x83 && (at[-1] & 0xf8) == 0xe0);
}

/* Which registers the system keeps is what the library asks before it takes wider ones. Its low
 * byte becomes 7, which is all but those of AVX-512: mov $7, %al; nop. */
static int overwrite(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct code *c = arg;
    (void)size;
    if (strcmp(info->dlpi_name, c->library) != 0)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
        if (h->p_type != PT_LOAD || !(h->p_flags & PF_X))
            continue;
        uint8_t *code = (uint8_t *)(info->dlpi_addr + h->p_vaddr);
        uint8_t *page = code - (uintptr_t)code % 4096;
        const size_t bytes = h->p_memsz + (size_t)(code - page);
        if (mprotect(page, bytes, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
            return 1;
        for (size_t k = 2; k + 3 <= h->p_memsz; k++)
            if (is_xgetbv(code + k)) {
                memcpy(code + k, "\xb0\x07\x90", 3);
                c->places++;
            }
        return mprotect(page, bytes, PROT_READ | PROT_EXEC) != 0;
    }
    return 1;
}

static void keep_to_level(const char *library)
{
    const char *level = getenv("ROOST_CPU");
    struct code c = {library, 0};
    if (!level || strcmp(level, "avx512") == 0)
        return;
    if (strcmp(level, "avx2") != 0) {
        fprintf(stderr, "ONNX Runtime can be kept to avx2, not to ROOST_CPU=%s\n", level);
        exit(1);
    }
    if (dl_iterate_phdr(overwrite, &c) != 0 || c.places != XGETBV_PLACES) {
        fprintf(stderr, "%s asks for its registers in %d places, %d are known\n", library, c.places,
                XGETBV_PLACES);
        exit(1);
    }
}

const char *ort_load(const char *library)
{
    typedef const struct api_base *base_fn(void);
    typedef void *env_fn(int, const char *, void **);
    typedef void *memory_fn(int, int, void **);
    typedef void *allocator_fn(void **);
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    base_fn *base = handle ? (base_fn *)dlsym(handle, "OrtGetApiBase") : NULL;
    api = base ? base()->get_api(API_VERSION) : NULL;
    if (!api) {
        fprintf(stderr, "cannot load %s: %s\n", library, dlerror());
        exit(1);
    }
    keep_to_level(library);
    check(FUNCTION(CREATE_ENV, env_fn *)(LOG_ERROR, "bench", &env), "environment");
    check(FUNCTION(CPU_MEMORY, memory_fn *)(DEVICE_ALLOCATOR, MEMORY_DEFAULT, &memory), "memory");
    check(FUNCTION(DEFAULT_ALLOCATOR, allocator_fn *)(&allocator), "allocator");
    return base()->version();
}

struct ort_session *ort_open(const char *path)
{
    typedef void *options_fn(void **);
    typedef void *set_fn(void *, int);
    typedef void *create_fn(void *, const char *, void *, void **);
    typedef void *name_fn(void *, size_t, void *, char **);
    struct ort_session *s = calloc(1, sizeof(*s));
    void *options;
    check(FUNCTION(CREATE_OPTIONS, options_fn *)(&options), "options");
    check(FUNCTION(OPTIMIZE, set_fn *)(options, ALL_OPTIMIZATIONS), "optimisation");
    check(FUNCTION(INTRA_THREADS, set_fn *)(options, 1), "threads");
    check(FUNCTION(INTER_THREADS, set_fn *)(options, 1), "threads");
    check(FUNCTION(CREATE_SESSION, create_fn *)(env, path, options, &s->session), path);
    check(FUNCTION(INPUT_NAME, name_fn *)(s->session, 0, allocator, &s->in_name), "input");
    check(FUNCTION(OUTPUT_NAME, name_fn *)(s->session, 0, allocator, &s->out_name), "output");
    return s;
}

static void release(int function, void *what)
{
    typedef void release_fn(void *);
    if (what)
        FUNCTION(function, release_fn *)(what);
}

void ort_close(struct ort_session *s)
{
    release(RELEASE_VALUE, s->in);
    release(RELEASE_VALUE, s->out);
    release(RELEASE_SESSION, s->session);
    free(s);
}

void ort_bind(struct ort_session *s, const float *data, const int64_t *dims, size_t rank)
{
    typedef void *tensor_fn(void *, const void *, size_t, const int64_t *, size_t, int, void **);
    size_t bytes = sizeof(*data);
    for (size_t i = 0; i < rank; i++)
        bytes *= (size_t)dims[i];
    check(FUNCTION(CREATE_TENSOR, tensor_fn *)(memory, data, bytes, dims, rank, FLOAT32, &s->in),
          "tensor");
}

const float *ort_run(struct ort_session *s, size_t *count)
{
    typedef void *run_fn(void *, void *, const char *const *, void *const *, size_t,
                         const char *const *, size_t, void **);
    typedef void *data_fn(void *, void **);
    typedef void *shape_fn(void *, void **);
    typedef void *count_fn(void *, size_t *);
    void *data, *shape;
    const char *in = s->in_name, *out = s->out_name;
    release(RELEASE_VALUE, s->out);
    s->out = NULL;
    check(FUNCTION(RUN, run_fn *)(s->session, NULL, &in, &s->in, 1, &out, 1, &s->out), "run");
    check(FUNCTION(TENSOR_DATA, data_fn *)(s->out, &data), "output");
    if (count) {
        check(FUNCTION(TENSOR_SHAPE, shape_fn *)(s->out, &shape), "output");
        check(FUNCTION(ELEMENT_COUNT, count_fn *)(shape, count), "output");
        release(RELEASE_SHAPE, shape);
    }
    return data;
}
