/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Calibration data: sets of a model's inputs, as they are handed to the compiler's process. One
 * block of bytes:
 *
 *     head | names of the sets | one record per set and input | the tensors' data, 64-byte aligned
 *
 * A writer puts it together; a reader proves all of it before it gives anything out. */
#ifndef ROOST_COMPILER_CALIBRATION_H
#define ROOST_COMPILER_CALIBRATION_H

#include "base/buf.h"
#include "tensor/tensor.h"

enum {
    CALIBRATION_SETS_MAX = 4096,
    CALIBRATION_INPUTS_MAX = 256, /* of a set */
    CALIBRATION_NAME_MAX = 63,    /* bytes of a set's name */
    CALIBRATION_MIB_MAX = 512,    /* of all data */
};

/* Embedded; a view of the bytes, which outlive it. */
struct calibration {
    const uint8_t *bytes;
    uint32_t sets, inputs; /* both at least 1 */
};

/* errors: E_CORRUPT when anything is not as above */
enum status calibration_open(struct calibration *c, const void *bytes, size_t n,
                             struct err *err) WARN_UNUSED;
/* "test_data_set_0"; terminated. */
const char *calibration_name(const struct calibration *c, uint32_t set);
/* Any dtype but strings. */
void calibration_input(const struct calibration *c, uint32_t set, uint32_t input,
                       struct tensor *out);

/* Embedded; all zero is empty. */
struct calibration_writer {
    struct buf names, records, data;
    uint32_t sets, inputs, in_set; /* in_set: inputs of the last set so far */
};

/* A set begins. Of a longer name the end is left out.
 * errors: E_BAD_INPUT when the set before it has not as many inputs as the first; E_TOO_LARGE
 * beyond the most sets; E_NO_MEMORY */
enum status calibration_set(struct calibration_writer *w, const char *name,
                            struct err *err) WARN_UNUSED;
/* Its next input; copied.  errors: E_UNSUPPORTED (strings); E_TOO_LARGE; E_NO_MEMORY */
enum status calibration_add(struct calibration_writer *w, const struct tensor *t,
                            struct err *err) WARN_UNUSED;
/* All of it into an empty buffer.  errors: E_BAD_INPUT as above; E_NO_MEMORY */
enum status calibration_finish(struct calibration_writer *w, struct buf *out,
                               struct err *err) WARN_UNUSED;
void calibration_writer_fini(struct calibration_writer *w);

#endif
