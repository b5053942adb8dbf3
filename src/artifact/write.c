/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Writing an artifact: sections are collected raw, packed where that pays, laid out in order, and
 * hashed last. Nothing but the source decides a byte: no time, no path, no address. */
#include <string.h>

#include "artifact/format_priv.h"
#include "artifact/write_priv.h"

enum status writer_pad(struct buf *b, size_t align)
{
    return buf_zeros(b, (align - b->len % align) % align);
}

/* Ratio below 0.9: less is not worth the time to unpack. */
bool writer_pays(size_t stored, size_t raw)
{
    return stored < raw / 10 * 9;
}

/* Packs a section in place when it is one that may be packed and packing pays. */
static enum status section_pack(struct buf *section, uint32_t *codec)
{
    struct buf frame = {0};
    enum status s = frame_pack(&frame, section->data, section->len);
    if (s == OK && writer_pays(frame.len, section->len)) {
        buf_fini(section);
        buf_move(section, &frame);
        *codec = CODEC_LZ4;
    }
    buf_fini(&frame);
    return s;
}

static enum status add_section(struct writer *w, enum section type, struct buf *out,
                               uint32_t *entry)
{
    struct buf *b = &w->sections[type];
    struct disk_section d = {.type = type, .codec = CODEC_RAW, .raw = b->len};
    enum status s = OK;
    if (b->len >= LZ4_SECTION_LEAST || (type == SECTION_PACK && b->len))
        s = section_pack(b, &d.codec);
    d.off = out->len;
    d.stored = b->len;
    if (s == OK)
        s = buf_add(out, b->data, b->len);
    if (s == OK)
        s = writer_pad(out, ARTIFACT_ALIGN);
    if (s != OK)
        return s;
    memcpy(out->data + ARTIFACT_PAGE0_BYTES + *entry * sizeof(d), &d, sizeof(d));
    ++*entry;
    buf_fini(b);
    return OK;
}

static bool section_wanted(const struct writer *w, enum section type)
{
    if (type == SECTION_PACK || type == SECTION_SELF || type == SECTION_COLS ||
        type == SECTION_BLCK)
        return w->sections[type].len > 0;
    return true;
}

static enum status add_meta(struct writer *w, struct buf *out)
{
    struct artifact_page0 *p0 = &w->p0;
    for (int t = 1; t <= SECTION_COUNT; t++) {
        p0->n_sections += section_wanted(w, (enum section)t);
        p0->meta_raw_bytes += t == SECTION_PACK ? 0 : w->sections[t].len;
    }
    p0->strings_bytes = (uint32_t)w->sections[SECTION_STRS].len;
    p0->packed_bytes = w->sections[SECTION_PACK].len;
    uint32_t entry = 0;
    enum status s =
        buf_zeros(out, ARTIFACT_PAGE0_BYTES + p0->n_sections * sizeof(struct disk_section));
    if (s == OK)
        s = writer_pad(out, ARTIFACT_ALIGN);
    for (int t = 1; s == OK && t <= SECTION_COUNT; t++)
        if (section_wanted(w, (enum section)t))
            s = add_section(w, (enum section)t, out, &entry);
    if (s == OK)
        s = writer_pad(out, ARTIFACT_PAGE0_BYTES);
    p0->meta_bytes = out->len;
    return s;
}

static enum status add_page0(struct writer *w, struct buf *out, struct err *err)
{
    struct artifact_page0 *p0 = &w->p0, check;
    struct disk_page0 d;
    p0->file_bytes = p0->meta_bytes + p0->blob_bytes;
    p0->minor = page0_minor(p0);
    page0_encode(p0, &d);
    memcpy(out->data, &d, sizeof(d));
    enum status s = sha256_once(out->data, p0->meta_bytes, p0->hash);
    if (s != OK)
        return err_set(err, s, "no memory to hash the artifact");
    page0_encode(p0, &d);
    memcpy(out->data, &d, sizeof(d));
    s = artifact_page0_read(out->data, out->len, &check, err);
    return s == OK ? OK : err_set(err, E_UNSUPPORTED, "the model is beyond the format's limits");
}

static enum status assemble(struct writer *w, struct buf *out, struct err *err)
{
    enum status s = writer_sections(w, err);
    if (s != OK)
        return s;
    if (add_meta(w, out) != OK || writer_blobs(w, out) != OK)
        return err_set(err, E_NO_MEMORY, "no memory to write the artifact");
    return add_page0(w, out, err);
}

enum status artifact_write(const struct artifact_source *src, const struct artifact_cost *cost,
                           struct buf *out, struct err *err)
{
    struct writer w = {.src = src};
    w.p0.major = ARTIFACT_MAJOR;
    w.p0.target = TARGET_GENERIC;
    w.p0.cost_revision = ARTIFACT_COST_REVISION;
    w.p0.cost = *cost;
    ASSERT(out->len == 0);
    enum status s = assemble(&w, out, err);
    writer_fini(&w);
    if (s != OK)
        buf_clear(out);
    return s;
}
