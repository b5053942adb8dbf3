/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Invocations as they came, read one after the other from a file: text, or records.
 *
 * Text: the line "t_us,model,tenant,bytes,load_us,exec_us", then one line per invocation, times not
 * falling: whole numbers, a model name of at most 257 bytes, a tenant of at most 128 or none.
 *
 * Records: a file header of 32 bytes, then records of 32 bytes, little-endian, all as struct
 * trace_record lays them out. A record with TRACE_MODEL or TRACE_TENANT in its flags invokes
 * nothing but names an id: its `bytes` field says how long the name is, which follows, padded with
 * zeros to a multiple of 32. Ids count from 0 in the order in which they are named, tenants and
 * models each, and are named before their first invocation. A recorder that is killed leaves a last
 * record cut off, which is no error. */
#ifndef ROOST_REPLAY_TRACE_H
#define ROOST_REPLAY_TRACE_H

#include <stdio.h>

#include "base/status.h"

enum {
    TRACE_RECORD = 32,
    TRACE_MODEL_MAX = 257,
    TRACE_TENANT_MAX = 128,
    TRACE_TENANTS = 1 << 16,
    TRACE_LINE_MAX = 1024,
};
#define TRACE_MAGIC "ROOSTTR1"              /* the file header's first eight bytes; the rest is 0 */
#define TRACE_BYTES_MAX ((uint64_t)1 << 42) /* of a model */
#define TRACE_T_US_MAX ((uint64_t)1 << 62)
#define TRACE_HEADER "t_us,model,tenant,bytes,load_us,exec_us"

enum trace_flags {
    TRACE_MODEL = 1,  /* names id */
    TRACE_TENANT = 2, /* names tenant */
};

/* On disk as in memory. */
struct trace_record {
    uint64_t t_us; /* since any beginning; does not fall */
    uint32_t id;   /* model */
    uint16_t tenant;
    uint16_t flags;   /* enum trace_flags; 0: an invocation */
    uint64_t bytes;   /* what the model takes in memory, from 1 to TRACE_BYTES_MAX */
    uint32_t load_us; /* what loading it costs (not: whether this one loaded) */
    uint32_t exec_us; /* what running it took */
};

struct trace; /* heap */

/* Opens by what the first bytes are; "-" is standard input.
 * errors: E_NOT_FOUND; E_IO; E_CORRUPT when it is neither form; E_NO_MEMORY */
enum status trace_open(const char *path, struct trace **out, struct err *err) WARN_UNUSED;
/* The same from an open stream, which the trace closes then. */
enum status trace_open_stream(FILE *f, const char *name, struct trace **out,
                              struct err *err) WARN_UNUSED;
void trace_free(struct trace **t);
/* The next invocation; *more false at the end. Ids of models and tenants are dense, in the order of
 * their first appearance.  blocks: disk
 * errors: E_CORRUPT naming the line or record and what was expected; E_IO; E_NO_MEMORY; E_TOO_LARGE
 * beyond POLICY_IDS_MAX models or TRACE_TENANTS tenants */
enum status trace_next(struct trace *t, struct trace_record *out, bool *more,
                       struct err *err) WARN_UNUSED;
uint32_t trace_models(const struct trace *t);  /* seen so far */
uint32_t trace_tenants(const struct trace *t); /* seen so far */
bool trace_cut(const struct trace *t);         /* the last record was cut off */

#endif
