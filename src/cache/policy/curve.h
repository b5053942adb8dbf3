/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* How many invocations lru would find in memory, as a function of how much memory there is: one
 * pass over the invocations tells it for all sizes, those beyond the present budget included, since
 * models that were evicted are remembered.
 *
 * An invocation hits in every memory that holds its model and all that were asked for since the
 * model's last invocation. That many bytes are its distance; the curve is the share of invocations
 * at each distance. Models are sampled by a hash of their ids (SHARDS: Waldspurger, Park,
 * Garthwaite and Ahmad, FAST 2015): while no more than `samples_max` are known all are in the
 * sample, beyond it fewer and fewer, and what the sample says is scaled up; what the sampled
 * invocations lack in number against all that came is taken for hits, which corrects for the
 * few models that are asked for most (their SHARDS_adj).
 *
 * A pure object: no clock, lock or I/O; nothing is allocated after init. An access costs O(log
 * samples_max), and now and then O(samples_max). Its owner serializes all calls. */
#ifndef ROOST_CACHE_POLICY_CURVE_H
#define ROOST_CACHE_POLICY_CURVE_H

#include "base/status.h"

enum { CURVE_SAMPLES_MAX = 1 << 16, CURVE_OCTAVES = 48, CURVE_STEPS = 32 };

struct curve_config {
    uint32_t samples_max; /* models in the sample; 2 to CURVE_SAMPLES_MAX */
    uint64_t half_life;   /* after so many invocations what was counted counts half; 0: never */
    uint64_t seed;
};

/* One model of the sample. */
struct curve_sample {
    uint64_t bytes;
    uint32_t id;
    uint32_t at;   /* its place in the order of last invocations, from 1 */
    uint32_t next; /* in its bucket, or among the free */
};

/* So many invocations, and the load cost that their misses would have. */
struct curve_sum {
    double count, cost_us;
};

/* Embedded. */
struct curve {
    struct curve_config config;
    struct curve_sample *samples; /* heap; samples_max */
    uint32_t *buckets;            /* heap; mask + 1 */
    uint32_t *order;              /* heap; places + 1: the sample that stands there */
    uint64_t *bytes_at;           /* heap; places + 1: a Fenwick tree over bytes by place */
    uint32_t mask, places;
    uint32_t count, free;  /* samples in use; the first free one */
    uint32_t last;         /* the newest place in use */
    uint64_t total_bytes;  /* of the sample */
    uint64_t below;        /* in the sample is what hashes below */
    uint64_t until_half;   /* invocations */
    struct curve_sum all;  /* that came … */
    struct curve_sum seen; /* … and what the sampled ones amount to */
    struct curve_sum bins[CURVE_OCTAVES * CURVE_STEPS]; /* hits by distance */
};

/* errors: E_NO_MEMORY */
enum status curve_init(struct curve *c, const struct curve_config *config) WARN_UNUSED;
void curve_fini(struct curve *c); /* all zero is fine */
/* One invocation of a model that takes so many bytes, > 0, and costs cost_us to load. Other bytes
 * than the last time are another version: a miss in any memory. */
void curve_access(struct curve *c, uint32_t id, uint64_t bytes, uint64_t cost_us);
/* The model takes so many bytes from now on, another version in the old one's place: nobody missed
 * it. One that is not known is none the wiser. */
void curve_renew(struct curve *c, uint32_t id, uint64_t bytes);
void curve_forget(struct curve *c, uint32_t id); /* the id may come back as another model */

struct curve_point {
    double hit_rate;     /* 0 to 1; 0 before the first invocation */
    double miss_cost_us; /* of the misses, per invocation */
};
/* What a memory of so many bytes would give. */
void curve_at(const struct curve *c, uint64_t memory_bytes, struct curve_point *out);

#endif
