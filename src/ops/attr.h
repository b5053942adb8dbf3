/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Attributes of an instruction, by numbered key. The numbers stand in artifacts: append only. */
#ifndef ROOST_OPS_ATTR_H
#define ROOST_OPS_ATTR_H

#include "base/status.h"

/* name (as ONNX spells it), number */
#define ATTR_TABLE(X)                                                                              \
    X(allowzero, 1)                                                                                \
    X(alpha, 2)                                                                                    \
    X(auto_pad, 3)                                                                                 \
    X(axes, 4)                                                                                     \
    X(axis, 5)                                                                                     \
    X(beta, 6)                                                                                     \
    X(bias, 7)                                                                                     \
    X(broadcast, 8)                                                                                \
    X(ceil_mode, 9)                                                                                \
    X(consumed_inputs, 10)                                                                         \
    X(coordinate_transformation_mode, 11)                                                          \
    X(count_include_pad, 12)                                                                       \
    X(cubic_coeff_a, 13)                                                                           \
    X(dilations, 14)                                                                               \
    X(end, 15)                                                                                     \
    X(ends, 16)                                                                                    \
    X(epsilon, 17)                                                                                 \
    X(exclude_outside, 18)                                                                         \
    X(extrapolation_value, 19)                                                                     \
    X(group, 20)                                                                                   \
    X(is_test, 21)                                                                                 \
    X(keepdims, 22)                                                                                \
    X(kernel_shape, 23)                                                                            \
    X(max, 24)                                                                                     \
    X(min, 25)                                                                                     \
    X(mode, 26)                                                                                    \
    X(momentum, 27)                                                                                \
    X(nearest_mode, 28)                                                                            \
    X(noop_with_empty_axes, 29)                                                                    \
    X(num_outputs, 30)                                                                             \
    X(output_padding, 31)                                                                          \
    X(output_shape, 32)                                                                            \
    X(pads, 33)                                                                                    \
    X(perm, 34)                                                                                    \
    X(ratio, 35)                                                                                   \
    X(scales, 36)                                                                                  \
    X(select_last_index, 37)                                                                       \
    X(shape, 38)                                                                                   \
    X(size, 39)                                                                                    \
    X(spatial, 40)                                                                                 \
    X(split, 41)                                                                                   \
    X(start, 42)                                                                                   \
    X(starts, 43)                                                                                  \
    X(storage_order, 44)                                                                           \
    X(strides, 45)                                                                                 \
    X(to, 46)                                                                                      \
    X(training_mode, 47)                                                                           \
    X(transA, 48)                                                                                  \
    X(transB, 49)                                                                                  \
    X(value, 50)                                                                                   \
    X(fmod, 51)                                                                                    \
    X(gamma, 52)                                                                                   \
    X(stash_type, 53)                                                                              \
    X(approximate, 54)                                                                             \
    X(saturate, 55)                                                                                \
    X(seed, 56)                                                                                    \
    X(activation, 57) /* ours: enum activation of a fused instruction */                           \
    X(act_low, 58)    /* ours: lower bound of ACT_CLIP, slope of ACT_LEAKY_RELU */                 \
    X(act_high, 59)   /* ours: upper bound of ACT_CLIP */                                          \
    X(n_features, 60) /* ours: columns of a tree ensemble */                                       \
    X(n_groups, 61)   /* ours: margins per row of a tree ensemble */                               \
    X(transform, 62)  /* ours: what turns margins into outputs */                                  \
    X(direction, 70)                                                                               \
    X(lambd, 71)                                                                                   \
    X(k, 72)                                                                                       \
    X(upper, 73)                                                                                   \
    X(exclusive, 74)                                                                               \
    X(reverse, 75)                                                                                 \
    X(detect_negative, 76)                                                                         \
    X(detect_positive, 77)                                                                         \
    X(ignore_index, 78)                                                                            \
    X(p, 79)                                                                                       \
    X(num_groups, 80)                                                                              \
    X(dtype, 81)                                                                                   \
    X(activations, 90)                                                                             \
    X(activation_alpha, 91)                                                                        \
    X(activation_beta, 92)                                                                         \
    X(clip, 93)                                                                                    \
    X(hidden_size, 95)                                                                             \
    X(input_forget, 96)                                                                            \
    X(layout, 97)                                                                                  \
    X(linear_before_reset, 98)                                                                     \
    X(output_sequence, 99)                                                                         \
    X(blocksize, 100)                                                                              \
    X(batch_dims, 105)                                                                             \
    X(reduction, 106)                                                                              \
    X(batch_axis, 107)                                                                             \
    X(time_axis, 108)                                                                              \
    X(antialias, 113)                                                                              \
    X(keep_aspect_ratio_policy, 114)                                                               \
    X(post_transform, 120)                                                                         \
    X(offset, 121)                                                                                 \
    X(scale, 122)                                                                                  \
    X(imputed_value_floats, 123)                                                                   \
    X(imputed_value_int64s, 124)                                                                   \
    X(replaced_value_float, 125)                                                                   \
    X(replaced_value_int64, 126)                                                                   \
    X(norm, 127)                                                                                   \
    X(threshold, 128)                                                                              \
    X(inputdimensions, 129)                                                                        \
    X(cats_int64s, 130)                                                                            \
    X(zeros, 131)                                                                                  \
    X(keys_int64s, 132)                                                                            \
    X(keys_floats, 133)                                                                            \
    X(keys_tensor, 134)                                                                            \
    X(values_int64s, 135)                                                                          \
    X(values_floats, 136)                                                                          \
    X(values_tensor, 137)                                                                          \
    X(default_int64, 138)                                                                          \
    X(default_float, 139)                                                                          \
    X(default_tensor, 140)                                                                         \
    X(default_string, 141)                                                                         \
    X(coefficients, 142)                                                                           \
    X(intercepts, 143)                                                                             \
    X(targets, 144)                                                                                \
    X(classlabels_ints, 145)                                                                       \
    X(multi_class, 146)                                                                            \
    X(kernel_type, 147)                                                                            \
    X(kernel_params, 148)                                                                          \
    X(n_supports, 149)                                                                             \
    X(one_class, 150)                                                                              \
    X(support_vectors, 151)                                                                        \
    X(vectors_per_class, 152)                                                                      \
    X(rho, 153)                                                                                    \
    X(prob_a, 154)                                                                                 \
    X(prob_b, 155)                                                                                 \
    X(classlabels_int64s, 156)                                                                     \
    X(aggregate_function, 157)                                                                     \
    X(n_targets, 158)                                                                              \
    X(base_values, 159)                                                                            \
    X(nodes_treeids, 160)                                                                          \
    X(nodes_nodeids, 161)                                                                          \
    X(nodes_featureids, 162)                                                                       \
    X(nodes_values, 163)                                                                           \
    X(nodes_hitrates, 164)                                                                         \
    X(nodes_modes, 165)                                                                            \
    X(nodes_truenodeids, 166)                                                                      \
    X(nodes_falsenodeids, 167)                                                                     \
    X(nodes_missing_value_tracks_true, 168)                                                        \
    X(class_treeids, 169)                                                                          \
    X(class_nodeids, 170)                                                                          \
    X(class_ids, 171)                                                                              \
    X(class_weights, 172)                                                                          \
    X(target_treeids, 173)                                                                         \
    X(target_nodeids, 174)                                                                         \
    X(target_ids, 175)                                                                             \
    X(target_weights, 176)                                                                         \
    X(second_class, 177) /* ours: enum ml_second of a tree ensemble */                             \
    X(forms, 180)        /* ours: how the operands of a fused Attention lie */                     \
    X(height_scale, 190)                                                                           \
    X(width_scale, 191)                                                                            \
    X(equation, 300)                                                                               \
    X(largest, 301)                                                                                \
    X(sorted, 302)                                                                                 \
    X(align_corners, 303)                                                                          \
    X(padding_mode, 304)                                                                           \
    X(output_height, 305)                                                                          \
    X(output_width, 306)                                                                           \
    X(sampling_ratio, 307)                                                                         \
    X(spatial_scale, 308)                                                                          \
    X(periodic, 309)                                                                               \
    X(output_datatype, 310)                                                                        \
    X(inverse, 311)                                                                                \
    X(onesided, 312)                                                                               \
    X(center_point_box, 313)                                                                       \
    X(cats_strings, 330)                                                                           \
    X(keys_strings, 331)                                                                           \
    X(values_strings, 332)                                                                         \
    X(classes_strings, 333)                                                                        \
    X(classlabels_strings, 334)                                                                    \
    X(stopwords, 335)                                                                              \
    X(case_change_action, 336)                                                                     \
    X(is_case_sensitive, 337)                                                                      \
    X(locale, 338)                                                                                 \
    X(max_gram_length, 339)                                                                        \
    X(max_skip_count, 340)                                                                         \
    X(min_gram_length, 341)                                                                        \
    X(ngram_counts, 342)                                                                           \
    X(ngram_indexes, 343)                                                                          \
    X(pool_int64s, 344)                                                                            \
    X(pool_strings, 345)                                                                           \
    X(weights, 346)                                                                                \
    X(then_branch, 400) /* the number of a block, as body and else_branch are */                   \
    X(else_branch, 401)                                                                            \
    X(body, 402)                                                                                   \
    X(n_captures, 403) /* ours: operands that a body reads as they are */                          \
    X(num_scan_inputs, 404)                                                                        \
    X(scan_input_axes, 405)                                                                        \
    X(scan_output_axes, 406)                                                                       \
    X(scan_input_directions, 407)                                                                  \
    X(scan_output_directions, 408)                                                                 \
    X(directions, 409)                                                                             \
    X(scan_types, 410) /* ours: what slices are, in a loop without iterations */                   \
    X(block_form, 420) /* ours: enum block_form of a blocked convolution */                        \
    X(channels, 421)   /* ours: channels of a blocked tensor that is unpacked */                   \
    X(columns, 430)    /* ours: columns of a packed product */                                     \
    X(x_scale, 440)    /* ours: of low precision: what bytes of an operand or the result mean */   \
    X(x_zero, 441)                                                                                 \
    X(y_scale, 442)                                                                                \
    X(y_zero, 443)                                                                                 \
    X(z_scale, 444)                                                                                \
    X(z_zero, 445)                                                                                 \
    X(y_type, 446) /* ours: the result's dtype, as tensors' are numbered */

enum attr_key {
    ATTR_NONE = 0,
#define X(name, number) ATTR_##name = number,
    ATTR_TABLE(X)
#undef X
};

enum attr_type { ATTR_INT = 1, ATTR_FLOAT = 2, ATTR_STRING = 3, ATTR_INTS = 4, ATTR_FLOATS = 5 };

/* A view; what it points to is borrowed. */
struct attr {
    enum attr_key key;
    enum attr_type type;
    uint32_t count; /* elements of ints/floats, bytes of str; 1 for ATTR_INT and ATTR_FLOAT */
    int64_t i;
    float f;
    const int64_t *ints;
    const float *floats;
    const char *str; /* not terminated */
};

enum attr_key attr_key_of(const char *name, size_t len); /* ATTR_NONE when unknown */
const char *attr_name(enum attr_key key);                /* "?" when unknown */

/* The attributes of one node, as an operator's prepare sees them. */
struct attr_list {
    const struct attr *attrs;
    uint32_t count;
};

/* Each gives the default when the key is absent; E_CORRUPT when it has another type, or more than
 * max elements (attr_ints; *n elements are stored, absent gives *n = 0 and leaves out alone). */
enum status attr_int(const struct attr_list *l, enum attr_key k, int64_t def, int64_t *out,
                     struct err *err) WARN_UNUSED;
enum status attr_float(const struct attr_list *l, enum attr_key k, float def, float *out,
                       struct err *err) WARN_UNUSED;
enum status attr_ints(const struct attr_list *l, enum attr_key k, int64_t *out, int max, int *n,
                      struct err *err) WARN_UNUSED;
/* The text, or def. *len is 0 and *s is "" only for an empty string. */
enum status attr_string(const struct attr_list *l, enum attr_key k, const char *def, const char **s,
                        size_t *len, struct err *err) WARN_UNUSED;
const struct attr *attr_find(const struct attr_list *l, enum attr_key k); /* NULL when absent */

#endif
