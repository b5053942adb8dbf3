/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A program's inputs and outputs, as GET /models/<name> and PUT answer them. */
#include <inttypes.h>

#include "codec/codec.h"
#include "endpoint/doc.h"
#include "endpoint/endpoint.h"
#include "runtime/program.h"

static void add_columns(struct doc *d, const struct columns *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        doc_add(d, i ? "," : ",\"columns\":[");
        doc_text(d, columns_name(c, i));
    }
    if (c->count)
        doc_add(d, "]");
}

static void add_port(struct doc *d, const struct port *p, const struct signature *sig)
{
    doc_add(d, "{\"name\":");
    doc_text(d, p->name);
    doc_add(d, ",\"datatype\":");
    doc_text(d, dtype_v2(p->dtype));
    doc_add(d, ",\"shape\":[");
    for (int i = 0; i < p->rank && d->s == OK; i++)
        d->s = buf_printf(d->out, "%s%" PRId64, i ? "," : "", MAX(p->dims[i], (int64_t)-1));
    doc_add(d, "],\"symbols\":[");
    for (int i = 0; i < p->rank; i++) {
        bool named = dim_is_symbol(p->dims[i]) && dim_symbol(p->dims[i]) < sig->n_symbols;
        doc_add(d, i ? "," : "");
        doc_text(d, named ? sig->symbols[dim_symbol(p->dims[i])] : "");
    }
    doc_add(d, "]");
    if (p == sig->inputs)
        add_columns(d, &sig->columns);
}

static void add_classes(struct doc *d, const struct tensor *labels)
{
    if (!labels)
        return;
    doc_add(d, ",\"classes\":");
    if (d->s == OK)
        d->s = codec_labels(labels, d->out);
}

/* of: the program whose outputs these are, for their classes; NULL: inputs. */
static void add_ports(struct doc *d, const struct port *ports, int n, const struct signature *sig,
                      const struct program *of)
{
    for (int i = 0; i < n; i++) {
        doc_add(d, i ? "," : "");
        add_port(d, &ports[i], sig);
        add_classes(d, of ? program_classes(of, i) : NULL);
        doc_add(d, "}");
    }
    doc_add(d, "]");
}

enum status endpoint_ports(const struct program *p, struct buf *json)
{
    const struct signature *sig = program_signature(p);
    struct doc d = {.out = json};
    doc_add(&d, ",\"inputs\":[");
    add_ports(&d, sig->inputs, sig->n_inputs, sig, NULL);
    doc_add(&d, ",\"outputs\":[");
    add_ports(&d, sig->outputs, sig->n_outputs, sig, p);
    return d.s;
}
