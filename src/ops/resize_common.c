/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The attributes of Resize and Upsample, and a dim's size by its scale. */
#include <math.h>
#include <string.h>

#include "ops/resize.h"

/* The number of the attribute's text among names; def when it is absent. */
static enum status read_word(const struct op_node *node, enum attr_key k, const char *def,
                             const char *const *names, int n, int *out, struct err *err)
{
    const char *s;
    size_t len;
    enum status st = attr_string(&node->attrs, k, def, &s, &len, err);
    if (st != OK)
        return st;
    for (int i = 0; i < n; i++)
        if (strlen(names[i]) == len && memcmp(names[i], s, len) == 0) {
            *out = i;
            return OK;
        }
    return err_set(err, E_UNSUPPORTED, "attribute %s is '%.*s', which is not supported",
                   attr_name(k), (int)MIN(len, 32u), s);
}

enum status resize_read(const struct op_node *node, struct resize_params *p, struct err *err)
{
    static const char *const modes[] = {"nearest", "linear", "cubic", "bilinear"};
    static const char *const places[] = {
        "half_pixel",           "pytorch_half_pixel", "align_corners",       "asymmetric",
        "tf_half_pixel_for_nn", "tf_crop_and_resize", "half_pixel_symmetric"};
    static const char *const rounds[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                         "ceil"};
    int mode, place = PLACE_ASYMMETRIC, round = ROUND_SIMPLE;
    enum status s = read_word(node, ATTR_mode, "nearest", modes, ARRAY_COUNT(modes), &mode, err);
    if (s == OK && node->version >= 11)
        s = read_word(node, ATTR_coordinate_transformation_mode, "half_pixel", places,
                      ARRAY_COUNT(places), &place, err);
    if (s == OK && node->version >= 11)
        s = read_word(node, ATTR_nearest_mode, "round_prefer_floor", rounds, ARRAY_COUNT(rounds),
                      &round, err);
    if (s == OK)
        s = attr_float(&node->attrs, ATTR_cubic_coeff_a, -0.75f, &p->cubic, err);
    if (s == OK)
        s = attr_float(&node->attrs, ATTR_extrapolation_value, 0, &p->extrapolation, err);
    if (s == OK)
        s = op_flag(node, ATTR_exclude_outside, 0, &p->exclude_outside, err);
    if (s != OK)
        return s;
    p->mode = mode == 3 ? RESIZE_LINEAR : (enum resize_mode)mode; /* Upsample-1's word */
    p->place = (enum resize_place)place;
    p->round = (enum resize_round)round;
    return OK;
}

enum status resize_scale(const char *op, int64_t in, float scale, struct resize_dim *d,
                         struct err *err)
{
    double out = floor((double)in * (d->end - d->start) * (double)scale);
    if (!(scale > 0) || !isfinite(scale) || !(out >= 0) || out > (double)OP_EXTENT_MAX ||
        in > OP_EXTENT_MAX)
        return err_set(err, E_BAD_INPUT,
                       "%s: scale %g does not take a dim of %lld to 0 to 2147483647", op,
                       (double)scale, (long long)in);
    d->in = in;
    d->out = (int64_t)out;
    d->scale = (double)scale;
    return OK;
}
