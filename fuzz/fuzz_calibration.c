/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Calibration data of any bytes: what is opened can be read to its last byte. */
#include "compiler/calibration.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_all(const struct tensor *t)
{
    uint64_t bytes;
    volatile uint8_t sum = 0;
    bool sized = tensor_bytes(t, &bytes);
    ASSERT(sized);
    for (uint64_t i = 0; i < bytes; i++)
        sum = (uint8_t)(sum + ((const uint8_t *)t->data)[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct calibration c;
    struct tensor t;
    if (calibration_open(&c, data, n, NULL) != OK)
        return 0;
    for (uint32_t s = 0; s < c.sets; s++)
        for (uint32_t i = 0; i < c.inputs; i++) {
            calibration_input(&c, s, i, &t);
            read_all(&t);
        }
    return 0;
}
