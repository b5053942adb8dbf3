/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Lays the graph out as the artifact's writer wants it: only values that something uses become
 * tensors, in the graph's own order, so that the same graph always gives the same bytes. The file
 * is written twice: once to let the runtime measure the program, and once with what it measured. */
#include "compiler/emit.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "compiler/compiler.h"
#include "compiler/passes/shapes.h"
#include "runtime/program.h"
#include "tensor/text.h"

/* What artifact_write reads; freed together. */
struct layout {
    struct artifact_tensor *tensors; /* heap */
    struct artifact_instr *instrs;   /* heap */
    struct port *ports;              /* heap; inputs, then outputs */
    int32_t *index;                  /* heap; tensor of each value, or ARTIFACT_NO_TENSOR */
    int32_t *operands;               /* heap; all instructions' operands, then the signature's */
    uint32_t *live;                  /* heap; the blocks that are written, by their new numbers */
    uint32_t n_live;
    struct artifact_block *blocks; /* heap; of live[1] and up */
    struct attr *attrs;            /* heap; those of control nodes, with the new numbers */
    struct artifact_source src;    /* points into the above */
};

/* What all blocks together need room for. */
struct totals {
    size_t nodes, operands, attrs;
};

static void layout_fini(struct layout *l)
{
    alloc_free(l->tensors);
    alloc_free(l->instrs);
    alloc_free(l->ports);
    alloc_free(l->index);
    alloc_free(l->operands);
    alloc_free(l->live);
    alloc_free(l->blocks);
    alloc_free(l->attrs);
    *l = (struct layout){0};
}

static struct totals count(const struct graph *g, const struct layout *l)
{
    struct totals n = {0};
    for (uint32_t k = 0; k < l->n_live; k++) {
        const struct graph_block b = graph_block_at(g, l->live[k]);
        n.nodes += b.n_nodes;
        n.operands += (size_t)b.n_inputs + b.n_outputs;
        for (uint32_t i = 0; i < b.n_nodes; i++) {
            n.operands += (size_t)b.nodes[i].n_in + b.nodes[i].n_out;
            n.attrs += b.nodes[i].op->flags & OP_CONTROL ? b.nodes[i].n_attrs : 0;
        }
    }
    return n;
}

static enum status layout_alloc(const struct graph *g, struct layout *l)
{
    enum status s = graph_live_blocks(g, &l->live, &l->n_live);
    if (s != OK)
        return s;
    const struct totals n = count(g, l);
    l->tensors = alloc_zero(g->n_values, sizeof(*l->tensors));
    l->instrs = alloc_zero(n.nodes, sizeof(*l->instrs));
    l->ports = alloc_zero((size_t)g->n_inputs + g->n_outputs, sizeof(*l->ports));
    l->index = alloc_new((size_t)g->n_values * sizeof(*l->index));
    l->operands = alloc_zero(n.operands, sizeof(*l->operands));
    l->blocks = alloc_zero(l->n_live, sizeof(*l->blocks));
    l->attrs = alloc_zero(n.attrs, sizeof(*l->attrs));
    bool all = l->tensors && l->instrs && l->ports && l->index && l->operands && l->blocks;
    return all && l->attrs ? OK : E_NO_MEMORY;
}

static void mark(int32_t *index, const int32_t *values, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (values[i] != ARTIFACT_NO_TENSOR)
            index[values[i]] = 0;
}

/* Numbers the values in use: index[] of each, or ARTIFACT_NO_TENSOR. Returns how many. */
static uint32_t number_values(const struct graph *g, const uint32_t *live, uint32_t n_live,
                              int32_t *index)
{
    for (uint32_t i = 0; i < g->n_values; i++)
        index[i] = ARTIFACT_NO_TENSOR;
    for (uint32_t k = 0; k < n_live; k++) {
        const struct graph_block b = graph_block_at(g, live[k]);
        mark(index, b.inputs, b.n_inputs);
        mark(index, b.outputs, b.n_outputs);
        for (uint32_t i = 0; i < b.n_nodes; i++) {
            mark(index, b.nodes[i].in, b.nodes[i].n_in);
            mark(index, b.nodes[i].out, b.nodes[i].n_out);
        }
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n_values; i++)
        if (index[i] != ARTIFACT_NO_TENSOR)
            index[i] = (int32_t)n++;
    return n;
}

/* Numbers the values in use and describes each as a tensor. */
static void lay_tensors(const struct graph *g, struct layout *l)
{
    static const enum tensor_class class_of[] = {[VALUE_CONST] = CLASS_CONST,
                                                 [VALUE_INPUT] = CLASS_INPUT,
                                                 [VALUE_COMPUTED] = CLASS_VALUE,
                                                 [VALUE_FORMAL] = CLASS_FORMAL};
    l->src.n_tensors = number_values(g, l->live, l->n_live, l->index);
    l->src.tensors = l->tensors;
    for (uint32_t i = 0; i < g->n_values; i++) {
        const struct value *v = &g->values[i];
        if (l->index[i] != ARTIFACT_NO_TENSOR)
            l->tensors[l->index[i]] = (struct artifact_tensor){
                .name = v->name, .class = class_of[v->kind], .t = v->t, .compress = v->compress};
    }
}

/* Translates value indices to tensor indices behind *at, and moves it on. */
static const int32_t *lay_operands(const struct layout *l, const int32_t *values, uint32_t n,
                                   int32_t **at)
{
    int32_t *start = *at;
    for (uint32_t i = 0; i < n; i++)
        start[i] = values[i] == ARTIFACT_NO_TENSOR ? ARTIFACT_NO_TENSOR : l->index[values[i]];
    *at += n;
    return start;
}

/* A block's number in the artifact. */
static int64_t new_number(const struct layout *l, int64_t block)
{
    int64_t k = 0;
    while (k < l->n_live && l->live[k] != block)
        k++;
    ASSERT(k < l->n_live);
    return k;
}

/* A control node's attributes, behind *at, which moves on; others keep theirs. */
static const struct attr *lay_attrs(const struct layout *l, const struct node *n, struct attr **at)
{
    struct attr *start = *at;
    if (!(n->op->flags & OP_CONTROL))
        return n->attrs;
    for (uint32_t i = 0; i < n->n_attrs; i++) {
        start[i] = n->attrs[i];
        for (const enum attr_key *k = control_body_keys(n->op); *k != ATTR_NONE; k++)
            if (start[i].key == *k)
                start[i].i = new_number(l, start[i].i);
    }
    *at += n->n_attrs;
    return start;
}

static void lay_instrs(const struct graph *g, struct layout *l)
{
    int32_t *at = l->operands;
    struct attr *attrs = l->attrs;
    for (uint32_t k = 0; k < l->n_live; k++) {
        const struct graph_block b = graph_block_at(g, l->live[k]);
        for (uint32_t i = 0; i < b.n_nodes; i++) {
            const struct node *n = &b.nodes[i];
            l->instrs[l->src.n_instrs++] =
                (struct artifact_instr){.op = n->op->code,
                                        .version = (uint16_t)n->version,
                                        .in = lay_operands(l, n->in, n->n_in, &at),
                                        .out = lay_operands(l, n->out, n->n_out, &at),
                                        .n_in = n->n_in,
                                        .n_out = n->n_out,
                                        .attrs = lay_attrs(l, n, &attrs),
                                        .n_attrs = n->n_attrs,
                                        .name = n->name};
        }
        if (k)
            l->blocks[k - 1] = (struct artifact_block){
                .n_instrs = b.n_nodes,
                .in = lay_operands(l, b.inputs, b.n_inputs, &at),
                .out = lay_operands(l, b.outputs, b.n_outputs, &at),
                .n_in = b.n_inputs,
                .n_out = b.n_outputs,
            };
    }
    l->src.instrs = l->instrs;
    l->src.blocks = l->blocks;
    l->src.n_blocks = l->n_live - 1;
    l->src.inputs = lay_operands(l, g->inputs, g->n_inputs, &at);
    l->src.outputs = lay_operands(l, g->outputs, g->n_outputs, &at);
}

/* Of an output whose shape depends on data we know what the model says of it. */
static enum status lay_declared(const struct graph *g, uint32_t output, struct port *port,
                                struct err *err)
{
    const struct graph_port *d = &g->declared[output];
    if (d->dtype == DT_NONE)
        return err_set(
            err, E_UNSUPPORTED,
            "the shape of output '%.100s' depends on data and the model does not say its "
            "rank; export the model with the output's type and rank",
            port->name);
    port->dtype = d->dtype;
    port->rank = d->rank;
    for (int k = 0; k < d->rank; k++)
        port->dims[k] = DIM_FREE;
    return OK;
}

static void lay_port(const struct graph *g, const struct probes *p, int32_t value,
                     struct port *port)
{
    const struct value *v = &g->values[value];
    const struct tensor *t = v->kind == VALUE_INPUT ? &v->t : &p->at[0].t[value];
    *port = (struct port){.name = v->name, .dtype = t->dtype, .rank = t->rank};
    for (int d = 0; d < t->rank; d++)
        port->dims[d] = v->kind == VALUE_INPUT ? t->dims[d] : probes_dim(g, p, value, d);
}

static enum status lay_signature(const struct graph *g, struct layout *l, struct err *err)
{
    struct probes p;
    enum status s = probes_infer(g, &p, err);
    if (s != OK)
        return s;
    for (uint32_t i = 0; i < g->n_inputs; i++)
        lay_port(g, &p, g->inputs[i], &l->ports[i]);
    for (uint32_t i = 0; s == OK && i < g->n_outputs; i++) {
        struct port *port = &l->ports[g->n_inputs + i];
        lay_port(g, &p, g->outputs[i], port);
        if (port->dtype == DT_NONE)
            s = lay_declared(g, i, port, err);
    }
    probes_fini(&p);
    if (s != OK)
        return s;
    l->src.signature = (struct signature){.inputs = l->ports,
                                          .outputs = l->ports + g->n_inputs,
                                          .n_inputs = (int)g->n_inputs,
                                          .n_outputs = (int)g->n_outputs,
                                          .symbols = g->symbols,
                                          .n_symbols = (int)g->n_symbols,
                                          .columns = g->columns};
    return OK;
}

enum { LABELS_MAX = 1024, LABELS_BYTES_MAX = 1 << 16 };

/* One ZipMap's classes: "scores":[0,1,2]. They may lie unaligned in the model file. */
static enum status add_labels(const struct value *out, const struct tensor *labels, struct buf *b)
{
    enum status s = buf_json_str(b, out->name, strlen(out->name));
    s = s == OK ? buf_str(b, ":[") : s;
    for (int64_t k = 0; s == OK && k < tensor_count(labels); k++) {
        int64_t label;
        if (labels->dtype == DT_STRING) {
            struct text t = text_get(labels, k);
            s = k ? buf_char(b, ',') : OK;
            s = s == OK ? buf_json_str(b, t.at, t.len) : s;
            continue;
        }
        memcpy(&label, (const uint8_t *)labels->data + (size_t)k * sizeof(label), sizeof(label));
        s = buf_printf(b, "%s%" PRId64, k ? "," : "", label);
    }
    return s == OK ? buf_char(b, ']') : s;
}

/* So many of them that the provenance would not hold them are left out; the program knows them. */
static bool labels_fit(const struct tensor *labels, const struct buf *b)
{
    uint64_t bytes = 0;
    bool fits = tensor_count(labels) <= LABELS_MAX && b->len <= LABELS_BYTES_MAX;
    return fits && (labels->dtype != DT_STRING ||
                    (text_bytes(labels, &bytes) && bytes <= LABELS_BYTES_MAX));
}

/* The classes of each ZipMap by the name of its output, in the order of the matrix's columns. */
static enum status add_classes(const struct graph *g, struct buf *b)
{
    bool any = false;
    enum status s = OK;
    for (uint32_t i = 0; s == OK && i < g->n_nodes; i++) {
        const struct node *n = &g->nodes[i];
        if (strcmp(n->op->name, "ZipMap") != 0)
            continue;
        const struct value *labels = &g->values[n->in[n->n_in - 1]];
        if (labels->kind != VALUE_CONST || !labels_fit(&labels->t, b))
            continue;
        s = buf_str(b, any ? "," : ",\"classes\":{");
        s = s == OK ? add_labels(&g->values[n->out[0]], &labels->t, b) : s;
        any = true;
    }
    return s == OK && any ? buf_char(b, '}') : s;
}

/* What the artifact was made from and by what: nothing that differs from one compile to the next.
 */
static enum status add_files(const struct graph *g, struct buf *b)
{
    enum status s = OK;
    for (uint32_t i = 0; s == OK && i < g->n_files; i++) {
        uint8_t digest[SHA256_BYTES];
        char hex[SHA256_HEX];
        s = sha256_once(g->files[i].bytes, g->files[i].n, digest);
        if (s == OK)
            s = buf_str(b, i ? ",{\"name\":" : ",\"files\":[{\"name\":");
        if (s == OK)
            s = buf_json_str(b, g->files[i].name, strlen(g->files[i].name));
        if (s != OK)
            return s;
        sha256_hex(digest, hex);
        s = buf_printf(b, ",\"bytes\":%zu,\"sha256\":\"%s\"}", g->files[i].n, hex);
    }
    return s == OK && g->n_files ? buf_char(b, ']') : s;
}

/* A number of JSON; null where it is infinite. */
static enum status add_number(const char *name, double v, struct buf *b)
{
    return isfinite(v) ? buf_printf(b, ",\"%s\":%.6g", name, v)
                       : buf_printf(b, ",\"%s\":null", name);
}

static enum status add_precision(const struct precision_report *r, struct buf *b)
{
    enum status s =
        buf_printf(b,
                   ",\"precision\":{\"type\":\"%s\",\"layers\":%" PRIu32 ",\"narrowed\":%" PRIu32
                   ",\"sets\":%" PRIu32,
                   precision_name((enum precision)r->precision), r->layers, r->narrowed, r->sets);
    if (s == OK && r->sets)
        s = add_number("error_max", r->error_max, b);
    if (s == OK && r->sets)
        s = add_number("error_mean", r->error_mean, b);
    if (s == OK && r->sets)
        s = add_number("largest", r->largest, b);
    if (s == OK && r->rows)
        s = buf_printf(b, ",\"rows\":%" PRIu64 ",\"agreed\":%" PRIu64, r->rows, r->agreed);
    return s == OK ? buf_char(b, '}') : s;
}

static enum status provenance(const struct graph *g, const struct emit_source *src, struct buf *b)
{
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX];
    enum status s = sha256_once(src->bytes, src->n, digest);
    if (s != OK)
        return s;
    sha256_hex(digest, hex);
    s = buf_printf(b, "{\"source\":{\"format\":\"%s\",\"bytes\":%zu,\"sha256\":\"%s\"", src->format,
                   src->n, hex);
    if (s == OK)
        s = add_files(g, b);
    if (s == OK)
        s = buf_char(b, '}');
    if (s == OK && g->producer) {
        s = buf_str(b, ",\"producer\":");
        s = s == OK ? buf_json_str(b, g->producer, strlen(g->producer)) : s;
    }
    for (uint32_t i = 0; s == OK && i < g->n_opsets; i++) {
        const char *domain = *g->opsets[i].domain ? g->opsets[i].domain : "ai.onnx";
        s = buf_str(b, i ? "," : ",\"opsets\":{");
        s = s == OK ? buf_json_str(b, domain, strlen(domain)) : s;
        s = s == OK ? buf_printf(b, ":%d", g->opsets[i].version) : s;
    }
    if (s == OK && g->n_opsets)
        s = buf_char(b, '}');
    if (s == OK)
        s = add_classes(g, b);
    if (s == OK && src->report)
        s = add_precision(src->report, b);
    if (s == OK)
        s = buf_printf(b, ",\"compiler\":\"roost %s\"}", ROOST_VERSION);
    return s == OK ? buf_terminate(b) : s;
}

static enum status write_twice(const struct artifact_source *src, struct buf *artifact,
                               struct err *err)
{
    struct artifact_cost cost = {0};
    enum status s = artifact_write(src, &cost, artifact, err);
    if (s == OK)
        s = program_measure(artifact->data, artifact->len, &cost, err);
    if (s != OK)
        return s;
    buf_clear(artifact);
    return artifact_write(src, &cost, artifact, err);
}

static enum status check_ports(const struct graph *g, struct err *err)
{
    if (!g->n_outputs)
        return err_set(err, E_CORRUPT, "the model has no outputs");
    if (g->n_inputs > SIGNATURE_PORTS_MAX || g->n_outputs > SIGNATURE_PORTS_MAX)
        return err_set(err, E_UNSUPPORTED, "%u inputs and %u outputs: at most %d of each",
                       g->n_inputs, g->n_outputs, SIGNATURE_PORTS_MAX);
    return OK;
}

enum status emit_tensors(const struct graph *g, int32_t *index, struct err *err)
{
    uint32_t *live, n_live;
    if (graph_live_blocks(g, &live, &n_live) != OK)
        return err_set(err, E_NO_MEMORY, "no memory to lay out %u nodes", g->n_nodes);
    (void)number_values(g, live, n_live, index);
    alloc_free(live);
    return OK;
}

enum status emit(const struct graph *g, const struct emit_source *src, struct buf *artifact,
                 struct err *err)
{
    struct layout l = {0};
    struct buf text = {0};
    enum status s = check_ports(g, err);
    if (s != OK)
        return s;
    if (layout_alloc(g, &l) != OK) {
        s = err_set(err, E_NO_MEMORY, "no memory to lay out %u nodes", g->n_nodes);
        goto out;
    }
    lay_tensors(g, &l);
    lay_instrs(g, &l);
    s = lay_signature(g, &l, err);
    if (s != OK)
        goto out;
    s = provenance(g, src, &text);
    if (s != OK) {
        err_set(err, s, "cannot write the provenance: %s", status_text(s));
        goto out;
    }
    l.src.provenance = (const char *)text.data;
    s = write_twice(&l.src, artifact, err);
out:
    buf_fini(&text);
    layout_fini(&l);
    return s;
}
