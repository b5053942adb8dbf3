/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost show`: what a file holds, or what a server knows of a model. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <string.h>

#include "cli/client.h"
#include "cli/explain.h"
#include "cli/json_text.h"
#include "cli/local.h"
#include "cli/show_graph.h"
#include "cli/show_layers.h"
#include "cli/units.h"
#include "cli/verbs.h"
#include "codec/codec.h"

enum { ASK_MS = 30000, NAMES_MAX = 256 };

static const struct arg_option options[] = {
    {"json", 0, NULL, "Print JSON."},
    {"layers", 0, NULL, "Also print the form of each convolution, and what others would cost."},
    {"graph", 'g', "OUT.svg|OUT.dot", "Draw a file's graph, beside that of its source."},
    LOCAL_COMPILE_OPTIONS,
    CLIENT_SERVER_OPTION,
    {NULL, 0, NULL, NULL}};

/* How often each operator stands in the program, in order of first appearance. */
struct tally {
    const struct op *op[NAMES_MAX];
    uint32_t times[NAMES_MAX];
    size_t count;
};

static void tally_program(const struct program *p, struct tally *t)
{
    t->count = 0;
    for (uint32_t i = 0; i < program_instr_count(p); i++) {
        struct instr_view v;
        size_t k = 0;
        program_instr(p, i, &v);
        while (k < t->count && t->op[k] != v.op)
            k++;
        if (k == NAMES_MAX)
            return;
        if (k == t->count) {
            t->op[t->count] = v.op;
            t->times[t->count++] = 0;
        }
        t->times[k]++;
    }
}

static enum status dim_text(const struct signature *sig, int64_t d, bool json, struct buf *out)
{
    if (d >= 0)
        return buf_printf(out, "%" PRId64, d);
    const char *name =
        dim_is_symbol(d) && dim_symbol(d) < sig->n_symbols ? sig->symbols[dim_symbol(d)] : "";
    if (!*name)
        return buf_str(out, json ? "null" : "?");
    return json ? buf_json_str(out, name, strlen(name)) : buf_str(out, name);
}

static enum status dims_text(const struct signature *sig, const struct port *port, bool json,
                             struct buf *out)
{
    enum status s = buf_char(out, '[');
    for (int d = 0; s == OK && d < port->rank; d++) {
        s = d ? buf_str(out, json ? ", " : ",") : OK;
        if (s == OK)
            s = dim_text(sig, port->dims[d], json, out);
    }
    return s == OK ? buf_char(out, ']') : s;
}

static enum status columns_json(const struct columns *c, struct buf *out)
{
    enum status s = OK;
    for (uint32_t i = 0; s == OK && i < c->count; i++) {
        const char *name = columns_name(c, i);
        s = buf_str(out, i ? ", " : ", \"columns\": [");
        if (s == OK)
            s = buf_json_str(out, name, strlen(name));
    }
    return s == OK && c->count ? buf_char(out, ']') : s;
}

static enum status columns_plain(const struct columns *c, struct buf *out)
{
    enum status s = OK;
    for (uint32_t i = 0; s == OK && i < c->count; i++)
        s = buf_printf(out, "%s%s", i ? ", " : "  columns    ", columns_name(c, i));
    return s == OK && c->count ? buf_char(out, '\n') : s;
}

/* of: the program whose outputs these are, for their classes; NULL: inputs. */
static enum status ports_json(const struct signature *sig, const struct port *ports, int count,
                              const struct program *of, struct buf *out)
{
    enum status s = buf_char(out, '[');
    for (int i = 0; s == OK && i < count; i++) {
        s = buf_str(out, i ? ", {\"name\": " : "{\"name\": ");
        if (s == OK)
            s = buf_json_str(out, ports[i].name, strlen(ports[i].name));
        if (s == OK)
            s = buf_printf(out, ", \"dtype\": \"%s\", \"shape\": ", dtype_text(ports[i].dtype));
        if (s == OK)
            s = dims_text(sig, &ports[i], true, out);
        if (s == OK && ports == sig->inputs)
            s = columns_json(&sig->columns, out);
        const struct tensor *labels = of ? program_classes(of, i) : NULL;
        if (s == OK && labels)
            s = buf_str(out, ", \"classes\": ");
        if (s == OK && labels)
            s = codec_labels(labels, out);
        if (s == OK)
            s = buf_char(out, '}');
    }
    return s == OK ? buf_char(out, ']') : s;
}

static enum status file_json(const struct program *p, const char *path, struct buf *out)
{
    const struct signature *sig = program_signature(p);
    const struct artifact_page0 *p0 = program_page0(p);
    struct tally t;
    char hash[SHA256_HEX];
    sha256_hex(p0->hash, hash);
    tally_program(p, &t);
    enum status s = buf_str(out, "{\"file\": ");
    if (s == OK)
        s = buf_json_str(out, path, strlen(path));
    if (s == OK)
        s = buf_str(out, ", \"inputs\": ");
    if (s == OK)
        s = ports_json(sig, sig->inputs, sig->n_inputs, NULL, out);
    if (s == OK)
        s = buf_str(out, ", \"outputs\": ");
    if (s == OK)
        s = ports_json(sig, sig->outputs, sig->n_outputs, p, out);
    if (s == OK)
        s = buf_str(out, ", \"operators\": {");
    for (size_t i = 0; s == OK && i < t.count; i++)
        s = buf_printf(out, "%s\"%s%s%s\": %" PRIu32, i ? ", " : "", t.op[i]->domain,
                       *t.op[i]->domain ? "." : "", t.op[i]->name, t.times[i]);
    if (s == OK)
        s = buf_printf(out,
                       "}, \"cost\": {\"file_bytes\": %" PRIu64 ", \"resident_bytes\": %" PRIu64
                       ", \"weights_bytes\": %" PRIu64 ", \"arena_fixed_bytes\": %" PRIu64
                       ", \"arena_per_item_bytes\": %" PRIu64,
                       p0->file_bytes, program_resident_bytes(p), p0->blob_bytes,
                       p0->cost.arena_fixed, p0->cost.arena_per_item);
    if (s == OK)
        s = explain_run(p, true, out);
    if (s == OK)
        s = buf_char(out, '}');
    if (s == OK)
        s = show_layers(p, true, true, out);
    if (s == OK)
        s = buf_printf(out, ", \"format\": \"%d.%d\", \"hash\": \"%s\", \"provenance\": %s}\n",
                       p0->major, p0->minor, hash,
                       *program_provenance(p) ? program_provenance(p) : "null");
    return s;
}

/* of: as in ports_json. */
static enum status ports_plain(const struct signature *sig, const struct port *ports, int count,
                               const struct program *of, struct buf *out)
{
    enum status s = OK;
    for (int i = 0; s == OK && i < count; i++) {
        s = buf_printf(out, "  %-10s %s %s",
                       i    ? ""
                       : of ? "outputs"
                            : "inputs",
                       ports[i].name, dtype_text(ports[i].dtype));
        if (s == OK)
            s = dims_text(sig, &ports[i], false, out);
        const struct tensor *labels = of ? program_classes(of, i) : NULL;
        if (s == OK && labels)
            s = buf_str(out, " classes ");
        if (s == OK && labels)
            s = codec_labels(labels, out);
        if (s == OK)
            s = buf_char(out, '\n');
    }
    return s;
}

static enum status file_plain(const struct program *p, const char *path, bool layers,
                              struct buf *out)
{
    const struct signature *sig = program_signature(p);
    const struct artifact_page0 *p0 = program_page0(p);
    struct tally t;
    char hash[SHA256_HEX], a[UNITS_TEXT_MAX], b[UNITS_TEXT_MAX], c[UNITS_TEXT_MAX];
    sha256_hex(p0->hash, hash);
    tally_program(p, &t);
    enum status s = buf_printf(out, "%s\n", path);
    if (s == OK)
        s = ports_plain(sig, sig->inputs, sig->n_inputs, NULL, out);
    if (s == OK)
        s = columns_plain(&sig->columns, out);
    if (s == OK)
        s = ports_plain(sig, sig->outputs, sig->n_outputs, p, out);
    for (size_t i = 0; s == OK && i < t.count; i++)
        s = buf_printf(out, "  %-10s %s%s%s x %" PRIu32 "\n", i ? "" : "operators", t.op[i]->domain,
                       *t.op[i]->domain ? "." : "", t.op[i]->name, t.times[i]);
    if (s == OK)
        s = buf_printf(out, "  %-10s %s file, %s resident, %s of it weights\n", "memory",
                       units_size_human(p0->file_bytes, a),
                       units_size_human(program_resident_bytes(p), b),
                       units_size_human(p0->blob_bytes, c));
    if (s == OK)
        s = buf_printf(out, "  %-10s %s and %s more per item\n", "arena",
                       units_size_human(p0->cost.arena_fixed, a),
                       units_size_human(p0->cost.arena_per_item, b));
    if (s == OK)
        s = explain_run(p, false, out);
    if (s == OK)
        s = show_layers(p, layers, false, out);
    if (s == OK)
        s = show_error(program_provenance(p), out);
    return s == OK ? buf_printf(out, "  %-10s %d.%d, %.16s\n  %-10s %s\n", "artifact", p0->major,
                                p0->minor, hash, "made", program_provenance(p))
                   : s;
}

static int show_file(const struct args *a, const char *path, bool json)
{
    struct local_compile how;
    struct program *p = NULL;
    struct buf out = {0};
    struct err err;
    const char *graph = args_get(a, "graph");
    enum status s = local_compile_options(a, &how, &err);
    if (s == OK && graph)
        s = show_graph_check(graph, &err);
    if (s == OK)
        s = local_open(path, &how, &p, NULL, &err);
    if (s == OK && graph)
        s = show_graph(path, &how, p, graph, &err);
    if (s != OK) {
        if (p)
            program_free(&p);
        return cli_fail(&err);
    }
    s = json ? file_json(p, path, &out) : file_plain(p, path, args_on(a, "layers"), &out);
    program_free(&p);
    return cli_print(s, &out);
}

static int show_model(const struct args *a)
{
    char path[600];
    struct client_reply reply;
    struct err err;
    struct client_request r = {
        .server = client_server(a), .method = "GET", .path = path, .timeout_ms = ASK_MS};
    if (args_get(a, "graph")) {
        err_set(&err, E_USAGE, "option --graph draws a file: '%.100s' is none", a->operands[0]);
        return cli_fail(&err);
    }
    enum status s = client_model_path(a->operands[0], "", path, sizeof(path), &err);
    if (s != OK)
        return cli_fail(&err);
    s = client_call(&r, &reply, &err);
    if (s == OK)
        s = client_check(&reply, &err);
    struct buf out = {0};
    if (s == OK && args_on(a, "json"))
        buf_move(&out, &reply.body);
    else if (s == OK)
        s = json_text((const char *)reply.body.data, reply.body.len, &out, &err);
    client_reply_fini(&reply);
    if (s == OK)
        return cli_print(s, &out);
    buf_fini(&out);
    return cli_fail_hint(&err, s == E_NOT_FOUND ? "`roost ls` lists what the store holds" : "");
}

static int show_run(const struct args *a)
{
    return local_is_file(a->operands[0]) ? show_file(a, a->operands[0], args_on(a, "json"))
                                         : show_model(a);
}

const struct verb verb_show = {
    .name = "show",
    .operands = "FILE|MODEL",
    .summary = "Show a model: signature, operators, cost, provenance.",
    .details = "A file (.roost, or a model file, which is compiled for it) is read here; for any "
               "other name\nthe server is asked. --graph draws the compiled graph and, for a model "
               "file, its own "
               "graph beside\nit: the model as it is compiled without any pass.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = show_run,
};
