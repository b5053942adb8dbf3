/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The bytes of a load's blobs: from the disk tier what it has, the rest from the store. What comes
 * from one of them is one transfer of its link, cut where pages of parts begin, and hashed on the
 * load's own thread while more arrives. A small one is read on that thread: nothing shorter could
 * come before it, and it waits for no other thread; but not one of several blobs that are round
 * trips each: those are asked for by all of the link's threads. What was compiled just now is read
 * on the load's thread too: that file is the load's own. */
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "artifact/blobs.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "loader/loader_priv.h"
#include "loader/thin.h"
#include "loader/tier.h"
#include "mem/region.h"

/* Bytes in a row: of one blob in the disk tier, or of several in the store, with what lies between
 * them and behind the last up to the next. */
struct part {
    uint32_t first, end; /* blobs */
    uint64_t at;         /* in the transfer: whole pages */
    uint64_t off, bytes; /* of the store's blob area; of the disk's file */
    uint8_t *to;
    atomic_bool missing; /* the disk does not have it, or not as it should be */
};

/* One transfer. */
struct fetch {
    struct run *run;
    struct link_io *link;
    bool from_disk;
    bool check;         /* the bytes are to be hashed */
    struct part *parts; /* heap; room for one a blob */
    uint32_t n_parts;
    uint64_t bytes; /* of all parts, each rounded up to whole pages */
    /* of the thread that hashes */
    struct blob_check hash;
    uint32_t part; /* the one under way */
    uint64_t done; /* bytes of it that were hashed */
    bool begun;
};

/* ---- on the link's threads ---- */

/* Of a blob that has an object of its own. That it is not there says nothing of the model's name.
 */
static enum status read_apart(const struct run *r, const struct part *p, uint64_t from, uint64_t n,
                              struct err *err)
{
    char key[STORE_KEY_MAX];
    struct blob_record b;
    enum status s = artifact_read_blob(&r->reader, p->first, &b, err);
    if (s != OK)
        return s;
    thin_blob_key(r->name, b.hash, key);
    s = store_read(r->env->store, key, "", from, p->to + from, (size_t)n, err);
    if (s != E_NOT_FOUND)
        return s;
    /* Where its version was removed meanwhile the blob may go too. */
    struct store_object o;
    s = store_stat(r->env->store, r->at.key, &o, err);
    if (s == OK)
        s = err_set(err, E_CORRUPT, "blob %" PRIu32 ", %s, is not in the store", p->first, key);
    else if (s == E_NOT_FOUND)
        s = err_set(err, E_CHANGED, "%.160s was removed while it was read", r->at.key);
    return s;
}

static enum status read_part(const struct fetch *f, struct part *p, uint64_t from, uint64_t n,
                             struct err *err)
{
    const struct run *r = f->run;
    if (!f->from_disk && p->first >= r->apart)
        return read_apart(r, p, from, n, err);
    if (!f->from_disk)
        return run_read(r, r->page0.meta_bytes + p->off + from, p->to + from, (size_t)n, err);
    struct blob_record b;
    enum status s = artifact_read_blob(&r->reader, p->first, &b, err);
    if (s == OK && !atomic_load(&p->missing) &&
        tier_read_blob(&r->tier, &b, from, p->to + from, n, err) != OK)
        atomic_store(&p->missing, true);
    return s;
}

/* The part that byte `at` of the transfer lies in. */
static uint32_t part_at(const struct fetch *f, uint64_t at)
{
    uint32_t low = 0, high = f->n_parts;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        *(f->parts[mid].at <= at ? &low : &high) = mid;
    }
    return low;
}

/* One that the disk tier reads through the page cache. */
static bool is_small(const struct fetch *f, const struct part *p)
{
    return f->from_disk && p->bytes < DISK_DIRECT_LEAST;
}

/* The parts of [at, at + n) that are small, or those that are not. */
static enum status read_parts(const struct fetch *f, uint64_t at, uint64_t n, bool small,
                              struct err *err)
{
    enum status s = OK;
    for (uint32_t i = part_at(f, at); s == OK && i < f->n_parts; i++) {
        struct part *p = &f->parts[i];
        if (p->at >= at + n)
            break;
        uint64_t from = at > p->at ? at - p->at : 0, end = MIN(p->bytes, at + n - p->at);
        if (from < end && is_small(f, p) == small)
            s = read_part(f, p, from, end - from, err);
    }
    return s;
}

/* Small parts of [at, at + n) begin to come all at once. One part alone gains nothing by that. */
static enum status expect_small(const struct fetch *f, uint64_t at, uint64_t n, struct err *err)
{
    const uint32_t first = part_at(f, at);
    enum status s = OK;
    if (first + 1 == f->n_parts || f->parts[first + 1].at >= at + n)
        return OK;
    for (uint32_t i = first; s == OK && i < f->n_parts && f->parts[i].at < at + n; i++) {
        struct blob_record b;
        if (!is_small(f, &f->parts[i]))
            continue;
        s = artifact_read_blob(&f->run->reader, f->parts[i].first, &b, err);
        if (s == OK)
            tier_expect_blob(&f->run->tier, &b);
    }
    return s;
}

/* What is small comes while the rest is read. */
static enum status read_range(void *arg, uint64_t at, uint64_t n, struct err *err)
{
    const struct fetch *f = arg;
    enum status s = f->from_disk ? expect_small(f, at, n, err) : OK;
    if (s == OK)
        s = read_parts(f, at, n, false, err);
    return s == OK && f->from_disk ? read_parts(f, at, n, true, err) : s;
}

static uint32_t look(void *arg, uint64_t left_bytes)
{
    const struct fetch *f = arg;
    return run_look(f->run, left_bytes);
}

/* Each part is a request of its own to a store that is far. Called under the link's lock. */
static uint64_t piece(void *arg, uint64_t at)
{
    const struct fetch *f = arg;
    const uint32_t i = part_at(f, at);
    return (i + 1 < f->n_parts ? f->parts[i + 1].at : f->bytes) - at;
}

/* ---- on the load's thread ---- */

/* Hashes what came of p up to byte `have`. */
static enum status hash_part(struct fetch *f, const struct part *p, uint64_t have, struct err *err)
{
    enum status s = f->begun ? OK : blob_check_seek(&f->hash, p->first, err);
    f->begun = true;
    if (s == OK && have > f->done)
        s = blob_check_add(&f->hash, p->to + f->done, have - f->done, err);
    if (s == OK && have == p->bytes)
        s = blob_check_end(&f->hash, p->end, err);
    f->done = have;
    return s;
}

/* The bytes of a part that was begun will not come. */
static void hash_anew(struct fetch *f)
{
    blob_check_fini(&f->hash);
    blob_check_init(&f->hash, &f->run->reader);
    f->begun = false;
}

/* What the disk has is another blob than its name says. */
static enum status forget_part(struct fetch *f, struct part *p, struct err *err)
{
    struct blob_record b;
    enum status s = artifact_read_blob(&f->run->reader, p->first, &b, err);
    if (s == OK)
        tier_drop_blob(&f->run->tier, &b);
    atomic_store(&p->missing, true);
    return s;
}

/* Which object is at fault, for the operator. */
static enum status name_apart(const struct fetch *f, const struct part *p, struct err *err)
{
    char key[STORE_KEY_MAX];
    struct blob_record b;
    if (f->from_disk || p->first < f->run->apart ||
        artifact_read_blob(&f->run->reader, p->first, &b, NULL) != OK)
        return err->code;
    thin_blob_key(f->run->name, b.hash, key);
    return err_prefix(err, "%s", key);
}

/* The first `ready` bytes of the transfer are there. */
static enum status prove(struct fetch *f, uint64_t ready, struct err *err)
{
    const uint64_t began_us = clock_now_us();
    enum status s = OK;
    while (s == OK && f->check && f->part < f->n_parts) {
        struct part *p = &f->parts[f->part];
        uint64_t have = ready > p->at ? MIN(ready - p->at, p->bytes) : 0;
        if (!atomic_load(&p->missing))
            s = hash_part(f, p, have, err);
        if (s == E_CORRUPT && f->from_disk)
            s = forget_part(f, p, err);
        else if (s == E_CORRUPT)
            s = name_apart(f, p, err);
        if (f->begun && atomic_load(&p->missing))
            hash_anew(f);
        if (have < p->bytes)
            break;
        f->part++;
        f->done = 0;
        f->begun = false;
    }
    f->run->hash_us += clock_now_us() - began_us;
    return s;
}

/* Why the link stopped is the load's to say. */
static enum status stopped(const struct fetch *f, struct err *err)
{
    struct err why;
    if (run_still_wanted(f->run, &why) == OK)
        return E_CANCELLED;
    *err = why;
    return why.code;
}

/* Are there several requests, each of which is a round trip? Then they are sent by all of the
 * link's threads, and not one after the other. */
static bool is_scattered(const struct fetch *f)
{
    return !f->from_disk && f->n_parts > 1 && store_is_far(f->run->env->store);
}

static enum status over_link(struct fetch *f, struct err *err)
{
    struct link_job job = {.bytes = f->bytes,
                           .since_us = f->run->out->since_us,
                           .read = read_range,
                           .look = look,
                           .piece = is_scattered(f) ? piece : NULL,
                           .arg = f};
    enum status s = OK;
    uint64_t ready = 0;
    link_io_submit(f->link, &job);
    while (s == OK && ready < f->bytes) {
        /* Where nothing is hashed there is nothing to do before the last byte. */
        s = link_io_await(f->link, &job, f->check ? ready : f->bytes - 1, &ready, err);
        if (s == OK)
            s = prove(f, ready, err);
        else if (s == E_CANCELLED)
            s = stopped(f, err);
    }
    link_io_end(f->link, &job);
    return s;
}

/* On this thread. */
static enum status straight(struct fetch *f, struct err *err)
{
    enum status s = f->bytes ? OK : prove(f, 0, err);
    const uint64_t chunk = f->run->env->chunk_bytes;
    for (uint64_t at = 0; s == OK && at < f->bytes; at += chunk) {
        uint64_t n = MIN(f->bytes - at, chunk);
        s = run_still_wanted(f->run, err);
        if (s == OK)
            s = read_range(f, at, n, err);
        if (s == OK)
            s = prove(f, at + n, err);
    }
    return s;
}

static enum status transfer(struct fetch *f, struct err *err)
{
    uint32_t waiters = run_look(f->run, f->run->left_bytes);
    enum status s = OK;
    if (waiters == LINK_STOP)
        return run_still_wanted(f->run, err);
    blob_check_init(&f->hash, &f->run->reader);
    bool small = f->bytes <= f->run->env->chunk_bytes && (waiters || !f->bytes);
    small = small && !is_scattered(f);
    s = small || f->run->compiled->open ? straight(f, err) : over_link(f, err);
    blob_check_fini(&f->hash);
    return s;
}

/* ---- what is to be read ---- */

static void add_part(struct fetch *f, struct part p)
{
    p.at = f->bytes;
    f->bytes += region_round(p.bytes);
    f->parts[f->n_parts++] = p;
}

static uint8_t *place_of(const struct run *r, uint32_t blob)
{
    return (uint8_t *)(uintptr_t)r->weights.bundle->blobs[blob];
}

/* Each wanted blob from `first` on, as a part of its own. */
static enum status list_each(struct fetch *f, const bool *wanted, uint32_t first, struct err *err)
{
    enum status s = OK;
    for (uint32_t i = first; s == OK && i < f->run->page0.n_blobs; i++) {
        struct blob_record b = {0};
        if (!wanted[i])
            continue;
        s = artifact_read_blob(&f->run->reader, i, &b, err);
        if (s == OK)
            add_part(f, (struct part){i, i + 1, 0, 0, b.bytes, place_of(f->run, i), false});
    }
    return s;
}

/* Wanted blobs in a row, as one part; what lies apart, blob after blob. */
static enum status list_store(struct fetch *f, const bool *wanted, struct err *err)
{
    const struct run *r = f->run;
    const uint32_t n = r->apart;
    enum status s = OK;
    for (uint32_t first = 0, end; s == OK && first < n; first = end) {
        struct blob_record from = {0}, behind = {.off = r->page0.blob_bytes};
        end = first + 1;
        if (!wanted[first])
            continue;
        while (end < n && wanted[end])
            end++;
        s = artifact_read_blob(&r->reader, first, &from, err);
        if (s == OK && end < r->page0.n_blobs)
            s = artifact_read_blob(&r->reader, end, &behind, err);
        if (s == OK)
            add_part(f, (struct part){first, end, 0, from.off, behind.off - from.off,
                                      place_of(r, first), false});
    }
    return s == OK ? list_each(f, wanted, n, err) : s;
}

/* Does the tier have one of the blobs that are wanted? */
static enum status find_in_tier(const struct run *r, const bool *wanted, bool *any, struct err *err)
{
    enum status s = OK;
    *any = false;
    for (uint32_t i = 0; r->env->disk && s == OK && !*any && i < r->page0.n_blobs; i++) {
        struct blob_record b;
        if (!wanted[i])
            continue;
        s = artifact_read_blob(&r->reader, i, &b, err);
        *any = s == OK && tier_has_blob(&r->tier, &b);
    }
    return s;
}

/* Blob after blob from the disk tier; what it lacks is still wanted afterwards. */
static enum status fetch_from_disk(struct fetch *f, bool *wanted, struct err *err)
{
    f->link = f->run->env->disk_link;
    f->from_disk = true;
    f->check = blobs_hashed_always();
    enum status s = list_each(f, wanted, 0, err);
    if (s == OK)
        s = transfer(f, err);
    for (uint32_t i = 0; i < f->n_parts; i++)
        wanted[f->parts[i].first] = atomic_load(&f->parts[i].missing);
    return s;
}

/* Bytes of blobs that are there already, or on their way. */
static uint64_t elsewhere_bytes(const struct run *r)
{
    const struct weights *w = &r->weights;
    uint64_t n = 0;
    for (uint32_t k = 0; k < w->n_wants; k++)
        n += w->wants[k].mine ? 0 : w->wants[k].bytes;
    return MIN(n, r->page0.blob_bytes);
}

static enum status fetch_from_store(struct fetch *f, const bool *wanted, struct err *err)
{
    f->link = f->run->env->store_link;
    enum status s = list_store(f, wanted, err);
    if (s != OK || !f->n_parts)
        return s;
    f->run->fetched = true;
    return transfer(f, err);
}

/* What the store says that the bytes are now. */
static void tag_now(const struct run *r, char out[STORE_TAG_MAX])
{
    if (r->apart < r->page0.n_blobs)
        thin_tag(r->env->store, r->name, &r->reader, r->at.object.tag, out);
    else
        memcpy(out, r->at.object.tag, STORE_TAG_MAX);
}

/* The bytes come from a store: each blob must be what its name says. What is known of objects is
 * known of bytes that were read while their tags were the same: a read of the version's object is
 * of the one that was resolved, or fails; those of blobs that lie apart may be renewed meanwhile,
 * and are then read once more. All of it is known once all of it was read in one load. */
static enum status fetch_all_from_store(struct fetch *f, const bool *wanted, struct err *err)
{
    const struct run *r = f->run;
    const uint64_t elsewhere = elsewhere_bytes(r);
    char tag[STORE_TAG_MAX], after[STORE_TAG_MAX];
    tag_now(r, tag);
    bool known = blobs_known_part(&r->page0, tag, r->page0.blob_bytes - elsewhere);
    f->check = !known;
    enum status s = fetch_from_store(f, wanted, err);
    if (s != OK)
        return s;
    tag_now(r, after);
    const bool same = strcmp(tag, after) == 0;
    if (known && !same) {
        struct fetch again = {.run = f->run, .parts = f->parts, .check = true};
        return fetch_from_store(&again, wanted, err);
    }
    if (!known && same && !elsewhere && r->at.object.settled)
        blobs_remember(&r->page0, tag);
    return OK;
}

static enum status fetch_tiered(struct fetch *f, bool *wanted, struct err *err)
{
    enum status s = fetch_from_disk(f, wanted, err);
    if (s != OK)
        return s;
    struct fetch rest = {.run = f->run, .parts = f->parts, .check = true};
    return fetch_from_store(&rest, wanted, err);
}

enum status fetch_blobs(struct run *r, struct err *err)
{
    const size_t n = (size_t)r->page0.n_blobs + 1;
    struct fetch f = {.run = r, .parts = alloc_zero(n, sizeof(f.parts[0]))};
    bool any = false, *wanted = alloc_zero(n, sizeof(*wanted));
    enum status s = f.parts && wanted
                        ? OK
                        : err_set(err, E_NO_MEMORY, "no memory for the blobs of %s", r->name);
    for (uint32_t i = 0; s == OK && i < r->page0.n_blobs; i++)
        wanted[i] = r->weights.homes[i] != BLOB_ELSEWHERE;
    if (s == OK)
        s = find_in_tier(r, wanted, &any, err);
    if (s == OK)
        s = any ? fetch_tiered(&f, wanted, err) : fetch_all_from_store(&f, wanted, err);
    alloc_free(wanted);
    alloc_free(f.parts);
    return s;
}
