/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#define _XOPEN_SOURCE 700
#include "apart_case.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "loader/thin.h"
#include "support/model.h"
#include "support/support.h"

enum { HOUR_S = 3600, DAY_MS = 24 * 3600 * 1000 };

/* ---- the store ---- */

/* Does the step happen? */
static bool step(struct store *s, struct err *err)
{
    struct cut_store *c = CONTAINER_OF(s, struct cut_store, store);
    c->steps++;
    if (c->dies && c->steps >= c->at) {
        (void)err_set(err, E_STORE, "the process is dead");
        return false;
    }
    if (c->steps == c->at && c->hook) {
        void (*hook)(void *) = c->hook;
        c->hook = NULL;
        hook(c->arg);
    }
    return true;
}

static struct store *under(struct store *s)
{
    return CONTAINER_OF(s, struct cut_store, store)->under;
}

static enum status cut_stat(struct store *s, const char *key, struct store_object *o,
                            struct err *err)
{
    enum status st = step(s, err) ? store_stat(under(s), key, o, err) : E_STORE;
    if (st == OK && CONTAINER_OF(s, struct cut_store, store)->timeless)
        o->modified_ms = 0;
    return st;
}

static enum status cut_read(struct store *s, const char *key, const char *tag, uint64_t off,
                            void *dst, size_t n, struct err *err)
{
    return step(s, err) ? store_read(under(s), key, tag, off, dst, n, err) : E_STORE;
}

/* A listing whose entries have no time. */
struct timeless_list {
    store_list_fn *fn;
    void *arg;
};

static enum status without_time(void *arg, const char *entry, bool is_prefix,
                                const struct store_object *o)
{
    const struct timeless_list *l = arg;
    struct store_object without = {.bytes = 0};
    if (o)
        without = *o;
    without.modified_ms = 0;
    return l->fn(l->arg, entry, is_prefix, o ? &without : NULL);
}

static enum status cut_list(struct store *s, const char *prefix, store_list_fn *fn, void *arg,
                            struct err *err)
{
    struct timeless_list l = {fn, arg};
    if (!step(s, err))
        return E_STORE;
    return CONTAINER_OF(s, struct cut_store, store)->timeless
               ? store_list(under(s), prefix, without_time, &l, err)
               : store_list(under(s), prefix, fn, arg, err);
}

static enum status cut_put(struct store *s, const char *key, const struct store_source *from,
                           bool fresh, struct err *err)
{
    if (!step(s, err))
        return E_STORE;
    const struct cut_store *c = CONTAINER_OF(s, struct cut_store, store);
    enum status st =
        fresh ? store_put_new(under(s), key, from, err) : store_put(under(s), key, from, err);
    return c->lost && c->steps == c->at ? err_set(err, E_STORE, "its answer is lost") : st;
}

static enum status cut_remove(struct store *s, const char *key, struct err *err)
{
    return step(s, err) ? store_delete(under(s), key, err) : E_STORE;
}

static enum status cut_renew(struct store *s, const char *key, struct err *err)
{
    return step(s, err) ? store_renew(under(s), key, err) : E_STORE;
}

static enum status cut_remove_old(struct store *s, const char *key, uint64_t since_ms,
                                  struct err *err)
{
    return step(s, err) ? store_delete_old(under(s), key, since_ms, err) : E_STORE;
}

static const struct store_ops as_folder = {.stat = cut_stat,
                                           .read = cut_read,
                                           .list = cut_list,
                                           .put = cut_put,
                                           .remove = cut_remove,
                                           .renew = cut_renew,
                                           .remove_old = cut_remove_old};
static const struct store_ops as_bucket = {
    .stat = cut_stat, .read = cut_read, .list = cut_list, .put = cut_put, .remove = cut_remove};

void cut_store_init(struct cut_store *c, struct store *s, bool plain)
{
    *c = (struct cut_store){.store.ops = plain ? &as_bucket : &as_folder, .under = s};
}

/* ---- artifacts ---- */

static int32_t layer(struct model *m, int32_t x, uint64_t seed, int64_t bytes)
{
    const int64_t floats = bytes / (int64_t)sizeof(float);
    float *data = calloc((size_t)floats, sizeof(*data));
    ck_assert_ptr_nonnull(data);
    for (int64_t i = 0; i < floats; i++)
        data[i] = draw_f32(&seed);
    int32_t c = model_const(m, DT_F32, 1, &floats, data);
    int32_t y = model_node(m, "Concat", 13, x, c, ARTIFACT_NO_TENSOR);
    model_attr(m, (struct attr){.key = ATTR_axis, .type = ATTR_INT, .count = 1});
    return y;
}

void apart_artifact(struct buf *out, uint64_t own)
{
    struct model *m = calloc(1, sizeof(*m));
    ck_assert_ptr_nonnull(m);
    model_init(m);
    int32_t v = model_input(m, "x", DT_F32, 1, (int64_t[]){DIM_FREE});
    v = layer(m, v, 1, APART_COMMON);
    v = layer(m, v, own + 2, APART_OWN);
    v = layer(m, v, 1, 40);
    model_output(m, "y", v, DT_F32, 1, (int64_t[]){DIM_FREE});
    model_write(m, NULL, out);
    for (uint32_t i = 0; i < m->src.n_tensors; i++)
        if (m->tensors[i].class == CLASS_CONST)
            free((void *)(uintptr_t)m->tensors[i].t.data);
    free(m);
}

/* ---- time ---- */

static time_t written_s;
static int counted;

static int set_time(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    const struct timespec t[2] = {{.tv_sec = written_s}, {.tv_sec = written_s}};
    UNUSED(st);
    UNUSED(at);
    if (kind == FTW_F)
        ck_assert_int_eq(utimensat(AT_FDCWD, path, t, 0), 0);
    counted += kind == FTW_F;
    return 0;
}

void apart_age(const struct tree *t, int hours)
{
    written_s = time(NULL) - (time_t)hours * HOUR_S;
    (void)!nftw(t->path, set_time, 8, FTW_PHYS);
}

static int count(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    UNUSED(path);
    UNUSED(st);
    UNUSED(at);
    counted += kind == FTW_F;
    return 0;
}

int apart_count(const struct tree *t, const char *folder)
{
    char path[512];
    counted = 0;
    (void)!nftw(tree_path(t, folder, path), count, 8, FTW_PHYS);
    return counted;
}

/* ---- nodes ---- */

enum status apart_publish(struct store *s, const char *name, uint64_t own, uint64_t *version,
                          struct err *err)
{
    struct catalog *c;
    struct buf file;
    apart_artifact(&file, own);
    ck_assert_int_eq(catalog_new(s, 10, 100, &c), OK);
    const struct store_source from = {.bytes = file.data, .n = file.len};
    enum status st = catalog_publish(c, name, &from, version, err);
    catalog_free(&c);
    buf_fini(&file);
    return st;
}

enum status apart_gc(struct store *s, struct catalog_gc_done *done, struct err *err)
{
    const struct catalog_gc o = {.now_ms = clock_wall_ms(), .older_ms = DAY_MS};
    struct catalog *c;
    ck_assert_int_eq(catalog_new(s, 10, 100, &c), OK);
    enum status st = catalog_gc(c, &o, done, err);
    catalog_free(&c);
    return st;
}

uint64_t apart_published(struct store *s, const char *name, uint64_t own)
{
    uint64_t version = 0;
    struct err err;
    ck_ok(apart_publish(s, name, own, &version, &err), &err);
    return version;
}

struct catalog_gc_done apart_collected(struct store *s)
{
    struct catalog_gc_done done;
    struct err err;
    ck_ok(apart_gc(s, &done, &err), &err);
    return done;
}

void apart_delete_version(struct store *s, const char *name, uint64_t n)
{
    struct catalog *c;
    struct err err;
    ck_assert_int_eq(catalog_new(s, 10, 100, &c), OK);
    ck_ok(catalog_delete_version(c, name, n, &err), &err);
    catalog_free(&c);
}

void apart_whole(struct store *s, const char *name, uint64_t own)
{
    struct thin_version v;
    struct resolved r;
    struct buf file;
    struct err err;
    apart_artifact(&file, own);
    ck_ok(catalog_resolve(s, name, &r, &err), &err);
    ck_ok(thin_version_read(s, r.key, &r.object, &v, &err), &err);
    ck_assert_uint_eq(v.reader.p0.n_blobs, 3);
    ck_assert_uint_eq(v.first, 1);
    ck_assert_uint_eq(v.reader.p0.file_bytes, file.len);
    ck_assert(memcmp(v.meta, file.data, v.reader.p0.meta_bytes) == 0);
    for (uint32_t i = v.first; i < v.reader.p0.n_blobs; i++) {
        struct blob_record b;
        struct store_object o;
        char key[STORE_KEY_MAX];
        ck_ok(artifact_read_blob(&v.reader, i, &b, &err), &err);
        thin_blob_key(name, b.hash, key);
        ck_ok(store_stat(s, key, &o, &err), &err);
        ck_assert_uint_eq(o.bytes, b.bytes);
        uint8_t *bytes = malloc(b.bytes);
        ck_assert_ptr_nonnull(bytes);
        ck_ok(store_read(s, key, "", 0, bytes, b.bytes, &err), &err);
        ck_assert(memcmp(bytes, file.data + v.reader.p0.meta_bytes + b.off, b.bytes) == 0);
        free(bytes);
    }
    thin_version_fini(&v);
    buf_fini(&file);
}
