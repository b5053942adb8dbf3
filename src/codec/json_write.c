/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The JSON forms of a reply. Each mirrors its request: predictions for instances, outputs by name
 * for inputs by name, the V2 form for the V2 form. */
#include <inttypes.h>
#include <string.h>

#include "codec/codec_priv.h"
#include "tensor/text.h"

/* What the recursion carries. */
struct writer {
    struct buf *out;
    const struct tensor *t;
    int64_t at;     /* flat index of the next element */
    bool nan_token; /* write NaN and infinities as tokens, not as null */
};

static enum status element(struct writer *w)
{
    char text[NUMBER_OUT_MAX];
    bool special;
    if (w->t->dtype == DT_STRING) {
        struct text v = text_get(w->t, w->at++);
        return buf_json_str(w->out, v.at, v.len);
    }
    if (w->t->dtype == DT_BOOL)
        return buf_str(w->out, ((const uint8_t *)w->t->data)[w->at++] ? "true" : "false");
    size_t n = number_print(w->t, w->at++, text, &special);
    if (special && !w->nan_token)
        return buf_str(w->out, "null");
    return buf_add(w->out, text, n);
}

/* Dims d.. of the tensor as nested arrays. */
static enum status nested(struct writer *w, int d)
{
    if (d == w->t->rank)
        return element(w);
    enum status s = buf_char(w->out, '[');
    for (int64_t i = 0; s == OK && i < w->t->dims[d]; i++) {
        if (i)
            s = buf_char(w->out, ',');
        if (s == OK)
            s = nested(w, d + 1);
    }
    return s == OK ? buf_char(w->out, ']') : s;
}

static enum status flat(struct writer *w)
{
    int64_t n = tensor_count(w->t);
    enum status s = buf_char(w->out, '[');
    for (int64_t i = 0; s == OK && i < n; i++) {
        if (i)
            s = buf_char(w->out, ',');
        if (s == OK)
            s = element(w);
    }
    return s == OK ? buf_char(w->out, ']') : s;
}

static enum status key(struct buf *out, const char *name, bool first)
{
    enum status s = first ? OK : buf_char(out, ',');
    if (s == OK)
        s = buf_json_str(out, name, strlen(name));
    return s == OK ? buf_char(out, ':') : s;
}

static int count_wanted(const struct signature *sig, const struct codec_request *r, int *only)
{
    int n = 0;
    for (int i = 0; i < sig->n_outputs; i++)
        if (codec_wants(r, i)) {
            *only = i;
            n++;
        }
    return n;
}

/* Outputs that are sent as one object an item need one leading dimension in common. */
static enum status items_of(const struct signature *sig, const struct tensor *outputs,
                            const struct codec_request *r, int64_t *items, struct err *err)
{
    *items = -1;
    for (int i = 0; i < sig->n_outputs; i++) {
        if (!codec_wants(r, i))
            continue;
        int64_t lead = outputs[i].rank ? outputs[i].dims[0] : -1;
        if (lead < 0 || (*items >= 0 && *items != lead))
            return err_set(err, E_BAD_INPUT,
                           "output '%s' has no leading dimension in common with the others: ask "
                           "with {\"inputs\": {...}}",
                           sig->outputs[i].name);
        *items = lead;
    }
    return OK;
}

static enum status one_item(const struct signature *sig, const struct tensor *outputs,
                            const struct codec_request *r, struct writer *w, int64_t item)
{
    bool first = true;
    enum status s = buf_char(w->out, '{');
    for (int i = 0; s == OK && i < sig->n_outputs; i++) {
        if (!codec_wants(r, i))
            continue;
        w->t = &outputs[i];
        w->at = item * (tensor_count(w->t) / w->t->dims[0]);
        s = key(w->out, sig->outputs[i].name, first);
        if (s == OK)
            s = nested(w, 1);
        first = false;
    }
    return s == OK ? buf_char(w->out, '}') : s;
}

static enum status predictions(const struct signature *sig, const struct tensor *outputs,
                               const struct codec_request *r, struct writer *w, struct err *err)
{
    int only = 0;
    int64_t items = 0;
    bool single = count_wanted(sig, r, &only) == 1;
    enum status s = single ? OK : items_of(sig, outputs, r, &items, err);
    if (s != OK)
        return s;
    s = buf_str(w->out, "{\"predictions\":");
    if (s == OK && single) {
        w->t = &outputs[only];
        s = nested(w, 0);
    } else {
        if (s == OK)
            s = buf_char(w->out, '[');
        for (int64_t i = 0; s == OK && i < items; i++) {
            if (i)
                s = buf_char(w->out, ',');
            if (s == OK)
                s = one_item(sig, outputs, r, w, i);
        }
        if (s == OK)
            s = buf_char(w->out, ']');
    }
    return s == OK ? buf_str(w->out, "}") : s;
}

static enum status by_name(const struct signature *sig, const struct tensor *outputs,
                           const struct codec_request *r, struct writer *w)
{
    bool first = true;
    enum status s = buf_str(w->out, "{\"outputs\":{");
    for (int i = 0; s == OK && i < sig->n_outputs; i++) {
        if (!codec_wants(r, i))
            continue;
        w->t = &outputs[i];
        w->at = 0;
        s = key(w->out, sig->outputs[i].name, first);
        if (s == OK)
            s = nested(w, 0);
        first = false;
    }
    return s == OK ? buf_str(w->out, "}}") : s;
}

static enum status v2_output(const struct port *port, struct writer *w, bool first)
{
    enum status s = first ? OK : buf_char(w->out, ',');
    if (s == OK)
        s = buf_str(w->out, "{\"name\":");
    if (s == OK)
        s = buf_json_str(w->out, port->name, strlen(port->name));
    if (s == OK)
        s = buf_printf(w->out, ",\"datatype\":\"%s\",\"shape\":[", dtype_v2(w->t->dtype));
    for (int d = 0; s == OK && d < w->t->rank; d++)
        s = buf_printf(w->out, "%s%" PRId64, d ? "," : "", w->t->dims[d]);
    if (s == OK)
        s = buf_str(w->out, "],\"data\":");
    if (s == OK)
        s = flat(w);
    return s == OK ? buf_char(w->out, '}') : s;
}

static enum status v2_head(const struct codec_request *r, const struct codec_options *o,
                           struct buf *out)
{
    const char *name = o->model_name ? o->model_name : "";
    const char *version = o->model_version ? o->model_version : "";
    enum status s = buf_str(out, "{\"model_name\":");
    if (s == OK)
        s = buf_json_str(out, name, strlen(name));
    if (s == OK && *version)
        s = buf_str(out, ",\"model_version\":");
    if (s == OK && *version)
        s = buf_json_str(out, version, strlen(version));
    if (s == OK && *r->id)
        s = buf_str(out, ",\"id\":");
    if (s == OK && *r->id)
        s = buf_json_str(out, r->id, strlen(r->id));
    return s == OK ? buf_str(out, ",\"outputs\":[") : s;
}

static enum status v2(const struct signature *sig, const struct tensor *outputs,
                      const struct codec_request *r, const struct codec_options *o,
                      struct writer *w)
{
    bool first = true;
    enum status s = v2_head(r, o, w->out);
    for (int i = 0; s == OK && i < sig->n_outputs; i++) {
        if (!codec_wants(r, i))
            continue;
        w->t = &outputs[i];
        w->at = 0;
        s = v2_output(&sig->outputs[i], w, first);
        first = false;
    }
    return s == OK ? buf_str(w->out, "]}") : s;
}

enum status json_encode(const struct signature *sig, const struct tensor *outputs,
                        const struct codec_request *r, const struct codec_options *o,
                        struct buf *out, struct err *err)
{
    struct writer w = {.out = out, .nan_token = o->nan_token};
    enum status s = OK;
    switch (r->form) {
    case JSON_INSTANCES:
        s = predictions(sig, outputs, r, &w, err);
        break;
    case JSON_INPUTS:
        s = by_name(sig, outputs, r, &w);
        break;
    case JSON_V2:
        s = v2(sig, outputs, r, o, &w);
        break;
    }
    return s == E_TOO_LARGE || s == E_NO_MEMORY ? codec_memory_fault(s, "the reply", err) : s;
}

enum status codec_labels(const struct tensor *labels, struct buf *out)
{
    struct writer w = {.out = out, .t = labels};
    return labels && tensor_count(labels) <= CODEC_LABELS_MAX ? flat(&w) : buf_str(out, "null");
}
