/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What was proven, in a table of fixed size: a content may stand in the few places of its set, and
 * takes the one that was not used for longest. */
#include <pthread.h>
#include <string.h>

#include "artifact/blobs.h"
#include "base/lock.h"
#include "metrics/metrics.h"

enum { WAYS = 4, SETS = BLOBS_KNOWN_MAX / WAYS };

struct known {
    uint64_t used; /* by the table's count of uses; 0: empty */
    uint8_t hash[SHA256_BYTES];
    char tag[BLOBS_TAG_MAX];
};

static struct {
    struct lock lock; /* LOCK_BLOBS; guards what follows */
    uint64_t uses;
    bool always;
    struct known sets[SETS][WAYS]; /* pages of zeros until somebody stands there */
} table;

static void table_init(void)
{
    lock_init(&table.lock, LOCK_BLOBS);
}

static void table_lock(void) ACQUIRES(table.lock)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, table_init);
    lock_take(&table.lock);
}

static struct known *set_of(const struct artifact_page0 *p0, const char *tag)
{
    return table.sets[(hash_name(tag) ^ hash_bytes(p0->hash, SHA256_BYTES)) % SETS];
}

/* Its place in the set; NULL: it has none. */
static struct known *find(struct known *set, const struct artifact_page0 *p0, const char *tag)
{
    for (int i = 0; i < WAYS; i++)
        if (set[i].used && memcmp(set[i].hash, p0->hash, SHA256_BYTES) == 0 &&
            strcmp(set[i].tag, tag) == 0)
            return &set[i];
    return NULL;
}

static bool worth(const struct artifact_page0 *p0, const char *tag)
{
    return p0->blob_bytes >= BLOBS_KNOWN_LEAST && *tag && strlen(tag) < BLOBS_TAG_MAX;
}

bool blobs_known_part(const struct artifact_page0 *p0, const char *tag, uint64_t bytes)
{
    struct known *k = NULL;
    if (worth(p0, tag)) {
        table_lock();
        k = find(set_of(p0, tag), p0, tag);
        if (k)
            k->used = ++table.uses;
        lock_release(&table.lock);
    }
    metric_add(k ? M_BLOBS_KNOWN : M_BLOBS_HASHED, bytes);
    return k;
}

void blobs_remember(const struct artifact_page0 *p0, const char *tag)
{
    if (!worth(p0, tag))
        return;
    table_lock();
    struct known *set = set_of(p0, tag), *k = find(set, p0, tag);
    if (!k) {
        k = set;
        for (int i = 1; i < WAYS; i++)
            if (set[i].used < k->used)
                k = &set[i];
    }
    if (!table.always) {
        k->used = ++table.uses;
        memcpy(k->hash, p0->hash, SHA256_BYTES);
        memcpy(k->tag, tag, strlen(tag) + 1);
    }
    lock_release(&table.lock);
}

void blobs_always_hash(bool always)
{
    table_lock();
    table.always = always;
    if (table.uses) /* else there are only zeros, and they cost no memory */
        memset(table.sets, 0, sizeof(table.sets));
    lock_release(&table.lock);
}

bool blobs_hashed_always(void)
{
    table_lock();
    bool always = table.always;
    lock_release(&table.lock);
    return always;
}
