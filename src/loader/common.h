/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The operator's common blobs: those that models of all tenants share, because the operator says
 * that whoever knows their hash may know that they are there. They stand in one object of the
 * store, COMMON_KEY: text, a SHA-256 in lower-case hex on each line, every line ended by a newline.
 * Who may write below _roost/ decides what is common; a node only reads. */
#ifndef ROOST_LOADER_COMMON_H
#define ROOST_LOADER_COMMON_H

#include "base/hash.h"
#include "base/lock.h"
#include "store/store.h"

#define COMMON_KEY "_roost/common"
enum {
    COMMON_BLOBS_MAX = 65536,
    COMMON_LINE_BYTES = SHA256_HEX, /* 64 digits and the newline */
    COMMON_FILE_MAX = COMMON_BLOBS_MAX * COMMON_LINE_BYTES,
    COMMON_LOOK_US = 10 * 1000 * 1000, /* between two looks at the object */
};

/* Hashes in order, each once. Heap; freed with alloc_free. */
struct common_set {
    uint32_t count;
    uint8_t hashes[][SHA256_BYTES];
};

/* Any bytes: *out is all that they name, or nothing of it.
 * errors: E_CORRUPT naming the line; E_TOO_LARGE beyond COMMON_FILE_MAX; E_NO_MEMORY */
enum status common_parse(const void *text, size_t n, struct common_set **out,
                         struct err *err) WARN_UNUSED;
bool common_set_has(const struct common_set *s, const uint8_t hash[SHA256_BYTES]);

/* What a node knows of it. Embedded. Where there is no object, nothing is common; one that cannot
 * be read or understood is logged, and what was known before still holds. */
struct common {
    struct lock lock; /* LOCK_COMMON; guards the rest */
    struct cond looked;
    struct common_set *set;  /* NULL: nothing */
    char tag[STORE_TAG_MAX]; /* of the object that set came from, or that was refused; "": none */
    uint64_t look_us;        /* when to look again; 0: nobody did */
    bool looking;
};

void common_init(struct common *c);
void common_fini(struct common *c);
/* Looks at the object if that is due, and reads it if it is another one. The first look is waited
 * for by all who come meanwhile, any other by nobody.  thread: loader   blocks: the store */
void common_look(struct common *c, struct store *store, uint64_t now_us);
/* thread: loader   locks: takes COMMON   blocks: no */
bool common_has(struct common *c, const uint8_t hash[SHA256_BYTES]);

#endif
