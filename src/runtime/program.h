/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A program: an artifact bound to memory. Shared, read-only, reentrant. Its memory is a bundle
 * (runtime/bundle.h), whose size page 0 fixes before anything else is read: [blobs][bind area];
 * less those blobs that other programs brought and share with it.
 *
 * Loading, as the loader does it:
 *     artifact_page0_read(first 4096 bytes)      -> p0
 *     read meta [0, p0.meta_bytes) into a passing buffer
 *     artifact_reader_init                       -> proves the meta's hash and structure
 *     reserve program_bytes(&p0), less what is there already
 *     bundle_new, read blobs to where it places them, unless blobs_known through a blob_check
 *     program_bind(...)                          -> proves the rest, owns the bundle
 */
#ifndef ROOST_RUNTIME_PROGRAM_H
#define ROOST_RUNTIME_PROGRAM_H

#include "artifact/reader.h"
#include "ops/op.h"
#include "runtime/bundle.h"

struct program;

/* Bytes a program will use, rounded as held: from page 0 alone, and never less than bind needs.
 * UINT64_MAX when page 0's numbers overflow. */
uint64_t program_bytes(const struct artifact_page0 *p0);

/* Proves the whole program (indices, order, operand counts, attributes, constants, shapes at the
 * smallest symbols), recomputes the costs and compares them with page 0. No arithmetic over
 * weights.
 *
 * owns:    *bundle, which holds or knows all blobs, is moved into the program on OK, the caller's
 * on error; reader borrowed, and nothing of it is kept thread:  loader   locks: none   blocks: no
 * errors:  E_CORRUPT (names the section and the index at fault); E_UNSUPPORTED (an operator or
 * version this build does not know); E_NO_MEMORY */
enum status program_bind(const struct artifact_reader *reader, struct bundle **bundle,
                         struct program **out, struct err *err) WARN_UNUSED;
void program_free(struct program **p); /* thread: any but event and exec threads */

/* From a whole file in memory or on disk; for the CLI, the library and tests. Blobs are checked
 * against their SHA-256 too; those of a file that was opened before and has not changed since are
 * not (artifact/blobs.h).  blocks: disk (program_open_file) */
enum status program_open_bytes(const void *bytes, size_t n, struct program **out,
                               struct err *err) WARN_UNUSED;
enum status program_open_file(const char *path, struct program **out, struct err *err) WARN_UNUSED;
/* As program_open_file, but the blobs are mapped (region_map, not locked), not read: for a file
 * that nobody writes to or cuts as long as the program lives. Who does changes its weights, or ends
 * the process. */
enum status program_map_file(const char *path, struct program **out, struct err *err) WARN_UNUSED;

const struct signature *program_signature(const struct program *p);
const struct artifact_page0 *program_page0(const struct program *p);
uint64_t program_resident_bytes(const struct program *p); /* program_bytes: shared ones too */
const char *program_provenance(const struct program *p);  /* JSON text */
uint64_t program_serial(const struct program *p);         /* unique in this process, never reused */
/* The self-test sample: false when the artifact has none. Views into the program. */
bool program_sample(const struct program *p, const struct tensor **in, const struct tensor **out);

/* The class labels, int64[C] or string[C], that name the columns of signature output i; NULL when
 * they have none. A view into the program. */
const struct tensor *program_classes(const struct program *p, int output);

/* The bytes of blob i, which is below page 0's n_blobs. */
const void *program_blob(const struct program *p, uint32_t i);

/* What stands in the program, for `show` and the tests. */
struct instr_view {
    const struct op *op;
    int version;
    const char *name;
    uint32_t n_in, n_out;
};
uint32_t program_instr_count(const struct program *p);
void program_instr(const struct program *p, uint32_t i, struct instr_view *out);

/* ---- view.c: the program as a graph ---- */

struct tensor_view {
    const char *name; /* may be "" */
    enum tensor_class class;
    int32_t port; /* CLASS_INPUT: which signature input; else -1 */
};
uint32_t program_tensor_count(const struct program *p);
void program_tensor(const struct program *p, uint32_t i, struct tensor_view *out);
/* Operand k of instruction i, inputs before outputs: a tensor's index or ARTIFACT_NO_TENSOR. */
int32_t program_operand(const struct program *p, uint32_t i, uint32_t k);
int32_t program_output(const struct program *p, uint32_t i); /* tensor of a signature output */
/* dtype and shape of every tensor; a dim may be a symbol of the signature or DIM_FREE. Where shapes
 * are known only while it runs, rank is -1 for all but constants and ports. data is set for
 * constants alone.  out: program_tensor_count of them   errors: E_NO_MEMORY */
enum status program_shapes(const struct program *p, struct tensor *out) WARN_UNUSED;

/* What one run is at the smallest symbols, where every dim that a request may choose is 1. */
struct program_estimate {
    bool planned;        /* false: no plan at these sizes (shapes too small, or known only while it
                            runs); all else is 0 */
    uint64_t flops;      /* see ops/flops.h */
    uint32_t steps;      /* instructions that run; views and what shapes decide do not */
    uint32_t item_steps; /* of these, the first ones run for one item of the batch after another */
    uint64_t values_bytes; /* of the arena, without the plan itself and scratch */
    uint64_t live_bytes;   /* of the step with most bytes alive: what values_bytes is at least */
    const char *placed_by; /* the order of placing that gave values_bytes: "size", "peak", "area",
                              "start" */
};
/* errors: E_NO_MEMORY; what planning says of a program that is not sound */
enum status program_estimate(const struct program *p, struct program_estimate *out,
                             struct err *err) WARN_UNUSED;

/* Computes the costs that belong into page 0, for the compiler: binds without comparing costs. */
enum status program_measure(const void *bytes, size_t n, struct artifact_cost *out,
                            struct err *err) WARN_UNUSED;

#endif
