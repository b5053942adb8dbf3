/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Parts of one region that come and go on their own: each byte is where it is looked for, what is
 * counted is what is held, and the order in which parts go does not matter. */
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "mem/pool.h"
#include "runtime/session.h"
#include "support/model.h"
#include "support/support.h"

enum { CONSTS = 4, HOMES = 3 };

static struct model m;
static struct buf file;
static struct artifact_page0 p0;
static struct artifact_reader reader;

/* Blobs of 1.5, 1, 2 and 1 times 64 KiB and some bytes, behind a pack: y = x, all consts, chained.
 */
static void setup(void)
{
    static float large[CONSTS][40000];
    static const int64_t counts[CONSTS] = {24577, 16384, 32769, 16400};
    struct err err;
    model_init(&m);
    int32_t v = model_input(&m, "x", DT_F32, 1, (int64_t[]){DIM_FREE});
    for (int i = 0; i < CONSTS; i++) {
        for (int64_t k = 0; k < counts[i]; k++)
            large[i][k] = (float)(k * (i + 3) % 1000);
        int32_t c = model_const(&m, DT_F32, 1, &counts[i], large[i]);
        v = model_node(&m, "Concat", 13, v, c, ARTIFACT_NO_TENSOR);
        model_attr(&m, (struct attr){.key = ATTR_axis, .type = ATTR_INT, .count = 1});
    }
    int32_t small = model_const(&m, DT_F32, 1, (int64_t[]){3}, large[0]);
    v = model_node(&m, "Concat", 13, v, small, ARTIFACT_NO_TENSOR);
    model_attr(&m, (struct attr){.key = ATTR_axis, .type = ATTR_INT, .count = 1});
    model_output(&m, "y", v, DT_F32, 1, (int64_t[]){DIM_FREE});
    model_write(&m, NULL, &file);
    ck_ok(artifact_page0_read(file.data, file.len, &p0, &err), &err);
    ck_ok(artifact_reader_init(&reader, &p0, file.data, p0.meta_bytes, &err), &err);
    ck_assert_uint_eq(p0.n_blobs, CONSTS + 1);
}

static void teardown(void)
{
    artifact_reader_fini(&reader);
    buf_fini(&file);
    ck_assert_uint_eq(region_live_bytes(), 0);
}

static struct blob_record blob(uint32_t i)
{
    struct blob_record b;
    struct err err;
    ck_ok(artifact_read_blob(&reader, i, &b, &err), &err);
    return b;
}

/* A bundle with its bytes; what lies elsewhere stands in the file. */
static struct bundle *bring(const enum blob_home *homes)
{
    struct bundle *b;
    struct err err;
    ck_ok(bundle_new(&reader, homes, &b, &err), &err);
    for (uint32_t i = 0; i < p0.n_blobs; i++) {
        const uint8_t *from = file.data + p0.meta_bytes + blob(i).off;
        if (homes[i] == BLOB_ELSEWHERE)
            b->blobs[i] = from;
        else
            memcpy((uint8_t *)(uintptr_t)b->blobs[i], from, blob(i).bytes);
    }
    return b;
}

static uint64_t own_bytes(void)
{
    uint64_t own = program_bytes(&p0);
    for (uint32_t i = 1; i < p0.n_blobs; i++)
        own -= bundle_blob_bytes(&(struct blob_record){.bytes = blob(i).bytes});
    return own;
}

/* Runs p and compares with what the constants say. */
static void run(const struct program *p)
{
    static const float x = 7;
    struct arena arena;
    struct session *session;
    struct err err;
    struct tensor in, out;
    arena_init(&arena, 1 << 26, NULL);
    ck_assert_int_eq(session_new(&arena, &session), OK);
    tensor_set_shape(&in, DT_F32, 1, (int64_t[]){1});
    in.data = (void *)(uintptr_t)&x;
    ck_ok(session_run(session, p, &in, &out, NULL, &err), &err);
    const float *y = out.data;
    ck_assert(*y++ == x);
    for (uint32_t i = 1; i < p0.n_blobs; i++) {
        ck_assert_mem_eq(y, file.data + p0.meta_bytes + blob(i).off, blob(i).bytes);
        y += blob(i).bytes / sizeof(float);
    }
    session_free(&session);
    arena_fini(&arena);
}

/* Every blob is own, shared or elsewhere, in every mixture. */
START_TEST(a_program_runs_wherever_its_blobs_lie)
{
    setup();
    for (int mix = 0; mix < HOMES * HOMES * HOMES * HOMES; mix++) {
        enum blob_home homes[CONSTS + 1] = {BLOB_OWN};
        uint64_t elsewhere = 0;
        struct program *p;
        struct err err;
        for (int i = 0, at = mix; i < CONSTS; i++, at /= HOMES) {
            homes[i + 1] = (enum blob_home)(at % HOMES);
            const struct blob_record b = blob((uint32_t)i + 1);
            elsewhere += homes[i + 1] == BLOB_ELSEWHERE ? bundle_blob_bytes(&b) : 0;
        }
        struct bundle *b = bring(homes), *kept = b;
        ck_assert_uint_eq(region_live_bytes(), program_bytes(&p0) - elsewhere);
        ck_ok(program_bind(&reader, &b, &p, &err), &err);
        bundle_publish(kept);
        run(p);
        struct blob_part *parts = kept->parts; /* there until the last of them is free */
        const uint32_t n = kept->n_parts;
        program_free(&p);
        for (uint32_t i = 0; i < n; i++)
            blob_part_free(&parts[i]);
        ck_assert_uint_eq(region_live_bytes(), 0);
    }
    teardown();
}
END_TEST

/* In every order of five parts; what is left after each is counted and unharmed. */
START_TEST(parts_go_in_any_order)
{
    const enum blob_home homes[] = {BLOB_OWN, BLOB_SHARED, BLOB_SHARED, BLOB_SHARED, BLOB_SHARED};
    setup();
    for (int order = 0; order < 120; order++) {
        struct bundle *b = bring(homes);
        uint64_t held = program_bytes(&p0);
        int left[] = {0, 1, 2, 3, 4}, at = order;
        bundle_publish(b);
        struct blob_part *parts = b->parts;
        const uint8_t *bytes[CONSTS + 1];
        memcpy(bytes, b->blobs, sizeof(bytes));
        for (int n = 5; n > 0; n--) {
            int pick = at % n, part = left[pick];
            at /= n;
            left[pick] = left[n - 1];
            held -= part ? parts[part - 1].bytes : own_bytes();
            if (part)
                blob_part_free(&parts[part - 1]);
            else
                bundle_free(&b);
            ck_assert_uint_eq(region_live_bytes(), held);
            for (int k = 0; k < n - 1; k++)
                ck_assert_mem_eq(bytes[left[k]],
                                 file.data + p0.meta_bytes + blob((uint32_t)left[k]).off,
                                 blob((uint32_t)left[k]).bytes);
        }
    }
    teardown();
}
END_TEST

START_TEST(an_unpublished_bundle_goes_whole)
{
    const enum blob_home homes[] = {BLOB_OWN, BLOB_SHARED, BLOB_SHARED, BLOB_OWN, BLOB_SHARED};
    setup();
    struct bundle *b = bring(homes);
    ck_assert_uint_gt(b->region.bytes, 0);
    bundle_free(&b);
    ck_assert_ptr_null(b);
    teardown();
}
END_TEST

/* Is there still memory under the third blob, once all went but the parts in `stay` (bits), and
 * then those? Then its pages were kept; what the kernel got back is only an address. */
static bool kept_without(uint32_t stay, bool announced)
{
    const enum blob_home homes[] = {BLOB_OWN, BLOB_SHARED, BLOB_SHARED, BLOB_SHARED, BLOB_SHARED};
    const struct pool_limits before = pool_limits(), none = {.total_max = UINT64_MAX};
    unsigned char there = 0;
    pool_set_limits(&none);
    pool_set_limits(&before);
    struct bundle *b = bring(homes);
    bundle_publish(b);
    struct blob_part *parts = b->parts;
    uint8_t *at = parts[2].base;
    for (uint32_t i = 0; announced && i < CONSTS; i++)
        if (!(stay >> i & 1))
            blob_part_announce(&parts[i]);
    bundle_free(&b);
    for (uint32_t i = 0; i < CONSTS; i++)
        if (!(stay >> i & 1))
            blob_part_free(&parts[i]);
    for (uint32_t i = 0; i < CONSTS; i++)
        if (stay >> i & 1)
            blob_part_free(&parts[i]);
    ck_assert_uint_eq(region_live_bytes(), 0);
    return mincore(at, 4096, &there) == 0 && there & 1;
}

/* Where a part stays, or nothing was announced, the others' pages are the kernel's. */
START_TEST(parts_that_go_together_are_recycled)
{
    setup();
    ck_assert(kept_without(0, true));
    ck_assert(!kept_without(0, false));
    for (uint32_t stay = 1; stay < 1u << CONSTS; stay++)
        if (!(stay & 4))
            ck_assert(!kept_without(stay, true));
    teardown();
}
END_TEST

/* Frees the own part first or last, and those of blobs in an order that begins with `first`. */
static void free_all(struct bundle *b, uint32_t first, bool own_first)
{
    struct blob_part *parts = b->parts;
    if (own_first)
        bundle_free(&b);
    for (uint32_t i = 0; i < CONSTS; i++)
        blob_part_free(&parts[(first + i) % CONSTS]);
    if (!own_first)
        bundle_free(&b);
}

/* Only who leaves last has pages to keep: the addresses of those before it are nobody's. */
START_TEST(what_is_kept_are_pages_and_not_addresses)
{
    const enum blob_home homes[] = {BLOB_OWN, BLOB_SHARED, BLOB_SHARED, BLOB_SHARED, BLOB_SHARED};
    const struct pool_limits before = pool_limits(), none = {.total_max = UINT64_MAX};
    setup();
    for (uint32_t turn = 0; turn < 2 * CONSTS; turn++) {
        const uint32_t first = turn / 2, last = (first + CONSTS - 1) % CONSTS;
        const bool own_first = turn % 2;
        pool_set_limits(&none);
        pool_set_limits(&before);
        struct bundle *b = bring(homes);
        bundle_publish(b);
        const struct blob_record r = blob(last + 1);
        free_all(b, first, own_first);
        ck_assert_uint_eq(pool_kept_bytes(), own_first ? bundle_blob_bytes(&r) : own_bytes());
        b = bring(homes); /* of those pages, and of fresh ones */
        bundle_free(&b);
        ck_assert_uint_eq(region_live_bytes(), 0);
    }
    teardown();
}
END_TEST

static void *free_part(void *part)
{
    blob_part_announce(part);
    blob_part_free(part);
    return NULL;
}

START_TEST(parts_may_go_on_threads_of_their_own)
{
    const enum blob_home homes[] = {BLOB_OWN, BLOB_SHARED, BLOB_SHARED, BLOB_SHARED, BLOB_SHARED};
    setup();
    for (int round = 0; round < 50; round++) {
        struct bundle *b = bring(homes);
        pthread_t threads[CONSTS];
        bundle_publish(b);
        struct blob_part *parts = b->parts;
        for (int i = 0; i < CONSTS; i++)
            ck_assert_int_eq(pthread_create(&threads[i], NULL, free_part, &parts[i]), 0);
        bundle_free(&b);
        for (int i = 0; i < CONSTS; i++)
            pthread_join(threads[i], NULL);
        ck_assert_uint_eq(region_live_bytes(), 0);
    }
    teardown();
}
END_TEST

START_TEST(every_allocation_of_a_bundle_may_fail)
{
    const enum blob_home homes[] = {BLOB_OWN, BLOB_SHARED, BLOB_ELSEWHERE, BLOB_SHARED, BLOB_OWN};
    setup();
    enum status s = E_NO_MEMORY;
    for (int n = 1; s != OK; n++) {
        struct bundle *b;
        struct err err;
        const int64_t before = alloc_live();
        alloc_fail_at(n);
        s = bundle_new(&reader, homes, &b, &err);
        alloc_fail_at(0);
        ck_assert(s == OK || (s == E_NO_MEMORY && alloc_live() == before && !b));
        ck_assert_int_lt(n, 10);
        if (s == OK)
            bundle_free(&b);
        ck_assert_int_eq(alloc_live(), before);
    }
    teardown();
}
END_TEST

Suite *suite_bundle(void)
{
    return SUITE("bundle", a_program_runs_wherever_its_blobs_lie, parts_go_in_any_order,
                 an_unpublished_bundle_goes_whole, parts_that_go_together_are_recycled,
                 what_is_kept_are_pages_and_not_addresses, parts_may_go_on_threads_of_their_own,
                 every_allocation_of_a_bundle_may_fail);
}
