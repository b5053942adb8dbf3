/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Where constants lie. Large ones are blobs of their own, named by their hash and written once even
 * when several tensors hold the same bytes; small ones share blob 0; those that compress well (and
 * only where the compiler asked for the try) go to the packed section. */
#include <string.h>

#include "artifact/format_priv.h"
#include "artifact/write_priv.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "tensor/text.h"

static enum status no_memory(struct err *err)
{
    return err_set(err, E_NO_MEMORY, "no memory to write the artifact");
}

static enum status compresses(const struct artifact_tensor *t, uint64_t bytes, bool *yes)
{
    struct buf frame = {0};
    enum status s = OK;
    *yes = false;
    if (t->compress && bytes) {
        s = frame_pack(&frame, t->t.data, bytes);
        *yes = s == OK && writer_pays(frame.len, bytes);
    }
    buf_fini(&frame);
    return s;
}

/* Appends to `b` at the next aligned place. */
static enum status append(struct buf *b, const void *p, uint64_t bytes, uint64_t *off)
{
    enum status s = writer_pad(b, ARTIFACT_ALIGN);
    *off = b->len;
    return s == OK ? buf_add(b, p, bytes) : s;
}

/* The blob with these bytes: one that is there already, or a new one. */
static enum status own_blob(struct writer *w, const void *data, uint64_t bytes, uint32_t *index)
{
    struct writer_blob b = {.data = data, .bytes = bytes};
    enum status s = sha256_once(data, bytes, b.hash);
    if (s != OK)
        return s;
    for (uint32_t i = 1; i < w->p0.n_blobs; i++)
        if (w->blobs[i].bytes == bytes && !memcmp(w->blobs[i].hash, b.hash, SHA256_BYTES)) {
            *index = i;
            return OK;
        }
    *index = w->p0.n_blobs++;
    w->blobs[*index] = b;
    return OK;
}

/* Elements first, then their texts: private to the program, because binding turns the offsets into
 * addresses. */
static enum status place_texts(struct writer *w, const struct artifact_tensor *t,
                               struct disk_tensor *d, struct err *err)
{
    struct buf *b = &w->sections[SECTION_PACK];
    const int64_t n = tensor_count(&t->t);
    uint64_t at = d->bytes, texts;
    d->place = PLACE_PACKED;
    if (!text_bytes(&t->t, &texts) || !checked_add(at, texts, &d->bytes) || d->bytes > CAP_BYTES)
        return err_set(err, E_UNSUPPORTED, "the texts of constant \"%s\" have no size", t->name);
    enum status s = n ? writer_pad(b, ARTIFACT_ALIGN) : OK;
    d->off = n ? b->len : 0;
    for (int64_t i = 0; s == OK && i < n; i++) {
        struct disk_text e = {at, text_get(&t->t, i).len};
        s = buf_add(b, &e, sizeof(e));
        at += e.bytes;
    }
    for (int64_t i = 0; s == OK && i < n; i++)
        s = buf_add(b, text_get(&t->t, i).at, text_get(&t->t, i).len);
    return s == OK ? OK : no_memory(err);
}

/* Blob indices count from 1 here, with the pack as 0; without a pack all move down by one later. */
static enum status place_const(struct writer *w, const struct artifact_tensor *t,
                               struct disk_tensor *d, struct err *err)
{
    bool packs;
    if (!tensor_bytes(&t->t, &d->bytes))
        return err_set(err, E_UNSUPPORTED, "constant \"%s\" has no size", t->name);
    if (t->t.dtype == DT_STRING)
        return place_texts(w, t, d, err);
    if (compresses(t, d->bytes, &packs) != OK)
        return no_memory(err);
    enum status s = OK;
    d->place = PLACE_BLOB;
    if (!d->bytes)
        d->place = PLACE_PACKED;
    else if (packs) {
        d->place = PLACE_PACKED;
        s = append(&w->sections[SECTION_PACK], t->t.data, d->bytes, &d->off);
    } else if (d->bytes < ARTIFACT_BLOB_LEAST) {
        s = append(&w->pack, t->t.data, d->bytes, &d->off);
    } else {
        s = own_blob(w, t->t.data, d->bytes, &d->blob);
    }
    return s == OK ? OK : no_memory(err);
}

static enum status add_tensor(struct writer *w, const struct artifact_tensor *t, struct err *err)
{
    struct disk_tensor d = {.class = (uint8_t)t->class};
    enum status s = writer_name(w, t->name, &d.name, err);
    if (t->class == CLASS_CONST || t->class == CLASS_INPUT)
        d.dtype = (uint8_t)t->t.dtype;
    if (s == OK && t->class == CLASS_CONST) {
        s = place_const(w, t, &d, err);
        d.rank = (uint8_t)t->t.rank;
        if (s == OK) /* the rank is fine where the bytes could be counted */
            memcpy(d.dims, t->t.dims, (size_t)t->t.rank * sizeof(d.dims[0]));
    }
    if (s == OK && buf_add(&w->sections[SECTION_TENS], &d, sizeof(d)) != OK)
        s = no_memory(err);
    return s;
}

static void drop_empty_pack(struct writer *w)
{
    struct buf *b = &w->sections[SECTION_TENS];
    struct disk_tensor d;
    for (size_t at = 0; at < b->len; at += sizeof(d)) {
        memcpy(&d, b->data + at, sizeof(d));
        if (d.place != PLACE_BLOB)
            continue;
        d.blob--;
        memcpy(b->data + at, &d, sizeof(d));
    }
    w->p0.n_blobs--;
    memmove(w->blobs, w->blobs + 1, w->p0.n_blobs * sizeof(w->blobs[0]));
}

static enum status add_blob_table(struct writer *w)
{
    enum status s = OK;
    uint64_t end = 0, off;
    for (uint32_t i = 0; s == OK && i < w->p0.n_blobs; i++) {
        struct writer_blob *b = &w->blobs[i];
        if (!checked_align(end, ARTIFACT_BLOB_ALIGN, &off) || !checked_add(off, b->bytes, &end))
            return E_TOO_LARGE;
        struct disk_blob d = {.off = off, .bytes = b->bytes};
        memcpy(d.hash, b->hash, SHA256_BYTES);
        s = buf_add(&w->sections[SECTION_BLOB], &d, sizeof(d));
    }
    return checked_align(end, ARTIFACT_ALIGN, &w->p0.blob_bytes) ? s : E_TOO_LARGE;
}

enum status writer_constants(struct writer *w, struct err *err)
{
    const struct artifact_source *src = w->src;
    w->p0.n_tensors = src->n_tensors;
    w->p0.n_blobs = 1;
    w->blobs = alloc_zero((size_t)src->n_tensors + 1, sizeof(w->blobs[0]));
    enum status s = w->blobs ? OK : no_memory(err);
    for (uint32_t i = 0; s == OK && i < src->n_tensors; i++)
        s = add_tensor(w, &src->tensors[i], err);
    if (s != OK)
        return s;
    w->blobs[0].data = w->pack.data;
    w->blobs[0].bytes = w->pack.len;
    if (!w->pack.len)
        drop_empty_pack(w);
    else
        s = sha256_once(w->pack.data, w->pack.len, w->blobs[0].hash);
    if (s == OK)
        s = writer_pad(&w->sections[SECTION_PACK], ARTIFACT_ALIGN);
    if (s == OK)
        s = add_blob_table(w);
    return s == OK ? OK : no_memory(err);
}

enum status writer_blobs(const struct writer *w, struct buf *out)
{
    enum status s = buf_reserve(out, w->p0.blob_bytes);
    for (uint32_t i = 0; s == OK && i < w->p0.n_blobs; i++) {
        s = writer_pad(out, ARTIFACT_BLOB_ALIGN); /* the area begins at such a multiple */
        if (s == OK)
            s = buf_add(out, w->blobs[i].data, w->blobs[i].bytes);
    }
    return s == OK ? writer_pad(out, ARTIFACT_ALIGN) : s;
}
