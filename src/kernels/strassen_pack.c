/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The right sides of strassen.h, made of a matrix when a model is compiled. */
#include "kernels/strassen.h"

/* What each side takes of the quarters. */
static const double takes[STRASSEN_SIDES][2][2] = {
    [STRASSEN_11] = {{1, 0}, {0, 0}},     [STRASSEN_21] = {{0, 0}, {1, 0}},
    [STRASSEN_22] = {{0, 0}, {0, 1}},     [STRASSEN_FALL] = {{-1, 1}, {0, 0}},
    [STRASSEN_CROSS] = {{1, -1}, {0, 1}}, [STRASSEN_RISE] = {{0, -1}, {0, 1}},
    [STRASSEN_LESS] = {{-1, 1}, {1, -1}},
};

/* One number of a side, from all four quarters. */
static float side_at(const struct packing *p, int side, int64_t row, int64_t column)
{
    double sum = 0;
    for (int low = 0; low < 2; low++)
        for (int right = 0; right < 2; right++) {
            int64_t i = row + low * (p->k / 2), j = column + right * (p->n / 2);
            if (takes[side][low][right] != 0)
                sum += takes[side][low][right] * (double)p->b[i * p->row + j * p->column];
        }
    return (float)sum;
}

void strassen_pack(const struct packing *p, float *part)
{
    const int64_t k = p->k / 2, n = p->n / 2;
    for (int side = 0; side < STRASSEN_SIDES; side++) {
        for (int64_t i = 0; i < k; i++)
            for (int64_t j = 0; j < n; j++)
                part[i * n + j] = side_at(p, side, i, j);
        const struct packing one = {.n = n,
                                    .k = k,
                                    .b = part,
                                    .row = n,
                                    .column = 1,
                                    .scale = p->scale,
                                    .to = p->to + side * k * n};
        pack_f32(&one);
    }
}
