/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pictures as SVG: panels beside each other, boxes over lines. Texts are escaped character data;
 * they never stand in an attribute. There is no script, no link and nothing from elsewhere in the
 * file. */
#include <math.h>
#include <string.h>

#include "cli/graph/picture.h"

enum { MARGIN = 28, PANEL_PAD = 30, PANEL_HEAD = 54, HEAD = 46, GAP = 28, PANEL_LEAST = 260 };

static const char style[] =
    "<style>\n"
    "svg{background:#fff}\n"
    "text{font-family:Inter,'Helvetica Neue',Helvetica,Arial,'DejaVu "
    "Sans',sans-serif;fill:#1f2733}\n"
    ".head{font-size:18px;font-weight:600}\n"
    ".panel{fill:#f7f8fa;stroke:#e2e5ea}\n"
    ".caption{font-size:13px;font-weight:600;fill:#56606f}\n"
    ".box{stroke:#00000022;stroke-width:1}\n"
    ".body{fill:#fff}\n"
    ".op{font-size:12px;font-weight:600;text-anchor:middle;fill:#fff}\n"
    ".port{font-size:12px;font-weight:600;text-anchor:middle}\n"
    ".name{font-size:10px;text-anchor:middle;fill:#3b4554}\n"
    ".const{font-size:10px;text-anchor:middle;fill:#7a8494}\n"
    ".shape{font-size:10px;fill:#56606f;stroke:#f7f8fa;stroke-width:3px;paint-order:stroke}\n"
    ".line{fill:none;stroke:#9aa4b2;stroke-width:1.3}\n"
    ".tip{fill:#9aa4b2}\n"
    "</style>\n";

static const char *const colours[FAMILY_COUNT] = {
    [FAMILY_PORT] = "#e3e7ed",    [FAMILY_PRODUCT] = "#33658f", [FAMILY_ACTIVATION] = "#a8423f",
    [FAMILY_NORM] = "#3e7d53",    [FAMILY_POOL] = "#2f7a78",    [FAMILY_SHAPE] = "#8a6d3b",
    [FAMILY_LEARNER] = "#6d4a94", [FAMILY_CONTROL] = "#b5791c", [FAMILY_OTHER] = "#4b5563",
};

/* ---- parts ---- */

static enum status escaped(struct buf *out, const char *s)
{
    enum status st = OK;
    for (; st == OK && *s; s++) {
        const char *entity = *s == '&'    ? "&amp;"
                             : *s == '<'  ? "&lt;"
                             : *s == '>'  ? "&gt;"
                             : *s == '"'  ? "&quot;"
                             : *s == '\'' ? "&#39;"
                                          : NULL;
        st = entity ? buf_str(out, entity) : buf_char(out, *s);
    }
    return st;
}

static enum status text(struct buf *out, const char *class, double x, double y, const char *s)
{
    enum status st = buf_printf(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, x, y);
    if (st == OK)
        st = escaped(out, s);
    return st == OK ? buf_str(out, "</text>\n") : st;
}

/* ---- lines ---- */

/* Leaves and arrives upright, so that pieces join without a corner. */
static enum status curve(struct buf *out, struct picture_point a, struct picture_point b)
{
    double half = (b.y - a.y) / 2;
    if (fabs(a.x - b.x) < 0.5)
        return buf_printf(out, "L%.1f,%.1f", b.x, b.y);
    return buf_printf(out, "C%.1f,%.1f %.1f,%.1f %.1f,%.1f", a.x, a.y + half, b.x, b.y - half, b.x,
                      b.y);
}

static enum status line(struct buf *out, const struct picture *pic, const struct picture_edge *e)
{
    enum { TIP = 6 };
    const struct picture_node *from = &pic->nodes[e->from], *to = &pic->nodes[e->to];
    struct picture_point a = {from->x, from->y + from->h}, end = {to->x, to->y - TIP};
    enum status s = buf_printf(out, "<path class=\"line\" d=\"M%.1f,%.1f", a.x, a.y);
    for (uint32_t k = 0; s == OK && k < e->n_bends; k++) {
        struct picture_point b = pic->bends[e->first_bend + k];
        s = curve(out, a, b);
        a = b;
    }
    if (s == OK)
        s = curve(out, a, end);
    if (s == OK)
        s = buf_str(out, "\"/>\n");
    return s == OK ? buf_printf(out, "<path class=\"tip\" d=\"M%.1f,%.1fl-3.5,-6h7z\"/>\n", to->x,
                                to->y - 0.5)
                   : s;
}

/* ---- boxes ---- */

static enum status op_box(struct buf *out, const struct picture_node *n)
{
    enum { TITLE_H = 24, LINE_H = 15, ROUND = 5 };
    double left = n->x - n->w / 2, y = n->y + TITLE_H + 13;
    bool plain = n->h <= TITLE_H;
    enum status s = buf_printf(out,
                               "<rect class=\"box\" fill=\"%s\" x=\"%.1f\" y=\"%.1f\" "
                               "width=\"%.1f\" height=\"%.1f\" rx=\"%d\"/>\n",
                               colours[n->family], left, n->y, n->w, n->h, ROUND);
    if (s == OK && !plain) /* its upper corners are square: they meet the title */
        s = buf_printf(
            out, "<path class=\"body\" d=\"M%.1f,%.1fh%.1fv%.1fq0,4 -4,4h%.1fq-4,0 -4,-4z\"/>\n",
            left + 1, n->y + TITLE_H, n->w - 2, n->h - TITLE_H - 5, -(n->w - 10));
    if (s == OK)
        s = text(out, "op", n->x, n->y + 16, n->title);
    if (s == OK && *n->name) {
        s = text(out, "name", n->x, y, n->name);
        y += LINE_H;
    }
    for (int k = 0; s == OK && k < n->n_consts; k++)
        s = text(out, "const", n->x, y + k * LINE_H, n->consts[k]);
    return s;
}

static enum status port_box(struct buf *out, const struct picture_node *n)
{
    enum status s = buf_printf(out,
                               "<rect class=\"box\" fill=\"%s\" x=\"%.1f\" y=\"%.1f\" "
                               "width=\"%.1f\" height=\"%.1f\" rx=\"%.1f\"/>\n",
                               colours[FAMILY_PORT], n->x - n->w / 2, n->y, n->w, n->h, n->h / 2);
    return s == OK ? text(out, "port", n->x, n->y + 16, n->title) : s;
}

static enum status box(struct buf *out, const struct picture_node *n)
{
    static const char *const classes[] = {
        [PICTURE_INPUT] = "input", [PICTURE_OUTPUT] = "output", [PICTURE_OP] = "node"};
    enum status s = buf_printf(out, "<g class=\"%s\">\n", classes[n->kind]);
    if (s == OK)
        s = n->kind == PICTURE_OP ? op_box(out, n) : port_box(out, n);
    if (s == OK && *n->result && n->kind != PICTURE_OUTPUT)
        s = text(out, "shape", n->x + 6, n->y + n->h + 15, n->result);
    return s == OK ? buf_str(out, "</g>\n") : s;
}

/* ---- panels ---- */

static double panel_width(const struct picture *pic)
{
    return MAX(pic->width + 2 * PANEL_PAD, PANEL_LEAST);
}

static enum status panel(struct buf *out, const struct picture *pic, double x, double height)
{
    double w = panel_width(pic);
    enum status s = buf_printf(out,
                               "<g class=\"graph\" transform=\"translate(%.1f,%d)\">\n"
                               "<rect class=\"panel\" width=\"%.1f\" height=\"%.1f\" rx=\"10\"/>\n",
                               x, MARGIN + HEAD, w, height);
    if (s == OK)
        s = text(out, "caption", 18, 26, pic->title);
    if (s == OK)
        s = buf_printf(out, "<g transform=\"translate(%.1f,%d)\">\n", (w - pic->width) / 2,
                       PANEL_HEAD);
    for (uint32_t i = 0; s == OK && i < pic->n_edges; i++)
        s = line(out, pic, &pic->edges[i]);
    for (uint32_t i = 0; s == OK && i < pic->n_nodes; i++)
        s = box(out, &pic->nodes[i]);
    return s == OK ? buf_str(out, "</g>\n</g>\n") : s;
}

enum status picture_svg(const char *title, const struct picture *pics, int count, struct buf *out)
{
    char clean[PICTURE_TEXT_MAX];
    double width = 2 * MARGIN - GAP, height = 0, x = MARGIN;
    picture_text(clean, title, PICTURE_TEXT_MAX);
    for (int i = 0; i < count; i++) {
        width += panel_width(&pics[i]) + GAP;
        height = MAX(height, pics[i].height + PANEL_HEAD + PANEL_PAD);
    }
    double all = height + HEAD + 2 * MARGIN;
    enum status s = buf_printf(out,
                               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" "
                               "height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n%s"
                               "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
                               width, all, width, all, style);
    if (s == OK)
        s = text(out, "head", MARGIN, MARGIN + 20, clean);
    for (int i = 0; s == OK && i < count; i++) {
        s = panel(out, &pics[i], x, height);
        x += panel_width(&pics[i]) + GAP;
    }
    return s == OK ? buf_str(out, "</svg>\n") : s;
}
