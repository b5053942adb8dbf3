/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "disk/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "support/model.h"

void folder_init(struct folder *f, uint64_t limit_bytes)
{
    *f = (struct folder){.limit = limit_bytes};
    tree_init(&f->tree);
    tree_path(&f->tree, "tier", f->path);
    folder_open(f);
}

enum status folder_try(struct folder *f, struct err *err)
{
    return disk_open(&(struct disk_config){f->path, f->limit}, &f->disk, err);
}

void folder_open(struct folder *f)
{
    struct err err;
    ck_ok(folder_try(f, &err), &err);
}

void folder_fini(struct folder *f)
{
    disk_close(&f->disk);
    tree_fini(&f->tree);
}

uint64_t blob_make(uint32_t n, uint8_t *to, struct disk_key *key)
{
    uint64_t seed = n + 1, bytes = 1 + draw_u64(&seed) % (n % 4 ? 3 * DISK_BLOCK : BLOB_MAX);
    for (uint64_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(n + i * 31 + i / 251);
    *key = (struct disk_key){.kind = DISK_BLOB};
    ck_assert_int_eq(sha256_once(to, bytes, key->digest), OK);
    return bytes;
}

enum status blob_put(struct disk *d, uint32_t n, struct err *err)
{
    static _Thread_local uint8_t bytes[BLOB_MAX];
    struct disk_key key;
    struct disk_put *p = NULL;
    uint64_t size = blob_make(n, bytes, &key), half = size / 2;
    enum status s = disk_put_begin(d, &key, size, &p, err);
    if (s == OK)
        s = disk_put_write(p, bytes, half, err);
    if (s == OK)
        s = disk_put_write(p, bytes + half, size - half, err);
    if (s == OK)
        return disk_put_commit(&p, err);
    disk_put_abort(&p);
    return s;
}

bool blob_there(struct disk *d, uint32_t n)
{
    static _Thread_local uint8_t bytes[BLOB_MAX], got[BLOB_MAX];
    struct disk_key key;
    struct disk_file f;
    struct err err;
    uint64_t size = blob_make(n, bytes, &key);
    enum status s = disk_ref(d, &key, size, &f, &err);
    if (s != OK)
        return false;
    ck_assert_uint_eq(f.bytes, size);
    s = disk_read(&f, 0, got, size, &err);
    if (s == OK)
        ck_assert_mem_eq(got, bytes, size);
    disk_unref(d, &f);
    return s == OK;
}

const char *blob_path(const struct folder *f, uint32_t n, char out[512])
{
    static uint8_t bytes[BLOB_MAX];
    char name[DISK_NAME_MAX];
    struct disk_key key;
    uint64_t size = blob_make(n, bytes, &key);
    folder_name(&key, size, name);
    snprintf(out, 512, "%.400s/%s", f->path, name);
    return out;
}

uint64_t folder_charged(struct disk *d)
{
    struct disk_usage u;
    disk_usage(d, &u);
    ck_assert_uint_le(u.budget.peak, u.budget.limit);
    return u.budget.used[BUDGET_RESERVED] + u.budget.used[BUDGET_RESIDENT] +
           u.budget.used[BUDGET_DRAINING];
}

uint64_t folder_blocks(const char *path, uint32_t *files)
{
    uint64_t sum = 0;
    DIR *dir = opendir(path);
    const struct dirent *e;
    ck_assert_ptr_nonnull(dir);
    *files = 0;
    while ((e = readdir(dir))) {
        struct stat st;
        if (e->d_name[0] == '.' || strcmp(e->d_name, "owner") == 0)
            continue;
        if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        sum += disk_charge((uint64_t)st.st_size);
        ++*files;
    }
    closedir(dir);
    return sum;
}

void folder_check(struct folder *f)
{
    uint32_t files;
    struct disk_usage u;
    disk_usage(f->disk, &u);
    ck_assert_uint_eq(u.budget.used[BUDGET_RESERVED], 0);
    ck_assert_uint_eq(u.budget.used[BUDGET_DRAINING], 0);
    ck_assert_uint_eq(u.budget.used[BUDGET_RESIDENT], folder_blocks(f->path, &files));
    ck_assert_uint_eq(u.files, files);
}
