/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A program as a picture: boxes in layers, and lines between them. Every text in it comes from a
 * model file and is a stranger's: it is cut and cleaned when the picture is made, and escaped for
 * the format when it is written. */
#ifndef ROOST_CLI_GRAPH_PICTURE_H
#define ROOST_CLI_GRAPH_PICTURE_H

#include "base/buf.h"
#include "runtime/program.h"

enum {
    PICTURE_TEXT_MAX = 96,  /* bytes of a text, with its NUL */
    PICTURE_CONSTS_MAX = 3, /* constant operands that a box names */
};

enum picture_kind { PICTURE_INPUT, PICTURE_OUTPUT, PICTURE_OP };

/* What an operator is about; decides its colour. */
enum picture_family {
    FAMILY_PORT,
    FAMILY_PRODUCT,    /* convolutions and matrix products */
    FAMILY_ACTIVATION, /* one value in, one out */
    FAMILY_NORM,
    FAMILY_POOL, /* and reductions */
    FAMILY_SHAPE,
    FAMILY_LEARNER, /* trees, linear models, support vectors, their encoders */
    FAMILY_CONTROL,
    FAMILY_OTHER,
    FAMILY_COUNT
};

struct picture_node {
    enum picture_kind kind;
    enum picture_family family;
    char title[PICTURE_TEXT_MAX];                      /* operator, or the port's name */
    char name[PICTURE_TEXT_MAX];                       /* of the node in its source; may be "" */
    char consts[PICTURE_CONSTS_MAX][PICTURE_TEXT_MAX]; /* shapes of constant operands */
    int n_consts;
    char result[PICTURE_TEXT_MAX]; /* shape of what it gives; "" when unknown */
    /* set by picture_layout */
    double x, y, w, h; /* of the box; x is its middle, y its top */
};

/* A line from one box to another. */
struct picture_edge {
    uint32_t from, to;
    uint32_t first_bend, n_bends; /* set by picture_layout: in picture.bends */
};

struct picture_point {
    double x, y;
};

/* Heap parts; freed by picture_fini. */
struct picture {
    char title[PICTURE_TEXT_MAX];
    struct picture_node *nodes; /* inputs, instructions in order, outputs */
    uint32_t n_nodes;
    struct picture_edge *edges; /* none twice; from < to */
    uint32_t n_edges;
    /* set by picture_layout */
    struct picture_point *bends;
    double width, height;
};

/* errors: E_NO_MEMORY */
enum status picture_init(struct picture *pic, const struct program *p,
                         const char *title) WARN_UNUSED;
void picture_fini(struct picture *pic);
/* Gives boxes and lines their places.  errors: E_NO_MEMORY */
enum status picture_layout(struct picture *pic) WARN_UNUSED;

/* `title` and one or two pictures beside each other.  errors: E_NO_MEMORY */
enum status picture_svg(const char *title, const struct picture *pics, int count,
                        struct buf *out) WARN_UNUSED; /* laid out */
enum status picture_dot(const char *title, const struct picture *pics, int count,
                        struct buf *out) WARN_UNUSED;

/* ---- text.c ---- */

/* A copy that is valid UTF-8 without control characters or ones that turn the direction of writing,
 * at most `most` characters; what was cut is an ellipsis. */
void picture_text(char out[PICTURE_TEXT_MAX], const char *s, int most);
int picture_chars(const char *s); /* characters of a clean text */

#endif
