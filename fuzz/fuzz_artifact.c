/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The artifact reader, and what it lets pass: hashes and costs, with their revision, are written
 * anew, so that the fuzzer gets behind them, and an artifact that binds must also run, on zeros and
 * on ones, within its arena. One that is cut short is taken as a version whose blobs lie apart, or
 * refused. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "loader/thin.h"
#include "runtime/session.h"
#include "tensor/text.h"

enum { REVISION_OFF = 20, META_OFF = 32, COST_OFF = 104, HASH_OFF = 128 }; /* docs/artifact.md */
enum { FILE_MAX = 1 << 18, INPUT_MAX = 1 << 16, PROGRAM_MAX = 1 << 26, ARENA_MAX = 1 << 24 };
enum { RUN_US = 200 * 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void rehash(uint8_t *file, size_t n)
{
    uint64_t meta;
    uint8_t digest[SHA256_BYTES];
    memcpy(&meta, file + META_OFF, sizeof(meta));
    memset(file + HASH_OFF, 0, SHA256_BYTES);
    enum status s = sha256_once(file, meta < n ? meta : n, digest);
    ASSERT(s == OK);
    memcpy(file + HASH_OFF, digest, SHA256_BYTES);
}

/* Bytes for an input of strings: half of them empty. */
static void *texts(void)
{
    static struct text all[INPUT_MAX / sizeof(struct text)];
    for (size_t i = 0; i < ARRAY_COUNT(all); i += 2)
        all[i] = (struct text){"\xc3\x89t\xc3\xa9", 5};
    return all;
}

/* Every byte that a result's texts claim can be read, and is text. */
static void read_texts(const struct tensor *t)
{
    for (int64_t i = 0; t->dtype == DT_STRING && i < tensor_count(t); i++)
        ASSERT(text_valid(text_get(t, i).at, text_get(t, i).len));
}

/* Every free dim is `free_dim`. False when an input would be too large for this test. */
static bool make_inputs(const struct signature *sig, int64_t free_dim, struct tensor *in,
                        void *zeros)
{
    for (int i = 0; i < sig->n_inputs; i++) {
        const struct port *port = &sig->inputs[i];
        uint64_t bytes;
        tensor_set_shape(&in[i], port->dtype, port->rank, port->dims);
        for (int k = 0; k < port->rank; k++)
            if (in[i].dims[k] < 0)
                in[i].dims[k] = free_dim;
        if (!tensor_bytes(&in[i], &bytes) || bytes > INPUT_MAX)
            return false;
        in[i].data = port->dtype == DT_STRING ? texts() : zeros;
    }
    return true;
}

static void run(const struct program *p)
{
    static uint8_t zeros[INPUT_MAX], ones[INPUT_MAX];
    static struct tensor in[SIGNATURE_PORTS_MAX], out[SIGNATURE_PORTS_MAX];
    struct arena arena;
    struct session *session;
    arena_init(&arena, ARENA_MAX, NULL);
    enum status s = session_new(&arena, &session);
    ASSERT(s == OK);
    memset(ones, 1, sizeof(ones));
    for (int64_t dim = 0; dim < 4; dim++) {
        struct err err = {0};
        const struct run_limits limits = {.deadline_us = clock_now_us() + RUN_US};
        if (!make_inputs(program_signature(p), dim, in, dim % 2 ? zeros : ones))
            break;
        s = session_run(session, p, in, out, &limits, &err);
        ASSERT(s == OK ? err.code == OK : err.code == s && err.msg[0]);
        ASSERT(s != E_INTERNAL);
        for (int i = 0; s == OK && i < program_signature(p)->n_outputs; i++)
            read_texts(&out[i]);
    }
    session_free(&session);
    arena_fini(&arena);
}

/* Shares what can be shared, so that every part of the bundle lives on its own. */
static struct bundle *bring(const struct artifact_reader *reader, const uint8_t *area)
{
    static enum blob_home homes[FILE_MAX / ARTIFACT_ALIGN];
    struct blob_record blob;
    struct bundle *b;
    struct err err;
    enum status s = OK;
    for (uint32_t i = 0; s == OK && i < reader->p0.n_blobs; i++) {
        s = artifact_read_blob(reader, i, &blob, &err);
        homes[i] = s == OK && bundle_shareable(&reader->p0, &blob) ? BLOB_SHARED : BLOB_OWN;
    }
    ASSERT(s == OK);
    s = bundle_new(reader, homes, &b, &err);
    ASSERT(s == OK);
    memcpy(b->region.base, area, reader->p0.blob_bytes);
    bundle_publish(b);
    return b;
}

static void bind_and_run(uint8_t *file, size_t n)
{
    struct artifact_page0 p0;
    struct artifact_cost cost;
    struct artifact_reader reader;
    struct bundle *bundle;
    struct program *p;
    struct err err;
    if (artifact_page0_read(file, n, &p0, &err) != OK || p0.file_bytes != n ||
        program_bytes(&p0) > PROGRAM_MAX || program_measure(file, n, &cost, &err) != OK)
        return;
    const uint64_t costs[] = {cost.arena_fixed, cost.arena_per_item, cost.scratch_bytes};
    memcpy(file + COST_OFF, costs, sizeof(costs));
    rehash(file, n);
    enum status s = artifact_page0_read(file, n, &p0, &err);
    if (s != OK)
        return; /* costs beyond the format's cap */
    s = artifact_reader_init(&reader, &p0, file, p0.meta_bytes, &err);
    ASSERT(s == OK); /* it was measured, and now declares what was measured */
    bundle = bring(&reader, file + p0.meta_bytes);
    s = program_bind(&reader, &bundle, &p, &err);
    ASSERT(s == OK);
    artifact_reader_fini(&reader);
    run(p);
    program_free(&p);
}

/* The n bytes as an object of the store: where it may be cut follows from its table of blobs. */
static void cut(const uint8_t *file, size_t n)
{
    struct artifact_page0 p0;
    struct artifact_reader reader;
    struct blob_record b = {.off = 0};
    struct err err;
    uint32_t first, apart;
    uint64_t bytes;
    if (artifact_page0_read(file, n, &p0, &err) != OK || p0.meta_bytes > n ||
        artifact_reader_init(&reader, &p0, file, p0.meta_bytes, &err) != OK)
        return;
    enum status s = thin_cut(&reader, &first, &bytes, &err);
    ASSERT(s == OK);
    ASSERT(first <= p0.n_blobs);
    ASSERT(bytes >= p0.meta_bytes && bytes <= p0.file_bytes);
    if (first < p0.n_blobs) {
        s = artifact_read_blob(&reader, first, &b, &err);
        ASSERT(s == OK);
        ASSERT(bytes == p0.meta_bytes + b.off && bytes % ARTIFACT_BLOB_ALIGN == 0);
    }
    s = thin_first(&reader, n, &apart, &err);
    ASSERT((s == OK) == (n == p0.file_bytes || n == bytes));
    ASSERT(s != OK || apart == (n == p0.file_bytes ? p0.n_blobs : first));
    artifact_reader_fini(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const uint32_t revision = ARTIFACT_COST_REVISION;
    if (n < ARTIFACT_PAGE0_BYTES || n > FILE_MAX)
        return 0;
    uint8_t *file = alloc_new(n); /* of exact size, for ASan */
    ASSERT(file);
    memcpy(file, data, n);
    memcpy(file + REVISION_OFF, &revision, sizeof(revision));
    rehash(file, n);
    cut(file, n);
    bind_and_run(file, n);
    alloc_free(file);
    return 0;
}
