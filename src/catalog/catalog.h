/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Names -> versions -> artifacts. A name resolves to the first of: _roost/models/<name>/current
 * (whose text is the version n of _roost/models/<name>/<n>.roost), unless one of the following is
 * newer than that (by the store's times; equal ones keep `current`); the highest <name>/<n> that
 * holds a model.<ext>; <name>.<ext>, which has no number: its version is "" here, and the loader
 * calls it by its content. ext is the first that is there of roost, onnx, ubj, json and tar.gz; all
 * but roost are raw: model files that are compiled when they are first called. Names that proved
 * unknown are remembered, 1 s growing to 60 s, 10,000 at most by default. */
#ifndef ROOST_CATALOG_CATALOG_H
#define ROOST_CATALOG_CATALOG_H

#include <stdatomic.h>

#include "catalog/probes.h"
#include "loader/loader.h"

struct catalog;

/* probes_per_s: unknown names that a tenant may ask the store for in a second; at least 1. */
enum status catalog_new(struct store *store, uint32_t negatives_max, uint32_t probes_per_s,
                        struct catalog **out) WARN_UNUSED;
void catalog_free(struct catalog **c);
/* All tenants together may ask for so many in a second, but for those of which a name was found:
 * these have their own bound alone. Before all else; without it there is no such bound. */
void catalog_bound_node(struct catalog *c, uint32_t probes_per_s);

/* Proves `model` or `tenant/model`, and writes the one spelling that the node uses: `default/x` is
 * `x`. errors: E_BAD_INPUT naming the rule that was broken */
enum status catalog_name(const char *text, size_t len, char out[MODEL_NAME_MAX + 1],
                         struct err *err) WARN_UNUSED;
/* A version's number: a decimal of 1 to 18 digits without a leading zero. False for other text. */
bool catalog_version_parse(const char *text, uint64_t *n) WARN_UNUSED;
/* The name of one version of a model, `model@n`, which no model has: what it leads to is
 * _roost/models/<model>/<n>.roost or <model>/<n>/model.<ext>, whatever is current. */
enum { CATALOG_VERSION_MARK = '@' };
void catalog_version_name(const char *model, uint64_t n, char out[MODEL_NAME_MAX + 1]);
/* Proves the name of a model, or of one version of one, as catalog_name does.  errors: E_BAD_INPUT
 */
enum status catalog_slot_name(const char *text, size_t len,
                              char out[MODEL_NAME_MAX + 1]) WARN_UNUSED;
/* Is this one of the words that never name a model's second segment (invoke, load, …)? */
bool catalog_is_verb(const char *segment, size_t len);

/* Is the name remembered as unknown at now_us? Who refuses because of it counts M_NEGATIVE_HITS.
 * thread: any   locks: takes CATALOG   blocks: no */
bool catalog_known_absent(struct catalog *c, const char *name, uint64_t now_us);
/* May the name be looked for? Not while its tenant, or all of them, asked for too many unknown
 * ones. thread: any   locks: takes CATALOG   blocks: no */
enum probe catalog_may_probe(struct catalog *c, const char *name, uint64_t now_us) WARN_UNUSED;
/* The name proved unknown, and was not looked for because a tenant asked: that counts for no bound.
 * thread: any   locks: takes CATALOG   blocks: no */
void catalog_forgive(struct catalog *c, const char *name, uint64_t now_us);
/* Remembers that the store did not have the name at now_us: for 1 s, twice as long each time it is
 * still absent, up to 60 s; from 1 s again when nobody asked for a minute after that. The oldest
 * goes beyond the bound; without memory it is not remembered.
 * thread: any   locks: takes CATALOG   blocks: no */
void catalog_note_absent(struct catalog *c, const char *name, uint64_t now_us);
/* Forgets that it was unknown.  thread: any   locks: takes CATALOG   blocks: no */
void catalog_note_present(struct catalog *c, const char *name);
/* Names now remembered as unknown, expired ones among them. */
size_t catalog_absent_count(struct catalog *c);

/* Where the artifact, or raw model file, of the name, or of the version of one, lies, and what it
 * is.  thread: loader or CLI   blocks: disk, network errors: E_NOT_FOUND; E_STORE; E_CORRUPT (the
 * text of `current` is no version); E_NO_MEMORY */
enum status catalog_resolve(struct store *store, const char *name, struct resolved *out,
                            struct err *err) WARN_UNUSED;
/* The same, but that an object of a store that is far is not asked for where its place says that it
 * is there: out->looked is false then. */
enum status catalog_resolve_place(struct store *store, const char *name, struct resolved *out,
                                  struct err *err) WARN_UNUSED;
/* The loader's resolver: both of them, remembering E_NOT_FOUND. */
struct loader_resolver catalog_resolver(struct catalog *c);

/* ---- published versions: _roost/models/<name>/<n>.roost, and `current`, which names one ----
 *
 * The blobs of 64 KiB and more that end an artifact lie apart, _roost/blobs/<tenant>/<sha256>, once
 * for each tenant: a model finds those of its own tenant only, and who publishes brings all bytes.
 * A version is written first, whole, under a number that nobody had; the pointer is flipped last.
 * So whatever interrupts a publish, the name leads to its old or to its new version, and what
 * remains is at most a version that was never current. Of two who publish one name at once both get
 * a version, and the later flip wins. Numbers go 1, 2, 3; in a bucket without conditional writes
 * nobody can be asked whether a number is free, and one is made of the time and chance. Within this
 * process flips and removals take turns; between nodes that share a store a version could be
 * removed while another node rolls back to it.
 *
 * All block on disk or network.  thread: any but event and exec   locks: takes CATALOG
 * errors beside those named: those of store_put and store_list; E_CORRUPT (a bad `current`) */

struct catalog_version {
    uint64_t n, bytes, modified_ms; /* bytes: of the whole artifact */
    bool current;
};

/* May a model have that name where it is published? False for `tenant/current`, `tenant/3.roost`
 * and the like, which are what versions of the model `tenant` lie under: *err says so
 * (E_BAD_INPUT). */
bool catalog_may_publish(const char *model, struct err *err) WARN_UNUSED;
/* *version becomes current. The name is no longer remembered as unknown.  errors: E_CORRUPT: it
 * begins as an artifact does and is none; E_STORE also when it took so long that a collector might
 * take its blobs for old, or took its mark. Where the pointer's own put fails, it may have
 * happened: the name is no longer remembered as unknown then either. name: that catalog_may_publish
 * allowed */
enum status catalog_publish(struct catalog *c, const char *name,
                            const struct store_source *artifact, uint64_t *version,
                            struct err *err) WARN_UNUSED;
/* All versions that were ever current, the highest first; ends early once *cancelled (NULL: never).
 * owns: *out is heap and the caller's on OK   errors: E_NOT_FOUND: none was published;
 * E_CANCELLED; those of the store, whose first failure ends it */
enum status catalog_versions(struct catalog *c, const char *name, const atomic_bool *cancelled,
                             struct catalog_version **out, size_t *count,
                             struct err *err) WARN_UNUSED;
/* Makes *version current; 0: the highest below the current one, which it is set to.
 * errors: E_NOT_FOUND: there is no such version that was ever current */
enum status catalog_rollback(struct catalog *c, const char *name, uint64_t *version,
                             struct err *err) WARN_UNUSED;
/* Removes a version. Its number is not given out again.
 * errors: E_EXISTS: it is the current one; E_NOT_FOUND: there is none that was ever current */
enum status catalog_delete_version(struct catalog *c, const char *name, uint64_t version,
                                   struct err *err) WARN_UNUSED;

/* ---- what nobody needs any more ----
 *
 * Blobs that no version of their tenant's models refers to, versions that were never current
 * because their publish was interrupted, and uploads in parts that were never ended, once they are
 * old. Publishers on this node and others may
 * go on meanwhile. */

enum { CATALOG_GC_LEAST_MS = 60 * 60 * 1000 }; /* what is younger is never collected */

struct catalog_gc {
    uint64_t now_ms;    /* wall clock, taken before the call */
    uint64_t older_ms;  /* at least CATALOG_GC_LEAST_MS */
    bool dry_run;       /* only say what would go */
    uint32_t blobs_max; /* old ones of a tenant in memory at once; 0: 262,144. A tenant with more
                         * has its versions read more than once */
    /* called for each object that went, or would; may be NULL */
    void (*gone)(void *arg, const char *key, uint64_t bytes);
    void *arg;
};

struct catalog_gc_done {
    uint64_t blobs, bytes; /* that went; bytes of blobs */
    uint64_t versions;     /* that were never current */
    uint64_t uploads;      /* in parts, that were never ended */
    uint64_t used;         /* old blobs that a version refers to */
    uint64_t failed;       /* tenants or models that were passed over */
    bool uploads_unknown;  /* the store does not list them: none was looked for */
};

/* Counts in *done as it goes. A tenant with a version that cannot be read keeps all blobs, and the
 * others go on: the first such failure is returned at the end. Memory: 48 bytes for each old blob
 * of one tenant. In a dry run what only a version refers to that would go is used.
 * thread, blocks, locks: as above   errors: E_USAGE: older_ms is too little; those of store_list,
 * store_read, store_delete; E_CORRUPT; E_UNSUPPORTED */
enum status catalog_gc(struct catalog *c, const struct catalog_gc *o, struct catalog_gc_done *done,
                       struct err *err) WARN_UNUSED;

/* Every invocable name of the store in name order, for `roost ls`. A name that cannot be resolved
 * (a bad `current`) is passed over; the first such failure is returned after all others were
 * listed. r's bytes are the whole artifact's. What fn returns but OK ends the listing.  blocks:
 * disk, network */
typedef enum status catalog_list_fn(void *arg, const char *name, const struct resolved *r);
enum status catalog_list(struct store *store, catalog_list_fn *fn, void *arg,
                         struct err *err) WARN_UNUSED;

#endif
