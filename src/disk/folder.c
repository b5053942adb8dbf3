/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Names of files, who owns the folder, and what is found in it at the start. A file's size stands
 * in its name too, so that one which lost its end is known without reading it. Its time of
 * modification is that of its last use: there is no journal that could disagree with the files. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "disk/disk_priv.h"

static const char kind_letters[DISK_KINDS] = {
    [DISK_BLOB] = 'b', [DISK_HEAD] = 'h', [DISK_COMPILED] = 'c'};
static const char owner_name[] = "owner";
static const char temp_prefix[] = "new-";

static bool has_scope(const struct disk_key *key)
{
    static const uint8_t none[DISK_SCOPE_BYTES];
    return memcmp(key->scope, none, sizeof(none)) != 0;
}

void folder_name(const struct disk_key *key, uint64_t bytes, char out[DISK_NAME_MAX])
{
    char hex[SHA256_HEX], scope[2 * DISK_SCOPE_BYTES + 2] = "";
    sha256_hex(key->digest, hex);
    for (int i = 0; has_scope(key) && i < DISK_SCOPE_BYTES; i++)
        snprintf(scope + 2 * i, 4, "%02x-", key->scope[i]);
    snprintf(out, DISK_NAME_MAX, "%c-%s-%s%" PRIx64, kind_letters[key->kind], hex, scope, bytes);
}

void folder_temp_name(uint64_t n, char out[DISK_NAME_MAX])
{
    snprintf(out, DISK_NAME_MAX, "%s%" PRIx64, temp_prefix, n);
}

/* Its value, or -1. */
static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* n bytes in hex at the beginning of text? */
static bool read_hex(const char *text, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(text[2 * i]), low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
        if (low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool folder_name_read(const char *name, struct disk_key *key, uint64_t *bytes)
{
    const char *letter = *name ? memchr(kind_letters, name[0], sizeof(kind_letters)) : NULL;
    char again[DISK_NAME_MAX];
    if (!letter || name[1] != '-')
        return false;
    *key = (struct disk_key){.kind = (enum disk_kind)(letter - kind_letters)};
    name += 2;
    if (!read_hex(name, key->digest, SHA256_BYTES) || name[2 * SHA256_BYTES] != '-')
        return false;
    const char *size = name + 2 * SHA256_BYTES + 1;
    const size_t scope = 2 * DISK_SCOPE_BYTES;
    if (key->kind == DISK_BLOB && strlen(size) > scope && size[scope] == '-') {
        if (!read_hex(size, key->scope, DISK_SCOPE_BYTES))
            return false;
        size += scope + 1;
    }
    *bytes = strtoull(size, NULL, 16);
    folder_name(key, *bytes, again);
    return *bytes <= INT64_MAX && strcmp(name - 2, again) == 0;
}

static bool is_temp_name(const char *name)
{
    size_t prefix = sizeof(temp_prefix) - 1;
    char again[DISK_NAME_MAX];
    if (strncmp(name, temp_prefix, prefix) != 0)
        return false;
    folder_temp_name(strtoull(name + prefix, NULL, 16), again);
    return strcmp(name, again) == 0;
}

/* ---- owning ---- */

static enum status failed(const char *what, const char *path, struct err *err)
{
    return err_set(err, E_IO, "disk tier '%.120s': %s: %s", path, what, strerrordesc_np(errno));
}

static enum status prove_folder(const struct disk *d, const char *path, struct err *err)
{
    struct stat st;
    if (sys_fstat(d->dir, &st) != 0)
        return failed("cannot be looked at", path, err);
    if (st.st_uid != geteuid() || st.st_mode & 077)
        return err_set(err, E_USAGE,
                       "disk tier '%.120s' belongs to user %u with mode %03o: it must be this "
                       "user's, with mode 700",
                       path, (unsigned)st.st_uid, (unsigned)st.st_mode & 0777);
    return OK;
}

enum status folder_own(struct disk *d, const char *path, struct err *err)
{
    if (sys_mkdir(path) != 0 && errno != EEXIST)
        return failed("cannot be made", path, err);
    d->dir = sys_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
    if (d->dir < 0 && errno == ENOTDIR)
        return err_set(err, E_USAGE, "disk tier '%.120s' is not a directory", path);
    if (d->dir < 0)
        return failed("cannot be opened", path, err);
    enum status s = prove_folder(d, path, err);
    if (s != OK)
        return s;
    d->owner = sys_open(d->dir, owner_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (d->owner < 0)
        return failed("its file 'owner' cannot be opened", path, err);
    if (sys_own(d->owner) == 0)
        return OK;
    return errno == EWOULDBLOCK
               ? err_set(err, E_USAGE, "disk tier '%.120s' belongs to another process", path)
               : failed("cannot be locked", path, err);
}

/* ---- the scan ---- */

/* A file of ours that was found. */
struct found {
    struct disk_entry *entry;
    int64_t used_ns; /* of its last use */
};

struct finds {
    struct found *at; /* heap */
    size_t count, cap;
};

static enum status remove_name(const struct disk *d, const char *name, struct err *err)
{
    if (sys_unlink(d->dir, name) == 0 || errno == ENOENT)
        return OK;
    return err_set(err, E_IO, "disk tier: '%s' cannot be removed: %s", name,
                   strerrordesc_np(errno));
}

static enum status add_find(struct finds *all, const struct stat *st, const struct disk_key *key,
                            struct err *err)
{
    if (all->count == all->cap) {
        size_t cap = all->cap ? 2 * all->cap : 1024;
        struct found *grown = alloc_grow(all->at, cap * sizeof(*grown));
        if (!grown)
            return err_set(err, E_NO_MEMORY, "disk tier: no memory for %zu files", cap);
        all->at = grown;
        all->cap = cap;
    }
    struct disk_entry *e = alloc_zero(1, sizeof(*e));
    if (!e)
        return err_set(err, E_NO_MEMORY, "disk tier: no memory for its files");
    e->key = *key;
    e->bytes = (uint64_t)st->st_size;
    e->inode = st->st_ino;
    e->stamp_s = st->st_mtim.tv_sec;
    all->at[all->count++] =
        (struct found){e, st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec};
    return OK;
}

/* One name of the folder: an entry, a leftover, or nothing of ours. */
static enum status look_at(struct disk *d, const char *name, struct finds *all, struct err *err)
{
    struct disk_key key;
    struct stat st;
    uint64_t bytes;
    bool whole = folder_name_read(name, &key, &bytes);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, owner_name) == 0)
        return OK;
    if (!whole && !is_temp_name(name)) {
        d->usage.foreign++;
        return OK;
    }
    if (sys_lstat(d->dir, name, &st) != 0)
        return errno == ENOENT
                   ? OK
                   : err_set(err, E_IO, "disk tier: '%s': %s", name, strerrordesc_np(errno));
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
        d->usage.foreign++;
        return OK;
    }
    if (!whole)
        return remove_name(d, name, err);
    if ((uint64_t)st.st_size == bytes)
        return add_find(all, &st, &key, err);
    d->usage.corrupt++;
    LOG(LOG_WARN, "disk_corrupt", log_str("file", name), log_str("why", "size"));
    return remove_name(d, name, err);
}

static enum status look_around(struct disk *d, struct finds *all, struct err *err)
{
    int fd = sys_open(d->dir, ".", O_RDONLY | O_DIRECTORY, 0);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        enum status s = err_set(err, E_IO, "disk tier: %s", strerrordesc_np(errno));
        if (fd >= 0)
            close(fd);
        return s;
    }
    enum status s = OK;
    const struct dirent *entry;
    errno = 0;
    while (s == OK && (entry = readdir(dir))) {
        s = look_at(d, entry->d_name, all, err);
        errno = 0;
    }
    if (s == OK && errno)
        s = err_set(err, E_IO, "disk tier: %s", strerrordesc_np(errno));
    closedir(dir);
    return s;
}

static int newest_first(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    return x->used_ns < y->used_ns ? 1 : x->used_ns > y->used_ns ? -1 : 0;
}

/* Room for the file, or it goes. A second file of one key cannot be ours. *e is the index's. */
static enum status take_up(struct disk *d, struct disk_entry **e, struct err *err)
{
    uint64_t charge = disk_charge((*e)->bytes);
    if (index_find(d, &(*e)->key)) {
        d->usage.foreign++;
        return OK;
    }
    if (d->usage.files < DISK_ENTRIES_MAX && budget_take(&d->budget, BUDGET_RESIDENT, charge)) {
        (*e)->state = ENTRY_PRESENT;
        index_add(d, *e);
        *e = NULL;
        return OK;
    }
    char name[DISK_NAME_MAX];
    folder_name(&(*e)->key, (*e)->bytes, name);
    d->usage.evicted++;
    return remove_name(d, name, err);
}

/* The newest are taken up first, so that the oldest are beyond the limit; they stand in the line
 * from the oldest on. */
static enum status take_up_all(struct disk *d, const struct finds *all, struct err *err)
{
    enum status s = OK;
    for (size_t i = 0; s == OK && i < all->count; i++) {
        struct disk_entry *e = all->at[i].entry;
        s = take_up(d, &e, err);
        if (e) {
            alloc_free(e);
            all->at[i].entry = NULL;
        }
    }
    for (size_t i = all->count; i--;)
        if (all->at[i].entry && all->at[i].entry->state == ENTRY_PRESENT)
            line_add(d, all->at[i].entry);
        else
            alloc_free(all->at[i].entry);
    return s;
}

enum status folder_scan(struct disk *d, struct err *err)
{
    struct finds all = {0};
    enum status s = look_around(d, &all, err);
    if (s == OK) {
        if (all.count)
            qsort(all.at, all.count, sizeof(all.at[0]), newest_first);
        s = take_up_all(d, &all, err);
    } else {
        for (size_t i = 0; i < all.count; i++)
            alloc_free(all.at[i].entry);
    }
    alloc_free(all.at);
    return s;
}
