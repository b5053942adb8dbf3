/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the two halves of a directory as a store share: file.c reads, file_put.c writes. */
#ifndef ROOST_STORE_FILE_PRIV_H
#define ROOST_STORE_FILE_PRIV_H

#include "store/store_priv.h"

/* Heap. */
struct file_store {
    struct store store;
    int root; /* O_PATH descriptor of the directory; owned */
};

static inline struct file_store *file_store_of(struct store *s)
{
    return CONTAINER_OF(s, struct file_store, store);
}

/* What errno e means of a key. */
enum status file_error(const struct store *s, const char *key, int e, struct err *err);

/* ---- file_put.c: what struct store_ops has for writing ---- */
enum status file_put(struct store *s, const char *key, const struct store_source *from, bool fresh,
                     struct err *err) WARN_UNUSED;
enum status file_remove(struct store *s, const char *key, struct err *err) WARN_UNUSED;
enum status file_renew(struct store *s, const char *key, struct err *err) WARN_UNUSED;
enum status file_remove_old(struct store *s, const char *key, uint64_t since_ms,
                            struct err *err) WARN_UNUSED;
enum status file_sweep(struct store *s, const char *prefix, struct err *err) WARN_UNUSED;

#endif
