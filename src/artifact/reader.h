/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The meta of an artifact, record by record. Opening proves the hash, the section table and what
 * the sections say about themselves; each record getter proves its own record. What records say
 * about each other (order of definition, operators, shapes) the runtime proves when it binds.
 *
 * Names and attribute payloads are views into `strings` and `attr_data`; a caller that keeps them
 * copies the two areas first and points the fields at its copies. */
#ifndef ROOST_ARTIFACT_READER_H
#define ROOST_ARTIFACT_READER_H

#include "artifact/artifact.h"

/* Numbers stand in artifacts; sections lie in this order. SELF, PACK, COLS and BLCK may be absent.
 */
enum section {
    SECTION_SIGN = 1,   /* ports and symbols */
    SECTION_TENS = 2,   /* tensors */
    SECTION_INST = 3,   /* instructions */
    SECTION_OPND = 4,   /* their operands */
    SECTION_ATTR = 5,   /* their attributes, then the payloads of those */
    SECTION_STRS = 6,   /* terminated names; offset 0 is "" */
    SECTION_PROV = 7,   /* JSON text, not terminated */
    SECTION_SELF = 8,   /* a self-test sample */
    SECTION_BLOB = 9,   /* the table of blobs */
    SECTION_PACK = 10,  /* packed constants */
    SECTION_COLS = 11,  /* names of the input's columns */
    SECTION_BLCK = 12,  /* blocks, where there are any */
    SECTION_COUNT = 12, /* the most sections a file has */
    SECTION_LEAST = 8,
};

struct section_view {
    const uint8_t *data; /* as stored for SECTION_PACK, raw for the others */
    uint64_t stored, raw;
    bool present, lz4;
};

/* Embedded. meta is borrowed and outlives the reader. */
struct artifact_reader {
    struct artifact_page0 p0;
    struct section_view sections[SECTION_COUNT + 1]; /* by enum section */
    uint8_t *unpacked;                               /* heap: metadata that came as LZ4 */
    const char *strings;                             /* p0.strings_bytes, the last one NUL */
    const uint8_t *attr_data;                        /* attr_data_bytes */
    uint64_t attr_data_bytes;
};

/* errors: E_CORRUPT; E_UNSUPPORTED; E_NO_MEMORY. On error there is nothing to fini. */
enum status artifact_reader_init(struct artifact_reader *r, const struct artifact_page0 *p0,
                                 const void *meta, size_t meta_bytes, struct err *err) WARN_UNUSED;
void artifact_reader_fini(struct artifact_reader *r);

/* Where a constant's bytes lie. */
struct const_place {
    bool packed;    /* in the packed constants; else in a blob */
    uint32_t blob;  /* which, below page 0's n_blobs */
    uint64_t off;   /* from the start of the packed constants, or of the blob */
    uint64_t bytes; /* strings: with their texts */
};

struct tensor_record {
    const char *name;
    enum tensor_class class;
    struct tensor t;          /* CLASS_CONST: all but data. CLASS_INPUT: dtype. Others: nothing */
    struct const_place place; /* CLASS_CONST */
};

struct instr_record {
    uint16_t op, version, n_in, n_out;
    uint32_t n_attrs;
    const char *name;
};

struct block_record {
    uint32_t n_instrs, n_in, n_out;
};

struct blob_record {
    uint8_t hash[SHA256_BYTES];
    uint64_t off, bytes; /* in the blob area */
};

/* Record i, which is below page 0's count. Ports: inputs first, then outputs; *tensor is below
 * n_tensors. errors of all: E_CORRUPT */
enum status artifact_read_port(const struct artifact_reader *r, uint32_t i, struct port *out,
                               int32_t *tensor, struct err *err) WARN_UNUSED;
enum status artifact_read_symbol(const struct artifact_reader *r, uint32_t i, const char **out,
                                 struct err *err) WARN_UNUSED;
enum status artifact_read_tensor(const struct artifact_reader *r, uint32_t i,
                                 struct tensor_record *out, struct err *err) WARN_UNUSED;
enum status artifact_read_instr(const struct artifact_reader *r, uint32_t i,
                                struct instr_record *out, struct err *err) WARN_UNUSED;
/* ARTIFACT_NO_TENSOR or below n_tensors. */
enum status artifact_read_operand(const struct artifact_reader *r, uint32_t i, int32_t *out,
                                  struct err *err) WARN_UNUSED;
/* In order: *cursor starts at 0 and says how much of the payload area is used. */
enum status artifact_read_attr(const struct artifact_reader *r, uint32_t i, uint64_t *cursor,
                               struct attr *out, struct err *err) WARN_UNUSED;
/* Block i + 1. */
enum status artifact_read_block(const struct artifact_reader *r, uint32_t i,
                                struct block_record *out, struct err *err) WARN_UNUSED;
/* artifact_reader_init proved of all of them that they lie one after the other, each at the first
 * multiple of artifact_blob_align, and fill the blob area to the next multiple of 64. */
enum status artifact_read_blob(const struct artifact_reader *r, uint32_t i, struct blob_record *out,
                               struct err *err) WARN_UNUSED;
/* ARTIFACT_BLOB_ALIGN: a blob has its pages to itself. ARTIFACT_ALIGN: an older file. */
uint64_t artifact_blob_align(const struct artifact_page0 *p0);
/* Inputs first, then outputs; data points into the section, which is not aligned. No strings. */
enum status artifact_read_sample(const struct artifact_reader *r, uint32_t i, uint64_t *cursor,
                                 struct tensor *out, struct err *err) WARN_UNUSED;
/* Fills p0.packed_bytes at dst. */
enum status artifact_read_packed(const struct artifact_reader *r, void *dst,
                                 struct err *err) WARN_UNUSED;
/* Turns the `bytes` of a string constant at `at`, 8-byte aligned, as they came from the packed
 * constants, into struct text elements of t that lead to the texts behind them. All bytes are
 * accounted for: the texts lie in order, without gaps, to the end. errors: E_CORRUPT */
enum status artifact_bind_texts(const struct tensor *t, void *at, uint64_t bytes,
                                struct err *err) WARN_UNUSED;

#endif
