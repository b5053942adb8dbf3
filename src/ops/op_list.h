/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* All operators. The numbers stand in artifacts: a number is never changed and never given to
 * another operator. Below 500: ai.onnx; 500-599: ai.onnx.ml; from 600: our own (domain roost).
 * To add one: a file ending in `const struct op op_<symbol>`, and one line here. */
#ifndef ROOST_OPS_OP_LIST_H
#define ROOST_OPS_OP_LIST_H

#include "ops/op.h"

/* symbol, number */
#define OP_LIST(X)                                                                                 \
    X(identity, 1)                                                                                 \
    X(relu, 2)                                                                                     \
    X(add, 3)                                                                                      \
    X(gemm, 4)                                                                                     \
    X(matmul, 5)                                                                                   \
    X(softmax, 6)                                                                                  \
    X(conv, 7)                                                                                     \
    X(reshape, 8)                                                                                  \
    X(flatten, 9)                                                                                  \
    X(neg, 10)                                                                                     \
    X(abs, 11)                                                                                     \
    X(sqrt, 12)                                                                                    \
    X(reciprocal, 13)                                                                              \
    X(floor, 14)                                                                                   \
    X(ceil, 15)                                                                                    \
    X(round, 16)                                                                                   \
    X(sign, 17)                                                                                    \
    X(exp, 18)                                                                                     \
    X(log, 19)                                                                                     \
    X(sin, 20)                                                                                     \
    X(cos, 21)                                                                                     \
    X(tanh, 22)                                                                                    \
    X(erf, 23)                                                                                     \
    X(sigmoid, 24)                                                                                 \
    X(softplus, 25)                                                                                \
    X(not, 26)                                                                                     \
    X(sub, 27)                                                                                     \
    X(mul, 28)                                                                                     \
    X(div, 29)                                                                                     \
    X(equal, 30)                                                                                   \
    X(less, 31)                                                                                    \
    X(greater, 32)                                                                                 \
    X(and, 33)                                                                                     \
    X(or, 34)                                                                                      \
    X(xor, 35)                                                                                     \
    X(less_or_equal, 36)                                                                           \
    X(greater_or_equal, 37)                                                                        \
    X(clip, 38)                                                                                    \
    X(dropout, 39)                                                                                 \
    X(max_pool, 40)                                                                                \
    X(average_pool, 41)                                                                            \
    X(global_average_pool, 42)                                                                     \
    X(global_max_pool, 43)                                                                         \
    X(batch_normalization, 44)                                                                     \
    X(lrn, 45)                                                                                     \
    X(transpose, 46)                                                                               \
    X(concat, 47)                                                                                  \
    X(split, 48)                                                                                   \
    X(slice, 49)                                                                                   \
    X(gather, 50)                                                                                  \
    X(squeeze, 51)                                                                                 \
    X(unsqueeze, 52)                                                                               \
    X(shape, 53)                                                                                   \
    X(size, 54)                                                                                    \
    X(pad, 55)                                                                                     \
    X(constant_of_shape, 56)                                                                       \
    X(expand, 57)                                                                                  \
    X(tile, 58)                                                                                    \
    X(where, 59)                                                                                   \
    X(cast, 60)                                                                                    \
    X(range, 61)                                                                                   \
    X(reduce_sum, 62)                                                                              \
    X(reduce_mean, 63)                                                                             \
    X(reduce_max, 64)                                                                              \
    X(reduce_min, 65)                                                                              \
    X(reduce_prod, 66)                                                                             \
    X(reduce_l1, 67)                                                                               \
    X(reduce_l2, 68)                                                                               \
    X(reduce_sum_square, 69)                                                                       \
    X(reduce_log_sum, 70)                                                                          \
    X(arg_max, 71)                                                                                 \
    X(arg_min, 72)                                                                                 \
    X(sum, 73)                                                                                     \
    X(mean, 74)                                                                                    \
    X(max, 75)                                                                                     \
    X(min, 76)                                                                                     \
    X(leaky_relu, 77)                                                                              \
    X(elu, 78)                                                                                     \
    X(selu, 79)                                                                                    \
    X(hard_sigmoid, 80)                                                                            \
    X(hard_swish, 81)                                                                              \
    X(log_softmax, 82)                                                                             \
    X(prelu, 83)                                                                                   \
    X(pow, 84)                                                                                     \
    X(tan, 120)                                                                                    \
    X(asin, 121)                                                                                   \
    X(acos, 122)                                                                                   \
    X(atan, 123)                                                                                   \
    X(sinh, 124)                                                                                   \
    X(cosh, 125)                                                                                   \
    X(asinh, 126)                                                                                  \
    X(acosh, 127)                                                                                  \
    X(atanh, 128)                                                                                  \
    X(softsign, 129)                                                                               \
    X(mish, 130)                                                                                   \
    X(gelu, 131)                                                                                   \
    X(celu, 132)                                                                                   \
    X(thresholded_relu, 133)                                                                       \
    X(shrink, 134)                                                                                 \
    X(is_nan, 135)                                                                                 \
    X(is_inf, 136)                                                                                 \
    X(mod, 137)                                                                                    \
    X(bit_shift, 138)                                                                              \
    X(trilu, 139)                                                                                  \
    X(eye_like, 140)                                                                               \
    X(cumsum, 141)                                                                                 \
    X(hardmax, 142)                                                                                \
    X(cast_like, 143)                                                                              \
    X(reduce_log_sum_exp, 144)                                                                     \
    X(det, 145)                                                                                    \
    X(layer_normalization, 146)                                                                    \
    X(instance_normalization, 147)                                                                 \
    X(group_normalization, 148)                                                                    \
    X(mean_variance_normalization, 149)                                                            \
    X(lp_normalization, 150)                                                                       \
    X(negative_log_likelihood_loss, 151)                                                           \
    X(softmax_cross_entropy_loss, 152)                                                             \
    X(string_normalizer, 155)                                                                      \
    X(if, 153)                                                                                     \
    X(loop, 154)                                                                                   \
    X(scan, 119)                                                                                   \
    X(tf_idf_vectorizer, 156)                                                                      \
    X(quantize_linear, 160)                                                                        \
    X(dequantize_linear, 161)                                                                      \
    X(dynamic_quantize_linear, 162)                                                                \
    X(qlinear_conv, 163)                                                                           \
    X(qlinear_matmul, 164)                                                                         \
    X(conv_integer, 165)                                                                           \
    X(matmul_integer, 166)                                                                         \
    X(top_k, 170)                                                                                  \
    X(einsum, 171)                                                                                 \
    X(non_zero, 172)                                                                               \
    X(compress, 173)                                                                               \
    X(unique, 174)                                                                                 \
    X(non_max_suppression, 175)                                                                    \
    X(grid_sample, 176)                                                                            \
    X(roi_align, 177)                                                                              \
    X(max_unpool, 178)                                                                             \
    X(lp_pool, 179)                                                                                \
    X(global_lp_pool, 180)                                                                         \
    X(hann_window, 181)                                                                            \
    X(hamming_window, 182)                                                                         \
    X(blackman_window, 183)                                                                        \
    X(dft, 184)                                                                                    \
    X(stft, 185)                                                                                   \
    X(mel_weight_matrix, 186)                                                                      \
    X(bitwise_and, 187)                                                                            \
    X(bitwise_or, 188)                                                                             \
    X(bitwise_xor, 189)                                                                            \
    X(bitwise_not, 190)                                                                            \
    X(col2im, 191)                                                                                 \
    X(center_crop_pad, 192)                                                                        \
    X(one_hot, 200)                                                                                \
    X(gather_elements, 201)                                                                        \
    X(gather_nd, 202)                                                                              \
    X(scatter, 203)                                                                                \
    X(scatter_elements, 204)                                                                       \
    X(scatter_nd, 205)                                                                             \
    X(depth_to_space, 206)                                                                         \
    X(space_to_depth, 207)                                                                         \
    X(reverse_sequence, 208)                                                                       \
    X(lstm, 209)                                                                                   \
    X(gru, 210)                                                                                    \
    X(rnn, 211)                                                                                    \
    X(conv_transpose, 212)                                                                         \
    X(resize, 213)                                                                                 \
    X(upsample, 214)                                                                               \
    X(array_feature_extractor, 500)                                                                \
    X(binarizer, 501)                                                                              \
    X(feature_vectorizer, 502)                                                                     \
    X(imputer, 503)                                                                                \
    X(label_encoder, 504)                                                                          \
    X(linear_classifier, 505)                                                                      \
    X(linear_regressor, 506)                                                                       \
    X(normalizer, 507)                                                                             \
    X(one_hot_encoder, 508)                                                                        \
    X(scaler, 509)                                                                                 \
    X(svm_classifier, 510)                                                                         \
    X(svm_regressor, 511)                                                                          \
    X(zip_map, 512)                                                                                \
    X(tree_ensemble_classifier, 513)                                                               \
    X(tree_ensemble_regressor, 514)                                                                \
    X(category_mapper, 515)                                                                        \
    X(fused_conv, 600)                                                                             \
    X(fused_gemm, 601)                                                                             \
    X(tree_ensemble, 602)                                                                          \
    X(attention, 603)                                                                              \
    X(linear, 604)                                                                                 \
    X(silu, 605)                                                                                   \
    X(scale_shift, 606)                                                                            \
    X(packed_gemm, 607)                                                                            \
    X(linear_boost, 620)                                                                           \
    X(block_conv, 640)                                                                             \
    X(block_pack, 641)                                                                             \
    X(block_unpack, 642)                                                                           \
    X(block_max_pool, 643)                                                                         \
    X(block_average_pool, 644)                                                                     \
    X(block_scale, 645)                                                                            \
    X(narrow_conv, 650)                                                                            \
    X(narrow_gemm, 651)                                                                            \
    X(narrow_scale, 652)

enum {
    OP_CODE_MAX = 699,
#define X(symbol, number) OP_CODE_##symbol = number,
    OP_LIST(X)
#undef X
};

#define X(symbol, number) extern const struct op op_##symbol;
OP_LIST(X)
#undef X

#endif
