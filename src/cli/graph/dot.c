/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pictures as Graphviz reads them. A text stands in quotes with quotes and backslashes escaped:
 * none of them can end it, and none is taken for one of Graphviz's own escapes. */
#include <inttypes.h>

#include "cli/graph/picture.h"

static const char *const colours[FAMILY_COUNT] = {
    [FAMILY_PORT] = "#e8eaed",    [FAMILY_PRODUCT] = "#c6dafc", [FAMILY_ACTIVATION] = "#f8cfc9",
    [FAMILY_NORM] = "#cdebd3",    [FAMILY_POOL] = "#cfe8e6",    [FAMILY_SHAPE] = "#ece4d6",
    [FAMILY_LEARNER] = "#e4d3f2", [FAMILY_CONTROL] = "#fbe3b4", [FAMILY_OTHER] = "#dfe3ea",
};

static enum status escaped(struct buf *out, const char *s)
{
    enum status st = OK;
    for (; st == OK && *s; s++) {
        if (*s == '"' || *s == '\\')
            st = buf_char(out, '\\');
        if (st == OK)
            st = buf_char(out, *s);
    }
    return st;
}

static enum status line(struct buf *out, const char *s)
{
    enum status st = *s ? buf_str(out, "\\n") : OK;
    return st == OK ? escaped(out, s) : st;
}

static enum status node(struct buf *out, int panel, uint32_t i, const struct picture_node *n)
{
    enum status s = buf_printf(out, "    p%d_%" PRIu32 " [label=\"", panel, i);
    if (s == OK)
        s = escaped(out, n->title);
    if (s == OK)
        s = line(out, n->name);
    for (int k = 0; s == OK && k < n->n_consts; k++)
        s = line(out, n->consts[k]);
    return s == OK ? buf_printf(out, "\", fillcolor=\"%s\"%s];\n", colours[n->family],
                                n->kind == PICTURE_OP ? "" : ", shape=ellipse")
                   : s;
}

static enum status edge(struct buf *out, int panel, const struct picture *pic,
                        const struct picture_edge *e)
{
    const char *shape = pic->nodes[e->from].result;
    enum status s =
        buf_printf(out, "    p%d_%" PRIu32 " -> p%d_%" PRIu32, panel, e->from, panel, e->to);
    if (s == OK && *shape)
        s = buf_str(out, " [label=\"");
    if (s == OK && *shape)
        s = escaped(out, shape);
    if (s == OK && *shape)
        s = buf_str(out, "\"]");
    return s == OK ? buf_str(out, ";\n") : s;
}

static enum status panel(struct buf *out, int number, const struct picture *pic)
{
    enum status s = buf_printf(out, "  subgraph cluster_%d {\n    label=\"", number);
    if (s == OK)
        s = escaped(out, pic->title);
    if (s == OK)
        s = buf_str(out, "\";\n");
    for (uint32_t i = 0; s == OK && i < pic->n_nodes; i++)
        s = node(out, number, i, &pic->nodes[i]);
    for (uint32_t i = 0; s == OK && i < pic->n_edges; i++)
        s = edge(out, number, pic, &pic->edges[i]);
    return s == OK ? buf_str(out, "  }\n") : s;
}

enum status picture_dot(const char *title, const struct picture *pics, int count, struct buf *out)
{
    char clean[PICTURE_TEXT_MAX];
    picture_text(clean, title, PICTURE_TEXT_MAX);
    enum status s = buf_str(out, "digraph model {\n  label=\"");
    if (s == OK)
        s = escaped(out, clean);
    if (s == OK)
        s = buf_str(out, "\";\n  fontname=\"Helvetica\";\n"
                         "  node [shape=box, style=\"rounded,filled\", color=\"#8a93a3\", "
                         "fontname=\"Helvetica\", fontsize=11];\n"
                         "  edge [color=\"#8a93a3\", fontname=\"Helvetica\", fontsize=9];\n");
    for (int i = 0; s == OK && i < count; i++)
        s = panel(out, i, &pics[i]);
    return s == OK ? buf_str(out, "}\n") : s;
}
