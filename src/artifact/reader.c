/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Opening a meta: the hash covers every byte, and the section table leaves no byte unexplained:
 * sections lie in the order of their numbers, each at the first aligned place after the one before,
 * with zeros between, and their raw sizes are those that page 0's counts demand. */
#include "artifact/reader.h"

#include <inttypes.h>
#include <string.h>

#include "artifact/format_priv.h"
#include "base/alloc.h"
#include "base/checked.h"

static const char *const section_names[SECTION_COUNT + 1] = {"?",    "SIGN", "TENS", "INST", "OPND",
                                                             "ATTR", "STRS", "PROV", "SELF", "BLOB",
                                                             "PACK", "COLS", "BLCK"};

static enum status check_hash(const struct artifact_page0 *p0, const uint8_t *meta, size_t n,
                              struct err *err)
{
    static const uint8_t zeros[SHA256_BYTES];
    const size_t off = offsetof(struct disk_page0, hash);
    uint8_t got[SHA256_BYTES];
    struct sha256 h;
    if (sha256_init(&h) != OK)
        return err_set(err, E_NO_MEMORY, "no memory to hash an artifact");
    sha256_add(&h, meta, off);
    sha256_add(&h, zeros, SHA256_BYTES);
    sha256_add(&h, meta + off + SHA256_BYTES, n - off - SHA256_BYTES);
    sha256_end(&h, got);
    if (memcmp(got, p0->hash, SHA256_BYTES) != 0)
        return err_set(err, E_CORRUPT, "the hash of page 0 and the sections is wrong");
    return OK;
}

static bool all_zero(const uint8_t *p, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

/* What page 0 says section `type` holds when raw; least and most differ where the section itself
 * says more. */
static void raw_limits(const struct artifact_page0 *p, enum section type, uint64_t *least,
                       uint64_t *most)
{
    const uint64_t ports = (uint64_t)p->n_inputs + p->n_outputs;
    const uint64_t attrs = (uint64_t)p->n_attrs * sizeof(struct disk_attr);
    const struct {
        uint64_t least, most;
    } limits[SECTION_COUNT + 1] = {
        [SECTION_SIGN] = {ports * sizeof(struct disk_port) + p->n_symbols * 4ull, 0},
        [SECTION_TENS] = {p->n_tensors * sizeof(struct disk_tensor), 0},
        [SECTION_INST] = {p->n_instrs * sizeof(struct disk_instr), 0},
        [SECTION_OPND] = {p->n_operands * sizeof(int32_t), 0},
        [SECTION_ATTR] = {attrs, CAP_META_BYTES},
        [SECTION_STRS] = {p->strings_bytes, 0},
        [SECTION_PROV] = {0, CAP_PROVENANCE_BYTES},
        [SECTION_SELF] = {ports * sizeof(struct disk_sample), CAP_META_BYTES},
        [SECTION_BLOB] = {p->n_blobs * sizeof(struct disk_blob), 0},
        [SECTION_PACK] = {p->packed_bytes, 0},
        [SECTION_COLS] = {2 * sizeof(uint32_t), CAP_META_BYTES},
        [SECTION_BLCK] = {p->n_blocks * sizeof(struct disk_block), 0},
    };
    *least = limits[type].least;
    *most = MAX(limits[type].least, limits[type].most);
}

static enum status check_section(const struct artifact_page0 *p, const struct disk_section *d,
                                 struct err *err)
{
    const char *name = section_names[d->type];
    uint64_t least, most;
    raw_limits(p, (enum section)d->type, &least, &most);
    if (d->raw < least || d->raw > most)
        return err_set(err, E_CORRUPT, "section %s: %" PRIu64 " raw bytes, page 0 expects %" PRIu64,
                       name, d->raw, least);
    bool raw = d->codec == CODEC_RAW && d->stored == d->raw;
    bool lz4 = d->codec == CODEC_LZ4 && d->raw && d->stored < d->raw &&
               d->raw / LZ4_RATIO_MAX <= d->stored;
    if (!raw && !lz4)
        return err_set(err, E_CORRUPT, "section %s: codec %u, %" PRIu64 " of %" PRIu64 " bytes",
                       name, d->codec, d->stored, d->raw);
    return OK;
}

struct table_walk {
    uint32_t last; /* type of the entry before */
    uint64_t pos;  /* where the next section must begin */
};

/* Takes entry i, which must begin where the walk stands. */
static enum status read_section(struct artifact_reader *r, const uint8_t *meta, uint32_t i,
                                struct table_walk *at, struct err *err)
{
    struct disk_section d;
    memcpy(&d, meta + ARTIFACT_PAGE0_BYTES + i * sizeof(d), sizeof(d));
    if (d.type <= at->last || d.type > SECTION_COUNT)
        return err_set(err, E_CORRUPT, "section table: entry %u has type %u", i, d.type);
    enum status s = check_section(&r->p0, &d, err);
    if (s != OK)
        return s;
    uint64_t end, next;
    if (d.off != at->pos || !checked_add(d.off, d.stored, &end) || end > r->p0.meta_bytes ||
        !checked_align(end, ARTIFACT_ALIGN, &next) || next > r->p0.meta_bytes)
        return err_set(err, E_CORRUPT, "section %s: lies at %" PRIu64 "+%" PRIu64,
                       section_names[d.type], d.off, d.stored);
    if (!all_zero(meta + end, next - end))
        return err_set(err, E_CORRUPT, "section %s: padding is not zero", section_names[d.type]);
    r->sections[d.type] = (struct section_view){meta + d.off, d.stored, d.raw, true, d.codec != 0};
    at->last = d.type;
    at->pos = next;
    return OK;
}

static bool section_wanted(const struct artifact_reader *r, enum section type)
{
    switch (type) {
    case SECTION_PACK:
        return r->p0.packed_bytes > 0;
    case SECTION_BLCK:
        return r->p0.n_blocks > 0;
    case SECTION_SELF:
    case SECTION_COLS:
        return r->sections[type].present;
    default:
        return true;
    }
}

static enum status check_present(const struct artifact_reader *r, struct err *err)
{
    uint64_t raw = 0;
    for (int t = 1; t <= SECTION_COUNT; t++) {
        const struct section_view *v = &r->sections[t];
        bool wanted = section_wanted(r, (enum section)t);
        if (v->present != wanted)
            return err_set(err, E_CORRUPT, "section %s: %s", section_names[t],
                           wanted ? "missing" : "not expected");
        raw += t == SECTION_PACK ? 0 : v->raw; /* each is below CAP_META_BYTES */
    }
    if (raw != r->p0.meta_raw_bytes)
        return err_set(err, E_CORRUPT,
                       "section table: %" PRIu64 " raw bytes, page 0 expects %" PRIu64, raw,
                       r->p0.meta_raw_bytes);
    return OK;
}

static enum status read_table(struct artifact_reader *r, const uint8_t *meta, struct err *err)
{
    const uint64_t entries_end =
        ARTIFACT_PAGE0_BYTES + r->p0.n_sections * sizeof(struct disk_section);
    struct table_walk at = {0, entries_end};
    enum status s = OK;
    if (!checked_align(entries_end, ARTIFACT_ALIGN, &at.pos) || at.pos > r->p0.meta_bytes ||
        !all_zero(meta + entries_end, at.pos - entries_end))
        return err_set(err, E_CORRUPT, "section table: does not fit the meta");
    for (uint32_t i = 0; s == OK && i < r->p0.n_sections; i++)
        s = read_section(r, meta, i, &at, err);
    if (s != OK)
        return s;
    if (r->p0.meta_bytes - at.pos >= ARTIFACT_PAGE0_BYTES ||
        !all_zero(meta + at.pos, r->p0.meta_bytes - at.pos))
        return err_set(err, E_CORRUPT, "meta: bytes after the last section");
    return check_present(r, err);
}

/* Unpacks every metadata section that came as LZ4 into one buffer. */
static enum status unpack(struct artifact_reader *r, struct err *err)
{
    uint64_t bytes = 0, at = 0;
    for (int t = 1; t <= SECTION_COUNT; t++)
        bytes += r->sections[t].lz4 && t != SECTION_PACK ? r->sections[t].raw : 0;
    if (!bytes)
        return OK;
    r->unpacked = alloc_new(bytes);
    if (!r->unpacked)
        return err_set(err, E_NO_MEMORY, "no memory to unpack %" PRIu64 " bytes of metadata",
                       bytes);
    for (int t = 1; t <= SECTION_COUNT; t++) {
        struct section_view *v = &r->sections[t];
        if (!v->lz4 || t == SECTION_PACK)
            continue;
        if (frame_unpack(v->data, v->stored, r->unpacked + at, v->raw, err) != OK)
            return err_prefix(err, "section %s", section_names[t]);
        v->data = r->unpacked + at;
        at += v->raw;
    }
    return OK;
}

static enum status check_text(struct artifact_reader *r, struct err *err)
{
    const struct section_view *prov = &r->sections[SECTION_PROV];
    r->strings = (const char *)r->sections[SECTION_STRS].data;
    if (r->strings[0] || r->strings[r->p0.strings_bytes - 1])
        return err_set(err, E_CORRUPT, "section STRS: not terminated");
    if (prov->raw && memchr(prov->data, 0, prov->raw))
        return err_set(err, E_CORRUPT, "section PROV: holds a zero byte");
    const uint64_t records = (uint64_t)r->p0.n_attrs * sizeof(struct disk_attr);
    r->attr_data = r->sections[SECTION_ATTR].data + records;
    r->attr_data_bytes = r->sections[SECTION_ATTR].raw - records;
    return OK;
}

/* Blobs lie one after the other, each at the first place it may begin at, and fill the blob area.
 */
static enum status check_blobs(const struct artifact_reader *r, struct err *err)
{
    const uint64_t align = artifact_blob_align(&r->p0);
    uint64_t end = 0, at;
    for (uint32_t i = 0; i < r->p0.n_blobs; i++) {
        struct blob_record b;
        enum status s = artifact_read_blob(r, i, &b, err);
        if (s != OK)
            return s;
        if (!checked_align(end, align, &at) || b.off != at)
            return err_set(err, E_CORRUPT, "section BLOB: blob %u lies at %" PRIu64, i, b.off);
        end = b.off + b.bytes;
    }
    if (!checked_align(end, ARTIFACT_ALIGN, &end) || end != r->p0.blob_bytes)
        return err_set(err, E_CORRUPT, "section BLOB: blobs end at %" PRIu64 " of %" PRIu64, end,
                       r->p0.blob_bytes);
    return OK;
}

enum status artifact_reader_init(struct artifact_reader *r, const struct artifact_page0 *p0,
                                 const void *meta, size_t meta_bytes, struct err *err)
{
    memset(r, 0, sizeof(*r));
    if (meta_bytes != p0->meta_bytes)
        return err_set(err, E_CORRUPT, "meta: %zu bytes, page 0 says %" PRIu64, meta_bytes,
                       p0->meta_bytes);
    enum status s = artifact_page0_read(meta, meta_bytes, &r->p0, err);
    if (s != OK)
        return s;
    if (memcmp(&r->p0, p0, sizeof(*p0)) != 0)
        return err_set(err, E_CORRUPT, "page 0 is not the one that was read before");
    s = check_hash(p0, meta, meta_bytes, err);
    if (s == OK)
        s = read_table(r, meta, err);
    if (s == OK)
        s = unpack(r, err);
    if (s == OK)
        s = check_text(r, err);
    if (s == OK)
        s = check_blobs(r, err);
    if (s != OK)
        artifact_reader_fini(r);
    return s;
}

void artifact_reader_fini(struct artifact_reader *r)
{
    alloc_free(r->unpacked);
    r->unpacked = NULL;
}

enum status artifact_read_packed(const struct artifact_reader *r, void *dst, struct err *err)
{
    const struct section_view *v = &r->sections[SECTION_PACK];
    if (!v->present)
        return OK;
    if (!v->lz4)
        memcpy(dst, v->data, v->raw);
    else if (frame_unpack(v->data, v->stored, dst, v->raw, err) != OK)
        return err_prefix(err, "section PACK");
    return OK;
}
