/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The ONNX compiler on any bytes: reader, passes, emit, and the runtime's own proof of what was
 * emitted. What compiles must compile to the same bytes again, and is run once where its inputs are
 * small. */
#include <string.h>

#include "base/alloc.h"
#include "compiler/compiler.h"
#include "runtime/session.h"
#include "tensor/text.h"

enum { INPUT_BYTES_MAX = 1 << 16, ARENA_BYTES_MAX = 1 << 24, SYMBOL = 2, STEPS_MAX = 3000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void fill_texts(struct tensor *t)
{
    static const struct text words[] = {{"a", 1}, {NULL, 0}, {"1.5", 3}, {"\xc3\x89t\xc3\xa9", 5}};
    for (int64_t i = 0; i < tensor_count(t); i++)
        ((struct text *)t->data)[i] = words[i % 4];
}

/* Every byte of an input is 1 in memory of its own, so that the address sanitizer sees its end. */
static bool fill(const struct port *port, struct tensor *t)
{
    uint64_t bytes;
    *t = (struct tensor){.dtype = port->dtype, .rank = port->rank};
    for (int d = 0; d < port->rank; d++)
        t->dims[d] = port->dims[d] < 0 ? SYMBOL : port->dims[d];
    if (!tensor_bytes(t, &bytes) || bytes > INPUT_BYTES_MAX ||
        !(t->data = alloc_aligned(64, bytes)))
        return false;
    memset(t->data, 1, bytes);
    if (t->dtype == DT_STRING)
        fill_texts(t);
    return true;
}

/* Every byte that a result's texts claim can be read, and is text. */
static void read_texts(const struct tensor *t)
{
    for (int64_t i = 0; t->dtype == DT_STRING && i < tensor_count(t); i++)
        ASSERT(text_valid(text_get(t, i).at, text_get(t, i).len));
}

static void run(const struct program *p)
{
    static struct tensor in[SIGNATURE_PORTS_MAX], out[SIGNATURE_PORTS_MAX];
    const struct signature *sig = program_signature(p);
    struct arena arena;
    struct session *session;
    struct run_limits limits = {.steps_max = STEPS_MAX};
    struct err err = {OK, ""};
    bool ready = true;
    arena_init(&arena, ARENA_BYTES_MAX, NULL);
    ASSERT(session_new(&arena, &session) == OK);
    memset(in, 0, sizeof(in));
    for (int i = 0; i < sig->n_inputs; i++)
        ready &= fill(&sig->inputs[i], &in[i]);
    if (ready) {
        enum status s = session_run(session, p, in, out, &limits, &err);
        ASSERT(s == OK || err.code == s);
        for (int i = 0; s == OK && i < sig->n_outputs; i++)
            read_texts(&out[i]);
    }
    for (int i = 0; i < sig->n_inputs; i++)
        alloc_free(in[i].data);
    session_free(&session);
    arena_fini(&arena);
}

/* Whatever files the model wants are there, with a few bytes each. */
static void give_files(const uint8_t *data, size_t n, struct compile_options *o, struct buf *names)
{
    static struct compile_file files[COMPILE_FILES_MAX];
    static const float bytes[16];
    struct err err;
    o->files = files;
    if (compile_files_wanted(data, n, o, names, &err) != OK)
        return;
    const char *p = (const char *)names->data;
    for (size_t at = 0; at < names->len; at += strlen(p + at) + 1) {
        ASSERT(compile_file_name(p + at, strlen(p + at)));
        files[o->n_files++] = (struct compile_file){p + at, bytes, sizeof(bytes)};
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct compile_options o = {.format = MODEL_ONNX};
    struct buf names = {0};
    give_files(data, n, &o, &names);
    struct buf one = {0}, two = {0};
    struct program *p;
    struct err err = {OK, ""};
    enum status s = compile_bytes(data, n, &o, &one, &err);
    ASSERT(s == OK || err.code == s);
    if (s == OK) {
        s = compile_bytes(data, n, &o, &two, &err);
        ASSERT(s == OK && one.len == two.len && memcmp(one.data, two.data, one.len) == 0);
        ASSERT(program_open_bytes(one.data, one.len, &p, &err) == OK);
        run(p);
        program_free(&p);
    }
    buf_fini(&one);
    buf_fini(&two);
    buf_fini(&names);
    return 0;
}
