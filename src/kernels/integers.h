/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Elementwise kernels of integers that networks seldom compute with. Each is one plain loop: it
 * is its own specification, and the compiler does with it what it can. Signatures and aliasing are
 * those of elementwise.h.
 *
 * Arithmetic wraps. A divisor of 0 gives 0 (the caller refuses it before). mod has the sign of the
 * divisor, as Python's %; rem that of the dividend, as C's. A shift by the width or more gives 0.
 */
#ifndef ROOST_KERNELS_INTEGERS_H
#define ROOST_KERNELS_INTEGERS_H

#include "kernels/elementwise.h"

/* name, element, in C: of one element x */
#define INTEGER_UNARY(X)                                                                           \
    INTEGER_UNARY_SIGNED(X, i8, int8_t)                                                            \
    INTEGER_UNARY_SIGNED(X, i16, int16_t)                                                          \
    INTEGER_UNARY_UNSIGNED(X, u8, uint8_t)                                                         \
    INTEGER_UNARY_UNSIGNED(X, u16, uint16_t)                                                       \
    INTEGER_UNARY_UNSIGNED(X, u32, uint32_t)                                                       \
    INTEGER_UNARY_UNSIGNED(X, u64, uint64_t)                                                       \
    X(relu_i32, int32_t, x < 0 ? 0 : x)                                                            \
    X(relu_i64, int64_t, x < 0 ? 0 : x)                                                            \
    X(bits_not_u8, uint8_t, ~x)                                                                    \
    X(bits_not_u16, uint16_t, ~x)                                                                  \
    X(bits_not_u32, uint32_t, ~x)                                                                  \
    X(bits_not_u64, uint64_t, ~x)
#define INTEGER_UNARY_SIGNED(X, s, type)                                                           \
    X(neg_##s, type, 0 - x)                                                                        \
    X(abs_##s, type, x < 0 ? 0 - x : x)                                                            \
    X(sign_##s, type, (x > 0) - (x < 0))                                                           \
    X(relu_##s, type, x < 0 ? 0 : x)
#define INTEGER_UNARY_UNSIGNED(X, s, type)                                                         \
    X(abs_##s, type, x)                                                                            \
    X(sign_##s, type, x > 0)

/* name, operands' element, result's element, in C: of elements a and b */
#define INTEGER_BINARY(X)                                                                          \
    INTEGER_BINARY_ANY(X, i8, int8_t)                                                              \
    INTEGER_BINARY_ANY(X, i16, int16_t)                                                            \
    INTEGER_BINARY_ANY(X, u8, uint8_t)                                                             \
    INTEGER_BINARY_ANY(X, u16, uint16_t)                                                           \
    INTEGER_BINARY_ANY(X, u32, uint32_t)                                                           \
    INTEGER_BINARY_ANY(X, u64, uint64_t)                                                           \
    INTEGER_MOD_SIGNED(X, i8, int8_t)                                                              \
    INTEGER_MOD_SIGNED(X, i16, int16_t)                                                            \
    INTEGER_MOD_SIGNED(X, i32, int32_t)                                                            \
    INTEGER_MOD_SIGNED(X, i64, int64_t)                                                            \
    INTEGER_BINARY_UNSIGNED(X, u8, uint8_t, 8)                                                     \
    INTEGER_BINARY_UNSIGNED(X, u16, uint16_t, 16)                                                  \
    INTEGER_BINARY_UNSIGNED(X, u32, uint32_t, 32)                                                  \
    INTEGER_BINARY_UNSIGNED(X, u64, uint64_t, 64)                                                  \
    INTEGER_BITS(X, u8, uint8_t)                                                                   \
    INTEGER_BITS(X, u16, uint16_t)                                                                 \
    INTEGER_BITS(X, u32, uint32_t)                                                                 \
    INTEGER_BITS(X, u64, uint64_t)                                                                 \
    X(div_i32, int32_t, int32_t, b == 0 ? 0 : b == -1 ? (int32_t)(0 - (uint32_t)a) : a / b)        \
    X(div_i64, int64_t, int64_t, b == 0 ? 0 : b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b)        \
    X(prelu_i32, int32_t, int32_t, a < 0 ? (int32_t)((uint32_t)a * (uint32_t)b) : a)               \
    X(prelu_i64, int64_t, int64_t, a < 0 ? (int64_t)((uint64_t)a * (uint64_t)b) : a)
#define INTEGER_BINARY_ANY(X, s, type)                                                             \
    X(add_##s, type, type, (uint64_t)a + (uint64_t)b)                                              \
    X(sub_##s, type, type, (uint64_t)a - (uint64_t)b)                                              \
    X(mul_##s, type, type, (uint64_t)a *(uint64_t)b)                                               \
    X(div_##s, type, type, b == 0 ? 0 : a / b)                                                     \
    X(min_##s, type, type, a < b ? a : b)                                                          \
    X(max_##s, type, type, a > b ? a : b)                                                          \
    X(equal_##s, type, uint8_t, a == b)                                                            \
    X(less_##s, type, uint8_t, a < b)                                                              \
    X(less_equal_##s, type, uint8_t, a <= b)                                                       \
    X(greater_##s, type, uint8_t, a > b)                                                           \
    X(greater_equal_##s, type, uint8_t, a >= b)
#define INTEGER_MOD_SIGNED(X, s, type)                                                             \
    X(rem_##s, type, type, b == 0 || b == -1 ? 0 : a % b)                                          \
    X(mod_##s, type, type,                                                                         \
      b == 0 || b == -1                  ? 0                                                       \
      : a % b != 0 && (a < 0) != (b < 0) ? a % b + b                                               \
                                         : a % b)
#define INTEGER_BINARY_UNSIGNED(X, s, type, bits)                                                  \
    X(mod_##s, type, type, b == 0 ? 0 : a % b)                                                     \
    X(shift_left_##s, type, type, b >= bits ? 0 : (uint64_t)a << b)                                \
    X(shift_right_##s, type, type, b >= bits ? 0 : a >> b)
#define INTEGER_BITS(X, s, type) /* of signed integers too */                                      \
    X(bits_and_##s, type, type, a &b)                                                              \
    X(bits_or_##s, type, type, a | b)                                                              \
    X(bits_xor_##s, type, type, a ^ b)

#define X(name, type, value) unary_fn name;
INTEGER_UNARY(X)
#undef X
#define X(name, type, result, value) binary_fn name;
INTEGER_BINARY(X)
#undef X

#endif
