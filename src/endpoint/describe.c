/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The JSON documents of GET /models/<name> and GET /models; their fields stand in endpoint.h. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "endpoint/doc.h"
#include "endpoint/endpoint_priv.h"

#define US_PER_S UINT64_C(1000000)

static void add_text_or_null(struct doc *d, const char *text)
{
    if (*text)
        doc_text(d, text);
    else
        doc_add(d, "null");
}

static void add_number(struct doc *d, const char *key, uint64_t n)
{
    if (d->s == OK)
        d->s = buf_printf(d->out, ",\"%s\":%" PRIu64, key, n);
}

static void add_seconds(struct doc *d, const char *key, uint64_t us)
{
    if (d->s == OK)
        d->s = buf_printf(d->out, "\"%s\":%" PRIu64 ".%03" PRIu64, key, us / US_PER_S,
                          us % US_PER_S / 1000);
}

static void add_ms(struct doc *d, const char *key, uint64_t us)
{
    if (d->s == OK)
        d->s = buf_printf(d->out, "\"%s\":%" PRIu64 ".%03" PRIu64, key, us / 1000, us % 1000);
}

static const char *tier_of(const struct endpoint *e, const struct slot_info *i)
{
    if (i->state == SLOT_RESIDENT || i->state == SLOT_DRAINING)
        return "memory";
    struct disk *d = e->config.disk;
    bool on_disk =
        d && i->origin &&
        (disk_has_mark(d, DISK_HEAD, i->origin) || disk_has_mark(d, DISK_COMPILED, i->origin));
    return on_disk ? "disk" : "store";
}

/* Seconds since at_us; null when that is 0. */
static void add_ago(struct doc *d, const char *key, uint64_t at_us, uint64_t now_us)
{
    if (at_us)
        add_seconds(d, key, now_us > at_us ? now_us - at_us : 0);
    else if (d->s == OK)
        d->s = buf_printf(d->out, "\"%s\":null", key);
}

static void add_evicted(struct doc *d, const struct slot_info *i, uint64_t now_us)
{
    if (i->evicted_why == EVICT_NONE) {
        doc_add(d, ",\"evicted\":null");
        return;
    }
    doc_add(d, ",\"evicted\":{\"why\":");
    doc_text(d, evict_why_text(i->evicted_why));
    doc_add(d, ",\"by\":");
    add_text_or_null(d, i->evicted_by);
    doc_add(d, ",");
    add_ago(d, "ago_s", i->evicted_us, now_us);
    doc_add(d, "}");
}

/* What describe and list say alike, after the name. */
static void add_record(struct doc *d, const struct endpoint *e, const struct slot_info *i,
                       uint64_t now_us)
{
    doc_add(d, ",\"version\":");
    add_text_or_null(d, i->version);
    doc_add(d, ",\"state\":");
    doc_text(d, slot_state_text(i->state));
    doc_add(d, i->kept ? ",\"pinned\":true" : ",\"pinned\":false");
    doc_add(d, ",\"tier\":");
    doc_text(d, tier_of(e, i));
    add_number(d, "bytes", i->bytes);
    add_number(d, "shared_bytes", i->shared_bytes);
    add_number(d, "charged_bytes", i->part_bytes);
    add_number(d, "hits", i->hits);
    add_number(d, "misses", i->misses);
    add_number(d, "joined", i->joined);
    add_number(d, "loads", i->loads);
    add_number(d, "evictions", i->evictions);
    doc_add(d, ",");
    add_ago(d, "age_s", i->state == SLOT_RESIDENT ? i->loaded_us : 0, now_us);
    doc_add(d, ",");
    add_ago(d, "last_used_s", i->last_used_us, now_us);
    add_evicted(d, i, now_us);
}

static void add_load(struct doc *d, const struct slot_info *i)
{
    const struct load_times *t = &i->last_load;
    doc_add(d, ",\"last_load\":");
    if (!i->loads) {
        doc_add(d, "null");
        return;
    }
    doc_add(d, "{");
    add_ms(d, "queue_ms", t->queue_us);
    doc_add(d, ",");
    add_ms(d, "fetch_ms", t->fetch_us);
    doc_add(d, ",");
    add_ms(d, "verify_ms", t->verify_us);
    doc_add(d, ",");
    add_ms(d, "bind_ms", t->bind_us);
    doc_add(d, ",");
    if (t->first_run_us)
        add_ms(d, "first_run_ms", t->first_run_us);
    else
        doc_add(d, "\"first_run_ms\":null");
    doc_add(d, "}");
}

static void add_error(struct doc *d, const struct slot_info *i, uint64_t now_us)
{
    doc_add(d, ",\"error\":");
    if (i->last_error.code == OK) {
        doc_add(d, "null");
        return;
    }
    doc_add(d, "{\"status\":");
    doc_text(d, status_text(i->last_error.code));
    doc_add(d, ",\"message\":");
    doc_text(d, i->last_error.msg);
    doc_add(d, ",");
    add_seconds(d, "retry_in_s", i->retry_at_us > now_us ? i->retry_at_us - now_us : 0);
    doc_add(d, "}");
}

static void add_signature(struct doc *d, struct endpoint *e, const char *model)
{
    struct pin pin;
    if (!cache_pin_resident(e->cache, model, &pin)) {
        doc_add(d, ",\"inputs\":null,\"outputs\":null");
        return;
    }
    if (d->s == OK)
        d->s = endpoint_ports(pin.value, d->out);
    cache_unpin(e->cache, &pin);
}

static enum status ended(const struct doc *d, struct err *err)
{
    return d->s == OK ? OK : err_set(err, d->s, "no memory for the answer");
}

enum status endpoint_describe(struct endpoint *e, const char *model, uint64_t now_us,
                              struct buf *json, struct err *err)
{
    struct slot_info i;
    struct doc d = {.out = json};
    if (!cache_info(e->cache, model, &i))
        return err_set(err, E_NOT_FOUND, "no record of model '%.160s' on this node", model);
    doc_add(&d, "{\"model_name\":");
    doc_text(&d, model);
    add_record(&d, e, &i, now_us);
    doc_add(&d, i.reloading ? ",\"reloading\":true" : ",\"reloading\":false");
    add_number(&d, "pins", i.pins);
    add_number(&d, "waiters", i.waiters);
    add_load(&d, &i);
    add_error(&d, &i, now_us);
    add_signature(&d, e, model);
    doc_add(&d, "}");
    return ended(&d, err);
}

static void add_page(struct doc *d, const struct endpoint *e, const struct slot_info *infos,
                     size_t n, uint64_t now_us)
{
    doc_add(d, "{\"models\":[");
    for (size_t i = 0; i < n; i++) {
        doc_add(d, i ? ",{\"modelName\":" : "{\"modelName\":");
        doc_text(d, infos[i].name);
        add_record(d, e, &infos[i], now_us);
        doc_add(d, "}");
    }
    doc_add(d, "]");
}

enum status endpoint_list(struct endpoint *e, const char *after, uint32_t limit, uint64_t now_us,
                          struct buf *json, struct err *err)
{
    char name[MODEL_NAME_MAX + 1];
    struct doc d = {.out = json};
    if (limit < 1 || limit > ENDPOINT_LIST_MAX)
        return err_set(err, E_BAD_INPUT, "limit is %" PRIu32 ", it must be 1 to %d", limit,
                       ENDPOINT_LIST_MAX);
    if (*after && catalog_slot_name(after, strlen(after), name) != OK)
        return err_set(err, E_BAD_INPUT, "'%.80s' is no page token of this server", after);
    /* One more than asked for tells whether there is a next page. */
    struct slot_info *infos = alloc_zero(limit + 1, sizeof(*infos));
    if (!infos)
        return err_set(err, E_NO_MEMORY, "no memory for the answer");
    size_t found = cache_list(e->cache, after, infos, limit + 1), n = MIN(found, (size_t)limit);
    add_page(&d, e, infos, n, now_us);
    if (found > n) {
        doc_add(&d, ",\"nextPageToken\":");
        doc_text(&d, infos[n - 1].name);
    }
    doc_add(&d, "}");
    alloc_free(infos);
    return ended(&d, err);
}
