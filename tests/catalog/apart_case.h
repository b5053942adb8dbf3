/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Artifacts whose large blobs lie apart, a store whose every step can be cut in on, and time that
 * passes when a test says so. */
#ifndef ROOST_TESTS_APART_CASE_H
#define ROOST_TESTS_APART_CASE_H

#include "catalog/catalog_priv.h"
#include "support/tree.h"

/* A store whose steps are counted. Embedded. */
struct cut_store {
    struct store store;
    struct store *under; /* borrowed */
    int steps;           /* begun */
    int at;              /* the step before which `hook` runs, or at which the process dies */
    void (*hook)(void *arg);
    void *arg;
    bool lost;     /* that step, if it writes, is done and told as a failure */
    bool dies;     /* that step and all after it fail, and do nothing */
    bool timeless; /* nothing says when it was written, as of a store whose times cannot be read */
};
/* plain: as a bucket is, nothing but stat, read, list, put and remove. Nothing is cut in on to
 * begin with. */
void cut_store_init(struct cut_store *c, struct store *under, bool plain);

/* An artifact of a blob of all layers' common bytes, one of its own drawn from `own`, and a few
 * small constants; heap, to be freed with buf_fini. */
void apart_artifact(struct buf *out, uint64_t own);
enum { APART_COMMON = 100 * 1000, APART_OWN = 70 * 1000 }; /* bytes of the two blobs */

/* All files below root were last written hours ago. */
void apart_age(const struct tree *t, int hours);
/* Files below `folder` of the tree. */
int apart_count(const struct tree *t, const char *folder);
/* Publishes apart_artifact(own) through a catalog of its own, as another node does. */
enum status apart_publish(struct store *s, const char *name, uint64_t own, uint64_t *version,
                          struct err *err);
/* Collects what is older than a day, likewise. */
enum status apart_gc(struct store *s, struct catalog_gc_done *done, struct err *err);
/* The same, where nothing may go wrong: the version, and what was done. */
uint64_t apart_published(struct store *s, const char *name, uint64_t own);
struct catalog_gc_done apart_collected(struct store *s);
/* Removes a version of the name, likewise. */
void apart_delete_version(struct store *s, const char *name, uint64_t n);
/* The name's current version, and all of its blobs, are there and are those of `own`. */
void apart_whole(struct store *s, const char *name, uint64_t own);

#endif
