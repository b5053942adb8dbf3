/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost docs PAGE`: the pages of docs/ that are made from tables. scripts/gen-docs writes them,
 * and the tests compare them with what stands in docs/. */
#include <string.h>

#include "cli/config.h"
#include "cli/verbs.h"
#include "compiler/passes/passes.h"
#include "metrics/table.h"
#include "ops/op.h"

static const struct arg_option options[] = {{NULL, 0, NULL, NULL}};

static const char made_note[] = "<!-- Made by scripts/gen-docs from a table in the source; do not "
                                "edit. -->\n\n";

static enum status page_configuration(struct buf *out)
{
    enum status s = buf_str(
        out, "# Configuration\n\n"
             "`roost serve` takes each setting from the first of: its flag, its environment "
             "variable, the\nconfiguration file, its default. The file is named by `--config FILE` "
             "or `ROOST_CONFIG` and is one JSON\nobject whose keys are the flags without their "
             "dashes; an unknown key is an error that names its line.\n"
             "`roost serve --print-config` prints the settings in force as such a file.\n\n"
             "Sizes are whole numbers with B, KiB, MiB, GiB or TiB (or kB, MB, GB, TB); times are "
             "whole numbers with\nus, ms, s, m or h.\n\n"
             "```json\n{\n  \"store\": \"/srv/models\",\n  \"listen\": \"0.0.0.0:8080\",\n"
             "  \"admin-listen\": \"127.0.0.1:8081\",\n  \"memory\": \"8GiB\",\n"
             "  \"timeout\": \"30s\"\n}\n```\n\n");
    if (s == OK)
        s = config_markdown(out);
    if (s == OK)
        s = buf_str(out, "\nThe file alone takes `tenants`, an object of rules for tenants: "
                         "[tenants.md](tenants.md).\n");
    return s == OK ? buf_str(out, "\nFixed by the build: JSON nests at most 64 deep, tensors have "
                                  "at most 8 dimensions.\n")
                   : s;
}

static enum status metric_row(struct buf *out, const char *type, const char *name,
                              const char *labels, const char *help, const char *before)
{
    bool again = before && strcmp(before, name) == 0;
    return buf_printf(out, "| `%s%s%s%s` | %s | %s |\n", name, *labels ? "{" : "", labels,
                      *labels ? "}" : "", type, again ? "" : help);
}

static enum status page_metrics(struct buf *out)
{
    static const struct {
        const char *type, *name, *labels, *help;
    } rows[] = {
#define X(id, type, name, labels, help) {#type, name, labels, help},
        METRIC_TABLE(X)
#undef X
#define X(id, name, labels, bounds, help) {"HISTOGRAM", name, labels, help},
            HISTOGRAM_TABLE(X)
#undef X
#define X(id, type, name, labels, help) {#type, name, "tenant=\"…\"," labels, help},
                TENANT_METRIC_TABLE(X)
#undef X
    };
    enum status s = buf_str(out, "# Metrics\n\n"
                                 "`GET /metrics` on the management listener answers in Prometheus' "
                                 "text format 0.0.4. No series\ncarries a model's name; what one "
                                 "model did stands in `GET /models/<name>`. Those of tenants are "
                                 "there\nwhere tenants have rules (configuration.md), one for each "
                                 "and `*` for all others.\n\n"
                                 "| series | type | meaning |\n|---|---|---|\n");
    for (size_t i = 0; s == OK && i < ARRAY_COUNT(rows); i++) {
        const char *type = rows[i].type[0] == 'C'   ? "counter"
                           : rows[i].type[0] == 'G' ? "gauge"
                                                    : "histogram";
        s = metric_row(out, type, rows[i].name, rows[i].labels, rows[i].help,
                       i ? rows[i - 1].name : NULL);
    }
    return s;
}

/* "floats, int32": whole groups first, then what is left one by one. */
static enum status operator_types(struct buf *out, const struct op *op)
{
    static const struct {
        uint32_t types;
        const char *text;
    } groups[] = {
        {OP_ANY, "any"}, {OP_NUMBERS, "numbers"}, {OP_FLOATS, "floats"}, {OP_INTEGERS, "integers"}};
    uint32_t left = op->types & ~OP_T(STRING);
    const char *comma = "";
    enum status s = OK;
    for (size_t i = 0; s == OK && i < ARRAY_COUNT(groups); i++)
        if ((left & groups[i].types) == groups[i].types) {
            s = buf_printf(out, "%s%s", comma, groups[i].text);
            left &= ~groups[i].types;
            comma = ", ";
        }
    for (unsigned t = 0; s == OK && t < 32; t++)
        if (left >> t & 1) {
            s = buf_printf(out, "%s%s", comma, dtype_text((enum dtype)t));
            comma = ", ";
        }
    if (s == OK && op->flags & OP_STRINGS)
        s = buf_printf(out, "%stext", comma);
    return s;
}

static enum status operator_row(struct buf *out, const struct op *op)
{
    enum status s = buf_printf(out, "| %s | %s | ", *op->domain ? op->domain : "ai.onnx", op->name);
    for (int i = 0; s == OK && i < OP_SINCE_MAX && op->since[i]; i++)
        s = buf_printf(out, "%s%d", i ? ", " : "", op->since[i]);
    if (s == OK)
        s = buf_str(out, " | ");
    if (s == OK)
        s = operator_types(out, op);
    return s == OK ? buf_str(out, " |\n") : s;
}

static enum status page_operators(struct buf *out)
{
    enum status s =
        buf_str(out, "# Operators\n\n"
                     "What the compiler takes, by the opset version since which each form holds. "
                     "Those of the domain\n`roost` are our own: fusions that the compiler makes, "
                     "and trees. `roost compile` names any other.\n\n"
                     "The last column says what an operator computes with: the dtypes of the "
                     "operands that have the result's\ndtype or, where none has, of the first. "
                     "Floats are float16, bfloat16, float32 and float64; integers\nare those of "
                     "8 to 64 bits, signed and unsigned; numbers are both; any is numbers and "
                     "bool.\n\n"
                     "| domain | operator | since opset | dtypes |\n|---|---|---|---|\n");
    size_t count;
    const struct op *const *ops = op_table(&count);
    for (size_t i = 0; s == OK && i < count; i++)
        s = operator_row(out, ops[i]);
    return s;
}

static enum status page_cli(struct buf *out)
{
    enum status s = buf_str(out, "# The command line\n\n"
                                 "Exit status: 0 done, 1 failed, 2 wrong usage, 69 no server "
                                 "answers. Colours and progress bars appear\nonly on a terminal, "
                                 "and colours not with `NO_COLOR` set.\n\n");
    for (const struct verb *const *v = verb_table(); s == OK && *v; v++)
        if (!(*v)->hidden)
            s = args_markdown(*v, out);
    /* The last section's empty line is one too many. */
    if (s == OK)
        out->len--;
    return s;
}

static enum status page_passes(struct buf *out)
{
    enum status s = buf_printf(
        out,
        "# Passes\n\n"
        "What the compiler does to a model between reading and writing it, in this order, again "
        "and again until a\nround changes nothing, at most %d rounds. `roost compile --explain` "
        "prints what each did; `--without NAME`\nleaves one out.\n\n"
        "| pass | what it does |\n|---|---|\n",
        PASS_ROUNDS_MAX);
    for (int k = 0; s == OK && k < PASS_COUNT; k++)
        s = buf_printf(out, "| %s | %s |\n", pass_table[k].name, pass_table[k].what);
    return s;
}

static int docs_run(const struct args *a)
{
    static const struct {
        const char *name;
        enum status (*write)(struct buf *out);
    } pages[] = {{"configuration", page_configuration},
                 {"metrics", page_metrics},
                 {"operators", page_operators},
                 {"cli", page_cli},
                 {"passes", page_passes}};
    struct buf out = {0};
    struct err err;
    for (size_t i = 0; i < ARRAY_COUNT(pages); i++) {
        if (strcmp(pages[i].name, a->operands[0]) != 0)
            continue;
        enum status s = buf_str(&out, made_note);
        return cli_print(s == OK ? pages[i].write(&out) : s, &out);
    }
    err_set(&err, E_USAGE, "unknown page '%.40s': configuration, metrics, operators, cli or passes",
            a->operands[0]);
    return cli_fail(&err);
}

const struct verb verb_docs = {
    .name = "docs",
    .operands = "PAGE",
    .summary = "Print a generated page of docs/.",
    .details = "",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = docs_run,
    .hidden = true,
};
