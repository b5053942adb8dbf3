/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A tier in a folder of a test's own, and blobs whose bytes follow from a number. */
#ifndef ROOST_TESTS_DISK_FOLDER_H
#define ROOST_TESTS_DISK_FOLDER_H

#include "disk/disk_priv.h"
#include "support/support.h"
#include "support/tree.h"

enum { BLOB_MAX = 64 * 1024 };

/* Embedded. */
struct folder {
    struct tree tree;
    char path[512];
    struct disk *disk; /* NULL: closed */
    uint64_t limit;
};

void folder_init(struct folder *f, uint64_t limit_bytes); /* and opens it */
void folder_fini(struct folder *f);                       /* closes it first */
void folder_open(struct folder *f);
enum status folder_try(struct folder *f, struct err *err) WARN_UNUSED;

/* Fills `to` (BLOB_MAX) with blob n's bytes and says how many; key is its name. */
uint64_t blob_make(uint32_t n, uint8_t *to, struct disk_key *key);
/* Puts blob n whole. */
enum status blob_put(struct disk *d, uint32_t n, struct err *err) WARN_UNUSED;
/* Is it there, with its bytes? */
bool blob_there(struct disk *d, uint32_t n);
/* Its file's name, with the folder. */
const char *blob_path(const struct folder *f, uint32_t n, char out[512]);

/* Charged, all classes. */
uint64_t folder_charged(struct disk *d);
/* Blocks of all files that have a name in the folder but `owner`; each must be a whole one. */
uint64_t folder_blocks(const char *path, uint32_t *files);
/* What is charged is what lies there, nothing is left half done, no memory and no descriptor. */
void folder_check(struct folder *f);

#endif
