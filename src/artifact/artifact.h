/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The file format of a compiled model (docs/artifact.md): written from a plain description, read
 * back with every structural claim proven before anything trusts it. Little-endian.
 *
 *   page 0 (4096 bytes) | section table + metadata sections | padding to 4096 | blobs
 *
 * Page 0 alone tells a cache all it needs to admit the model. The metadata ("meta") is read into a
 * passing buffer; blobs (raw weights, each at a multiple of 4096 in the blob area) go straight to
 * where they stay. Constants that compress well (integer tables of trees) travel as LZ4 inside the
 * meta instead. */
#ifndef ROOST_ARTIFACT_ARTIFACT_H
#define ROOST_ARTIFACT_ARTIFACT_H

#include "artifact/signature.h"
#include "base/buf.h"
#include "base/hash.h"
#include "ops/attr.h"

enum {
    ARTIFACT_PAGE0_BYTES = 4096,
    ARTIFACT_ALIGN = 64, /* of every constant's data */
    /* Constants of at least these bytes are blobs of their own; smaller ones share one. */
    ARTIFACT_BLOB_LEAST = 64 * 1024,
    ARTIFACT_BLOB_ALIGN = 4096, /* where a blob may begin: it has its pages to itself */
    ARTIFACT_NO_TENSOR = -1,
    ARTIFACT_SYMBOLS_MAX = 256, /* named dims of one model */
    /* Which planner and which scratch sizes page 0's costs were computed by. A change of either
     * raises it; an artifact of another revision is refused with the advice to compile again. */
    ARTIFACT_COST_REVISION = 6,
};

enum artifact_target { TARGET_GENERIC = 0 };

/* ---- what the compiler hands over ---- */

/* A formal is what a block other than the first takes; each belongs to one block. */
enum tensor_class { CLASS_CONST = 1, CLASS_INPUT = 2, CLASS_VALUE = 3, CLASS_FORMAL = 4 };

struct artifact_tensor {
    const char *name; /* for messages and `show`; may be "" */
    enum tensor_class class;
    struct tensor t; /* CLASS_CONST: full shape and data. CLASS_INPUT: dtype. Others: nothing */
    bool compress;   /* CLASS_CONST: try LZ4, keep it where the ratio is below 0.9 */
};

struct artifact_instr {
    uint16_t op;             /* op->code */
    uint16_t version;        /* since-version */
    const int32_t *in, *out; /* tensor indices or ARTIFACT_NO_TENSOR */
    uint32_t n_in, n_out;
    const struct attr *attrs;
    uint32_t n_attrs;
    const char *name; /* the source's node name, for messages; may be "" */
};

/* A body of a control instruction (If, Loop, Scan), which names it by number: closed, so that its
 * instructions read only its formals, its own results and constants. */
struct artifact_block {
    uint32_t n_instrs;
    const int32_t *in, *out; /* tensor indices: formals; results, formals or constants */
    uint32_t n_in, n_out;
};

struct artifact_source {
    const struct artifact_tensor *tensors;
    uint32_t n_tensors;
    const struct artifact_instr *instrs; /* in execution order, define before use */
    uint32_t n_instrs;                   /* of all blocks, block after block */
    /* Blocks 1 to n_blocks: their instructions stand behind those of the model itself, which is
     * block 0. Each is named by one instruction, of a block with a lower number. */
    const struct artifact_block *blocks;
    uint32_t n_blocks;
    const int32_t *inputs;  /* tensor index of each signature input, all CLASS_INPUT */
    const int32_t *outputs; /* tensor index of each signature output, any class */
    struct signature signature;
    const char *provenance; /* JSON text: source hash, compiler, opset, … no time, no path */
    const struct tensor *sample_inputs; /* a self-test sample; NULL: none */
    const struct tensor *sample_outputs;
};

/* What page 0 declares beside what the file itself shows. All are recomputed when the program is
 * bound and must be equal. */
struct artifact_cost {
    uint64_t arena_fixed; /* bytes of the smallest shape's arena */
    uint64_t
        arena_per_item; /* additional bytes per step of the first symbol (batch); 0 when fixed */
    uint64_t scratch_bytes; /* largest operator scratch at the smallest shape; part of the arena */
};

/* ---- what page 0 says ---- */

struct artifact_page0 {
    uint16_t major, minor;
    uint32_t target;        /* enum artifact_target */
    uint32_t cost_revision; /* ARTIFACT_COST_REVISION */
    uint64_t file_bytes;
    uint64_t
        meta_bytes; /* page 0 and all sections that are not blobs, as stored; multiple of 4096 */
    uint64_t blob_bytes;     /* the rest of the file; what stays in memory of it */
    uint64_t packed_bytes;   /* raw size of the LZ4 constants */
    uint64_t meta_raw_bytes; /* raw size of all metadata sections */
    uint32_t n_sections, n_tensors, n_instrs, n_operands, n_attrs, n_inputs, n_outputs, n_symbols;
    uint32_t n_blobs, strings_bytes;
    uint32_t n_blocks; /* beside block 0 */
    struct artifact_cost cost;
    uint8_t hash[SHA256_BYTES]; /* of page 0 (this field zero) and the meta: names the content */
};

/* Writes the artifact with the given cost. Deterministic: same source, same bytes.
 * owns: src borrowed; *out is empty on entry, and again on error
 * errors: E_UNSUPPORTED beyond the format's limits; E_NO_MEMORY */
enum status artifact_write(const struct artifact_source *src, const struct artifact_cost *cost,
                           struct buf *out, struct err *err) WARN_UNUSED;

/* Do the n bytes begin as an artifact does? */
enum { ARTIFACT_MAGIC_BYTES = 8 };
bool artifact_is(const void *bytes, size_t n);

/* Proves page 0 on its own: magic, version, sizes that add up, counts within limits. `bytes` must
 * be at least ARTIFACT_PAGE0_BYTES.  errors: E_CORRUPT; E_UNSUPPORTED for a newer major or other
 * target */
enum status artifact_page0_read(const void *page0, size_t bytes, struct artifact_page0 *out,
                                struct err *err) WARN_UNUSED;

#endif
