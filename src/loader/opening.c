/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "loader/opening.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "loader/loader_priv.h"

static _Atomic uint64_t *place_of(const struct run *r, uint64_t *hash)
{
    *hash = hash_name(r->at.key) | 1;
    return &r->env->seen->keys[*hash / 2 % SEEN_KEYS];
}

static bool is_seen(const struct run *r)
{
    uint64_t hash;
    _Atomic uint64_t *at = place_of(r, &hash);
    return atomic_load_explicit(at, memory_order_relaxed) == hash;
}

static void note_seen(const struct run *r)
{
    uint64_t hash;
    _Atomic uint64_t *at = place_of(r, &hash);
    atomic_store_explicit(at, hash, memory_order_relaxed);
}

/* The place that was resolved holds no object any more: where is it now? */
static enum status find_anew(struct run *r, struct err *err)
{
    enum status s = r->env->resolver.resolve(r->env->resolver.self, r->name, true, &r->at, err);
    if (s == OK && r->at.raw)
        return err_set(err, E_STORE, "%s was replaced by %s while it was looked for", r->name,
                       r->at.key);
    return s;
}

enum status opening_look(struct run *r, struct err *err)
{
    struct resolved *at = &r->at;
    if (r->compiled->open || at->looked || *at->object.tag || !r->env->disk || !is_seen(r))
        return OK;
    enum status s = store_stat(r->env->store, at->key, &at->object, err);
    at->looked = s == OK;
    return s == E_NOT_FOUND ? find_anew(r, err) : s;
}

static enum status read_first(struct run *r, struct err *err)
{
    enum status s = store_first(r->env->store, r->at.key, &r->opening, err);
    if (s == E_NOT_FOUND && !r->at.looked) {
        s = find_anew(r, err);
        if (s == OK)
            s = store_first(r->env->store, r->at.key, &r->opening, err);
    }
    return s;
}

enum status opening_read(struct run *r, struct err *err)
{
    /* A byte more than there are: so an answer that says of less that it is all is a lie. */
    const uint64_t bytes =
        *r->at.object.tag ? MIN(r->at.object.bytes, (uint64_t)OPENING_BYTES) + 1 : OPENING_BYTES;
    if (r->compiled->open || !store_is_far(r->env->store))
        return OK;
    opening_fini(r);
    r->opening.room = (size_t)MAX(MIN(bytes, (uint64_t)OPENING_BYTES), sizeof(r->first));
    r->opening.to = alloc_new(r->opening.room);
    if (!r->opening.to)
        return err_set(err, E_NO_MEMORY, "no memory for the first bytes of %s", r->name);
    enum status s = read_first(r, err);
    if (s != OK)
        return s;
    r->at.object = r->opening.object;
    r->at.looked = true;
    if (r->env->disk)
        note_seen(r);
    return OK;
}

size_t opening_copy(const struct run *r, uint64_t off, void *dst, size_t n)
{
    size_t have = off < r->opening.n ? MIN(n, r->opening.n - (size_t)off) : 0;
    if (have)
        memcpy(dst, r->opening.to + off, have);
    return have;
}

void opening_fini(struct run *r)
{
    alloc_free(r->opening.to);
    r->opening = (struct store_first){.to = NULL};
}
