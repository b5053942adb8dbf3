/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the catalog's files share. */
#ifndef ROOST_CATALOG_CATALOG_PRIV_H
#define ROOST_CATALOG_CATALOG_PRIV_H

#include "artifact/reader.h"
#include "catalog/catalog.h"

#define VERSION_MAX UINT64_C(999999999999999999) /* 18 digits */
/* A published version: a decimal up to VERSION_MAX without a leading zero. False for other text. */
bool version_parse(const char *s, size_t len, uint64_t *n) WARN_UNUSED;

/* The number that _roost/models/<name>/current holds.  errors: E_NOT_FOUND; E_STORE; E_CORRUPT */
enum status pointer_read(struct store *store, const char *name, uint64_t *n,
                         struct err *err) WARN_UNUSED;

/* "<n><ending>"? */
bool version_entry(const char *entry, const char *ending, uint64_t *n) WARN_UNUSED;
#define VERSION_ENDING ".roost" /* what was published */
#define VERSION_GONE ".gone"    /* empty; there from before the version is removed */
#define VERSION_NEW ".new"      /* empty; there while the version has not been current yet */
/* Where one of those lies; out. */
const char *version_key(const char *name, uint64_t n, const char *ending, char out[STORE_KEY_MAX]);

/* ---- versions.c ---- */
/* All versions that were ever current, the highest first; bytes are those of their objects.
 * owns: *out is heap and the caller's on OK   errors: as catalog_versions */
enum status versions_list(struct catalog *c, const char *name, struct catalog_version **out,
                          size_t *count, struct err *err) WARN_UNUSED;
/* E_NOT_FOUND, saying so. */
enum status version_none(const char *name, uint64_t n, struct err *err);

/* Is version n there? *marked: as one that was not current yet. What is so, and is not current now,
 * is nobody's, and may be collected at any time.  errors: E_NOT_FOUND; those of store_stat */
enum status version_look(struct store *store, const char *name, uint64_t n, struct store_object *o,
                         bool *marked, struct err *err) WARN_UNUSED;

struct store *catalog_store(struct catalog *c);
/* The name's pointer was flipped: whoever looked before and did not find it does not say so any
 * more.  locks: takes CATALOG */
void catalog_note_published(struct catalog *c, const char *name);
/* Removes version n, which was never current.  errors: E_EXISTS: it is current; E_NOT_FOUND: it is
 * not there, or was current once */
enum status catalog_delete_orphan(struct catalog *c, const char *name, uint64_t n,
                                  struct err *err) WARN_UNUSED;
/* Whose time a publish is measured by; clock_now_us, but in tests. */
void catalog_set_clock(struct catalog *c, uint64_t (*now_us)(void));
uint64_t catalog_now_us(const struct catalog *c);
/* One at a time changes pointers and removes versions: what one looked at still holds when it acts.
 * Who has the turn may block on the store, so it is no lock.  locks: takes CATALOG */
void catalog_turn_take(struct catalog *c);
void catalog_turn_give(struct catalog *c);

/* Bytes of the ending that makes a file one model, artifact or not; 0: it has none. */
size_t catalog_ending(const char *file, size_t len);

#define CATALOG_OWN "_roost/" /* all that nodes write */
/* Where published models' pointers and versions lie: a tenant's models, and the model that is
 * called as the tenant, in one folder. */
#define CATALOG_PUBLISHED CATALOG_OWN "models/"
#define CATALOG_CURRENT "current"

/* ---- blobs.c: what of an artifact lies apart from its version (loader/thin.h) ---- */

enum {
    /* A blob that was written or renewed so long ago at most is not renewed. */
    CATALOG_YOUNG_MS = CATALOG_GC_LEAST_MS / 4,
    /* From the first look at a blob to the flip; a publish that takes longer fails. Beside both
     * there is a quarter of CATALOG_GC_LEAST_MS for clocks that differ. */
    CATALOG_PUBLISH_MS = CATALOG_GC_LEAST_MS / 2,
};

/* What is to be published, as a version and its blobs. Embedded. */
struct apart {
    const uint8_t *bytes; /* borrowed, or mapped; n of them */
    uint64_t n;
    bool mapped, open;
    struct artifact_reader reader; /* when open */
    uint32_t first, n_blobs; /* blobs that lie apart: from first on; both 0: it is no artifact */
    uint64_t object_bytes;   /* of the version's object: the first of n */
};

/* errors: E_CORRUPT: it begins as an artifact does and is none; E_IO; E_NO_MEMORY. On error there
 * is nothing to fini. */
enum status apart_init(const struct store_source *from, struct apart *out,
                       struct err *err) WARN_UNUSED;
void apart_fini(struct apart *a);
/* All blobs that lie apart are in the store afterwards, and young: what is missing is written, what
 * is old renewed.  errors: those of store_put */
enum status apart_write(struct store *store, const char *model, const struct apart *a,
                        struct err *err) WARN_UNUSED;
/* Sets *bytes to those of the artifact whose object under key is o; o's own where it is none, or is
 * not there any more.  errors: others of store_read */
enum status apart_whole_bytes(struct store *store, const char *key, const struct store_object *o,
                              uint64_t *bytes, struct err *err) WARN_UNUSED;
/* The same, where its first ARTIFACT_PAGE0_BYTES, or all of it, were read. */
uint64_t apart_whole_first(const char *key, const struct store_first *f);

#endif
