/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Page 0 on its own: every number is within its cap and the sizes add up, so that a cache may
 * compute with them. Whether they are true only the whole file can show (reader.c, and bind). */
#include <inttypes.h>
#include <string.h>

#include "artifact/format_priv.h"
#include "artifact/reader.h"
#include "base/checked.h"

uint16_t page0_minor(const struct artifact_page0 *p)
{
    return p->n_blobs > 1 ? 2 : p->n_blocks ? 1 : 0;
}

/* Files with several blobs have minor 2 since that one came; before, they had what blocks need. */
static bool minor_is_least(const struct artifact_page0 *p)
{
    return p->minor == page0_minor(p) || (p->n_blobs > 1 && p->minor == (p->n_blocks ? 1 : 0));
}

uint64_t artifact_blob_align(const struct artifact_page0 *p0)
{
    return p0->minor == page0_minor(p0) ? ARTIFACT_BLOB_ALIGN : ARTIFACT_ALIGN;
}

void page0_encode(const struct artifact_page0 *p, struct disk_page0 *out)
{
    *out = (struct disk_page0){
        .major = p->major,
        .minor = p->minor,
        .endian = ARTIFACT_ENDIAN,
        .target = p->target,
        .cost_revision = p->cost_revision,
        .file_bytes = p->file_bytes,
        .meta_bytes = p->meta_bytes,
        .blob_bytes = p->blob_bytes,
        .packed_bytes = p->packed_bytes,
        .meta_raw_bytes = p->meta_raw_bytes,
        .n_sections = p->n_sections,
        .n_tensors = p->n_tensors,
        .n_instrs = p->n_instrs,
        .n_operands = p->n_operands,
        .n_attrs = p->n_attrs,
        .n_inputs = p->n_inputs,
        .n_outputs = p->n_outputs,
        .n_symbols = p->n_symbols,
        .n_blobs = p->n_blobs,
        .strings_bytes = p->strings_bytes,
        .n_blocks = p->n_blocks,
        .arena_fixed = p->cost.arena_fixed,
        .arena_per_item = p->cost.arena_per_item,
        .scratch_bytes = p->cost.scratch_bytes,
    };
    memcpy(out->magic, ARTIFACT_MAGIC, sizeof(out->magic));
    memcpy(out->hash, p->hash, SHA256_BYTES);
}

static void decode(const struct disk_page0 *d, struct artifact_page0 *out)
{
    memset(out, 0, sizeof(*out)); /* padding too: copies are compared as bytes */
    out->major = d->major;
    out->minor = d->minor;
    out->target = d->target;
    out->cost_revision = d->cost_revision;
    out->file_bytes = d->file_bytes;
    out->meta_bytes = d->meta_bytes;
    out->blob_bytes = d->blob_bytes;
    out->packed_bytes = d->packed_bytes;
    out->meta_raw_bytes = d->meta_raw_bytes;
    out->n_sections = d->n_sections;
    out->n_tensors = d->n_tensors;
    out->n_instrs = d->n_instrs;
    out->n_operands = d->n_operands;
    out->n_attrs = d->n_attrs;
    out->n_inputs = d->n_inputs;
    out->n_outputs = d->n_outputs;
    out->n_symbols = d->n_symbols;
    out->n_blobs = d->n_blobs;
    out->strings_bytes = d->strings_bytes;
    out->n_blocks = d->n_blocks;
    out->cost.arena_fixed = d->arena_fixed;
    out->cost.arena_per_item = d->arena_per_item;
    out->cost.scratch_bytes = d->scratch_bytes;
    memcpy(out->hash, d->hash, SHA256_BYTES);
}

bool artifact_is(const void *bytes, size_t n)
{
    return n >= ARTIFACT_MAGIC_BYTES && memcmp(bytes, ARTIFACT_MAGIC, ARTIFACT_MAGIC_BYTES) == 0;
}

static enum status check_head(const struct disk_page0 *d, struct err *err)
{
    if (memcmp(d->magic, ARTIFACT_MAGIC, sizeof(d->magic)) != 0)
        return err_set(err, E_CORRUPT, "page 0: not a roost artifact");
    if (d->endian != ARTIFACT_ENDIAN)
        return err_set(err, E_CORRUPT, "page 0: byte order %08x", d->endian);
    if (d->major != ARTIFACT_MAJOR || d->minor > ARTIFACT_MINOR)
        return err_set(err, E_UNSUPPORTED,
                       "page 0: format %u.%u, this build reads %d.0 to %d.%d: compile again",
                       d->major, d->minor, ARTIFACT_MAJOR, ARTIFACT_MAJOR, ARTIFACT_MINOR);
    if (d->target != TARGET_GENERIC)
        return err_set(err, E_UNSUPPORTED, "page 0: target %u, this build runs 0 (generic)",
                       d->target);
    if (d->cost_revision != ARTIFACT_COST_REVISION)
        return err_set(err, E_UNSUPPORTED,
                       "page 0: cost revision %u, this build has %d: compile again",
                       d->cost_revision, ARTIFACT_COST_REVISION);
    return OK;
}

static enum status check_counts(const struct artifact_page0 *p, struct err *err)
{
    const struct {
        const char *what;
        uint64_t value, least, most;
    } rows[] = {
        {"sections", p->n_sections, SECTION_LEAST, SECTION_COUNT},
        {"tensors", p->n_tensors, 1, CAP_TENSORS},
        {"instructions", p->n_instrs, 0, CAP_INSTRS},
        {"operands", p->n_operands, 0, CAP_OPERANDS},
        {"attributes", p->n_attrs, 0, CAP_ATTRS},
        {"inputs", p->n_inputs, 0, SIGNATURE_PORTS_MAX},
        {"outputs", p->n_outputs, 1, SIGNATURE_PORTS_MAX},
        {"symbols", p->n_symbols, 0, CAP_SYMBOLS},
        {"blocks", p->n_blocks, 0, CAP_BLOCKS},
        {"blobs", p->n_blobs, 0, (uint64_t)p->n_tensors + 1},
        {"string bytes", p->strings_bytes, 1, CAP_STRINGS_BYTES},
        {"bytes of meta", p->meta_bytes, ARTIFACT_PAGE0_BYTES, CAP_META_BYTES},
        {"raw bytes of meta", p->meta_raw_bytes, 0, CAP_META_BYTES},
        {"blob bytes", p->blob_bytes, 0, CAP_BYTES},
        {"packed bytes", p->packed_bytes, 0, p->meta_bytes * LZ4_RATIO_MAX},
        {"arena bytes", p->cost.arena_fixed, 0, CAP_BYTES},
        {"arena bytes per item", p->cost.arena_per_item, 0, CAP_BYTES},
        {"scratch bytes", p->cost.scratch_bytes, 0, CAP_BYTES},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (rows[i].value < rows[i].least || rows[i].value > rows[i].most)
            return err_set(err, E_CORRUPT,
                           "page 0: %" PRIu64 " %s, expected %" PRIu64 " to %" PRIu64,
                           rows[i].value, rows[i].what, rows[i].least, rows[i].most);
    return OK;
}

static enum status check_sizes(const struct artifact_page0 *p, struct err *err)
{
    if (p->meta_bytes % ARTIFACT_PAGE0_BYTES || p->blob_bytes % ARTIFACT_ALIGN)
        return err_set(err, E_CORRUPT, "page 0: sizes are not aligned");
    if (p->packed_bytes % ARTIFACT_ALIGN)
        return err_set(err, E_CORRUPT, "page 0: packed constants are not aligned");
    if (p->file_bytes != p->meta_bytes + p->blob_bytes)
        return err_set(err, E_CORRUPT,
                       "page 0: a file of %" PRIu64 " bytes, its parts make %" PRIu64,
                       p->file_bytes, p->meta_bytes + p->blob_bytes);
    return OK;
}

static bool all_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

enum status artifact_page0_read(const void *page0, size_t bytes, struct artifact_page0 *out,
                                struct err *err)
{
    if (bytes < ARTIFACT_PAGE0_BYTES)
        return err_set(err, E_CORRUPT, "page 0: %zu bytes of %d", bytes, ARTIFACT_PAGE0_BYTES);
    struct disk_page0 d;
    memcpy(&d, page0, sizeof(d));
    enum status s = check_head(&d, err);
    if (s != OK)
        return s;
    if (d.zero || !all_zero((const uint8_t *)page0 + sizeof(d), ARTIFACT_PAGE0_BYTES - sizeof(d)))
        return err_set(err, E_CORRUPT, "page 0: reserved bytes are not zero");
    struct artifact_page0 p;
    decode(&d, &p);
    if (!minor_is_least(&p))
        return err_set(err, E_CORRUPT, "page 0: minor %u, what it says needs %u", p.minor,
                       page0_minor(&p));
    s = check_counts(&p, err);
    if (s == OK)
        s = check_sizes(&p, err);
    if (s == OK)
        memcpy(out, &p, sizeof(p));
    return s;
}
