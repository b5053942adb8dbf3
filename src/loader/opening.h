/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The first read of an object in a store that is far: one request says what the object is and
 * brings its first bytes, in a small artifact all of them. A node that has an object in its disk
 * tier needs only the former, so which ones it has read is remembered, by a hash of the key; a hash
 * that is forgotten, or another key's, costs a request or these bytes, and nothing else. */
#ifndef ROOST_LOADER_OPENING_H
#define ROOST_LOADER_OPENING_H

#include <stdatomic.h>

#include "store/store.h"

struct run;

enum {
    OPENING_BYTES = 5 << 18, /* 1.25 MiB: what a far store sends in about a round trip */
    SEEN_KEYS = 1 << 13,
};

/* Embedded; all zero to begin with.  thread: any */
struct seen {
    _Atomic uint64_t keys[SEEN_KEYS];
};

/* Before the disk tier is asked: looks at an object that it may have, unless a listing told.
 * thread: loader   blocks: network   errors: those of store_stat and the resolver */
enum status opening_look(struct run *r, struct err *err) WARN_UNUSED;
/* Before page 0 is read from the store: brings the first bytes where the store is far, and what
 * the object is then.  thread: loader   blocks: network
 * errors: those of store_first and the resolver; E_NO_MEMORY */
enum status opening_read(struct run *r, struct err *err) WARN_UNUSED;
/* Copies what the opening has of [off, off + n) to dst; returns how many bytes from off on. */
size_t opening_copy(const struct run *r, uint64_t off, void *dst, size_t n);
void opening_fini(struct run *r); /* all zero is fine */

#endif
