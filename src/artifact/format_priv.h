/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The bytes on disk (docs/artifact.md). Every record is naturally aligned and has no hidden
 * padding, so that on a little-endian machine it is copied as it stands; records are always copied
 * out with memcpy, because nothing promises that a section is aligned in memory. */
#ifndef ROOST_ARTIFACT_FORMAT_PRIV_H
#define ROOST_ARTIFACT_FORMAT_PRIV_H

#include "artifact/artifact.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "artifacts are little-endian and are copied as they stand"
#endif

#define ARTIFACT_MAGIC "\x89ROO\r\n\x1a\n"

enum {
    ARTIFACT_MAJOR = 1,
    ARTIFACT_MINOR = 2, /* 1: blobs at multiples of 64 only; 0: and without blocks */
    ARTIFACT_ENDIAN = 0x01020304,
    LZ4_SECTION_LEAST = 4096, /* metadata sections below it stay raw */
    LZ4_RATIO_MAX = 256,      /* no LZ4 frame grows more than this */
};

/* Hard caps: what a count in page 0 may be before anything is computed from it. */
enum {
    CAP_TENSORS = 1 << 17,
    CAP_INSTRS = 1 << 15, /* placing values is quadratic in it */
    CAP_OPERANDS = 1 << 20,
    CAP_ATTRS = 1 << 20,
    CAP_BLOCKS = 1 << 12,
    CAP_SYMBOLS = ARTIFACT_SYMBOLS_MAX,
    CAP_STRINGS_BYTES = 1 << 26,
    CAP_PROVENANCE_BYTES = 1 << 20,
    CAP_META_BYTES = 1 << 30, /* stored, and raw without packed constants */
};
#define CAP_BYTES ((uint64_t)1 << 46) /* of a file, of packed constants, of an arena */

enum codec { CODEC_RAW = 0, CODEC_LZ4 = 1 };

enum place { PLACE_NONE = 0, PLACE_BLOB = 1, PLACE_PACKED = 2 };

struct disk_page0 {
    uint8_t magic[8];
    uint16_t major, minor;
    uint32_t endian;
    uint32_t target;
    uint32_t cost_revision;
    uint64_t file_bytes, meta_bytes, blob_bytes, packed_bytes, meta_raw_bytes;
    uint32_t n_sections, n_tensors, n_instrs, n_operands, n_attrs;
    uint32_t n_inputs, n_outputs, n_symbols, n_blobs, strings_bytes;
    uint64_t arena_fixed, arena_per_item, scratch_bytes;
    uint8_t hash[SHA256_BYTES];
    uint32_t n_blocks, zero; /* since minor 1; before it zero */
};

struct disk_section {
    uint32_t type, codec;
    uint64_t off, stored, raw;
};

struct disk_port {
    uint32_t name, tensor;
    uint16_t dtype, rank;
    uint32_t zero;
    int64_t dims[TENSOR_RANK_MAX];
};

struct disk_tensor {
    uint32_t name;
    uint8_t class, dtype, rank, place;
    int64_t dims[TENSOR_RANK_MAX];
    uint32_t blob, zero;
    uint64_t off, bytes;
};

struct disk_instr {
    uint16_t op, version, n_in, n_out;
    uint32_t n_attrs, name;
};

struct disk_attr {
    uint16_t key, type;
    uint32_t count;
    uint64_t value; /* ATTR_INT: the number; ATTR_FLOAT: its bits; else offset of the payload */
};

struct disk_blob {
    uint8_t hash[SHA256_BYTES];
    uint64_t off, bytes;
};

struct disk_block {
    uint32_t n_instrs, n_in, n_out, zero;
};

struct disk_sample {
    uint16_t dtype, rank;
    uint32_t zero;
    uint64_t off, bytes;
    int64_t dims[TENSOR_RANK_MAX];
};

/* An element of a string constant: where its text begins, from the constant's own start, and how
 * many bytes it has. The texts follow the last element, one after the other. */
struct disk_text {
    uint64_t off, bytes;
};

_Static_assert(sizeof(struct disk_page0) == 168, "page 0");
_Static_assert(sizeof(struct disk_section) == 32, "section");
_Static_assert(sizeof(struct disk_port) == 80, "port");
_Static_assert(sizeof(struct disk_tensor) == 96, "tensor");
_Static_assert(sizeof(struct disk_instr) == 16, "instruction");
_Static_assert(sizeof(struct disk_attr) == 16, "attribute");
_Static_assert(sizeof(struct disk_blob) == 48, "blob");
_Static_assert(sizeof(struct disk_block) == 16, "block");
_Static_assert(sizeof(struct disk_sample) == 88, "sample");
_Static_assert(sizeof(struct disk_text) == 16, "text: as long as the element it becomes");

/* The least minor that can say what p says: an artifact has no other. */
uint16_t page0_minor(const struct artifact_page0 *p);
/* Page 0's first bytes; the rest of the page is zero. */
void page0_encode(const struct artifact_page0 *p, struct disk_page0 *out);

/* Bytes that one element of a list attribute takes; 0 for ATTR_INT and ATTR_FLOAT. */
size_t attr_element_bytes(enum attr_type type);

/* Appends one LZ4 frame that declares its content size.  errors: E_NO_MEMORY; E_TOO_LARGE */
enum status frame_pack(struct buf *out, const void *raw, size_t bytes) WARN_UNUSED;
/* Fills exactly raw_bytes from exactly one frame.  errors: E_CORRUPT when the frame is bad,
 * declares another size, or is longer or shorter than `bytes`; E_NO_MEMORY */
enum status frame_unpack(const void *frame, size_t bytes, void *raw, size_t raw_bytes,
                         struct err *err) WARN_UNUSED;

#endif
