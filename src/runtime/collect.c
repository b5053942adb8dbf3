/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Slices of equal shape are put side by side. Along the first axis a slice is one run of bytes, so
 * that room for more only has to be longer; along another one it is many runs, whose distance is
 * fixed by how many slices there will be. */
#include "runtime/collect.h"

#include <string.h>

#include "base/checked.h"
#include "runtime/plan_priv.h"

enum { FIRST_ROOM = 4 }; /* slices */

/* The shape of n slices like `one` along the axis. */
static enum status shape_of(const struct collect *c, const struct tensor *one, int64_t n,
                            struct tensor *out, struct err *err)
{
    const int rank = one->rank + 1;
    const int64_t axis = c->axis < 0 ? c->axis + rank : c->axis;
    if (rank > TENSOR_RANK_MAX)
        return err_set(err, E_UNSUPPORTED, "its result would have rank %d, at most %d is supported",
                       rank, TENSOR_RANK_MAX);
    if (axis < 0 || axis >= rank)
        return err_set(err, E_BAD_INPUT, "an axis of its results is outside rank %d", rank);
    *out = (struct tensor){.dtype = one->dtype, .rank = rank};
    for (int k = 0; k < rank; k++)
        out->dims[k] = k < axis ? one->dims[k] : k == axis ? n : one->dims[k - 1];
    return OK;
}

/* A piece for n slices. */
static enum status take_room(struct stepper *s, const struct collect *c, int64_t n,
                             struct piece **piece, struct err *err)
{
    struct tensor all;
    uint64_t bytes;
    char text[TENSOR_TEXT_MAX];
    enum status st = shape_of(c, &c->one, n, &all, err);
    if (st == OK)
        st = plan_result_bytes(&all, &bytes, err);
    if (st == OK)
        st = step_heap_take(&s->heap, bytes, piece, err);
    if (st != OK)
        return err_prefix(err, "slices %s of its results", tensor_text(&c->one, text));
    if (c->zeros)
        memset(piece_data(*piece), 0, bytes);
    return OK;
}

static enum status begin(struct stepper *s, struct collect *c, const struct tensor *slice,
                         struct err *err)
{
    struct tensor all;
    const int64_t room = c->count == COLLECT_GROWS ? FIRST_ROOM : c->count;
    c->one = *slice;
    enum status st = take_room(s, c, room, &c->piece, err);
    if (st == OK)
        st = shape_of(c, slice, room, &all, err);
    if (st != OK)
        return st;
    const int axis = (int)(c->axis < 0 ? c->axis + all.rank : c->axis);
    c->outer = 1;
    c->inner = dtype_bytes(slice->dtype);
    for (int k = 0; k < slice->rank; k++)
        if (k < axis)
            c->outer *= (uint64_t)slice->dims[k];
        else
            c->inner *= (uint64_t)slice->dims[k];
    c->room = room;
    c->begun = true;
    return OK;
}

/* Twice the room, with what is there. */
static enum status grow(struct stepper *s, struct collect *c, struct err *err)
{
    struct piece *more;
    enum status st = take_room(s, c, c->room * 2, &more, err);
    if (st != OK)
        return st;
    memcpy(piece_data(more), piece_data(c->piece), (uint64_t)c->room * c->inner);
    step_heap_drop(&s->heap, c->piece);
    c->piece = more;
    c->room *= 2;
    return OK;
}

enum status collect_put(struct stepper *s, struct collect *c, int64_t at,
                        const struct tensor *slice, struct err *err)
{
    char came[TENSOR_TEXT_MAX], first[TENSOR_TEXT_MAX];
    enum status st = c->begun ? OK : begin(s, c, slice, err);
    if (st == OK && (slice->dtype != c->one.dtype || !shape_same(slice, &c->one)))
        return err_set(err, E_BAD_INPUT, "its body gives %s, and gave %s before",
                       tensor_text(slice, came), tensor_text(&c->one, first));
    if (st == OK && at >= c->room)
        st = grow(s, c, err);
    if (st != OK || !c->inner)
        return st;
    const uint8_t *from = slice->data;
    uint8_t *to = (uint8_t *)piece_data(c->piece) + (uint64_t)at * c->inner;
    for (uint64_t i = 0; i < c->outer; i++)
        memcpy(to + i * (uint64_t)c->room * c->inner, from + i * c->inner, c->inner);
    return OK;
}

enum status collect_end(struct stepper *s, struct collect *c, int64_t n,
                        const struct tensor *declared, struct tensor *out, struct piece **piece,
                        struct err *err)
{
    enum status st = OK;
    if (!c->begun) {
        if (declared->dtype == DT_NONE)
            return err_set(err, E_BAD_INPUT,
                           "it has no iterations, and the model does not say what its results are");
        c->one = *declared;
        st = take_room(s, c, n, &c->piece, err);
    }
    if (st == OK)
        st = shape_of(c, &c->one, n, out, err);
    if (st != OK)
        return st;
    if (c->begun && c->count == COLLECT_GROWS)
        step_heap_trim(&s->heap, c->piece, (uint64_t)n * c->inner);
    out->data = piece_data(c->piece);
    *piece = c->piece;
    return OK;
}
