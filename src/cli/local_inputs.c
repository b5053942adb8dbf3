/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Inputs for bench: the artifact's self-test sample where there is one, because made-up numbers may
 * be no legal indices; else small seeded numbers, the same in every run. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/local.h"

/* The shape of a port for a batch: its first dim when free, every other free dim as the sample has
 * it, or 1. */
static enum status shape_for(const struct port *port, const struct tensor *sample, int64_t batch,
                             struct tensor *t, struct err *err)
{
    tensor_set_shape(t, port->dtype, port->rank, port->dims);
    for (int d = 0; d < t->rank; d++) {
        if (t->dims[d] >= 0)
            continue;
        t->dims[d] = d == 0 ? batch : sample ? sample->dims[d] : 1;
    }
    if (batch != 1 && (t->rank == 0 || t->dims[0] != batch))
        return err_set(err, E_USAGE, "input '%.60s' has a fixed shape: leave --batch out",
                       port->name);
    return OK;
}

static void fill_from_sample(struct tensor *t, uint64_t bytes, const struct tensor *sample)
{
    uint64_t have = 0;
    bool known = tensor_bytes(sample, &have);
    ASSERT(known);
    for (uint64_t at = 0; have && at < bytes; at += have)
        memcpy((uint8_t *)t->data + at, sample->data, MIN(have, bytes - at));
}

/* Floats in [0, 1); zeros for all else, which are legal as indices and as booleans. */
static void fill_seeded(struct tensor *t, uint64_t bytes, uint64_t seed)
{
    memset(t->data, 0, bytes);
    if (t->dtype != DT_F32 && t->dtype != DT_F64)
        return;
    uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (int64_t i = 0; i < tensor_count(t); i++) {
        x ^= x << 13; /* Marsaglia, "Xorshift RNGs", 2003 */
        x ^= x >> 7;
        x ^= x << 17;
        if (t->dtype == DT_F32)
            ((float *)t->data)[i] = (float)(x >> 40) * 0x1p-24f;
        else
            ((double *)t->data)[i] = (double)(x >> 11) * 0x1p-53;
    }
}

static enum status make_one(const struct port *port, const struct tensor *sample, int64_t batch,
                            uint64_t seed, struct tensor *t, struct err *err)
{
    uint64_t bytes;
    enum status s = shape_for(port, sample, batch, t, err);
    if (s != OK)
        return s;
    if (!tensor_bytes(t, &bytes) || bytes > SIZE_MAX - 64)
        return err_set(err, E_TOO_LARGE, "input '%.60s' is too large", port->name);
    t->data = alloc_aligned(64, bytes ? bytes : 1);
    if (!t->data)
        return err_set(err, E_NO_MEMORY, "input '%.60s': out of memory", port->name);
    if (sample)
        fill_from_sample(t, bytes, sample);
    else
        fill_seeded(t, bytes, seed);
    return OK;
}

enum status local_inputs_make(struct local_inputs *in, const struct program *p, int64_t batch,
                              struct err *err)
{
    const struct signature *sig = program_signature(p);
    const struct tensor *sample = NULL, *ignored;
    enum status s = OK;
    if (!program_sample(p, &sample, &ignored))
        sample = NULL;
    *in = (struct local_inputs){alloc_zero((size_t)MAX(sig->n_inputs, 1), sizeof(struct tensor)),
                                sig->n_inputs};
    if (!in->tensors)
        return err_set(err, E_NO_MEMORY, "out of memory");
    for (int i = 0; s == OK && i < sig->n_inputs; i++)
        s = make_one(&sig->inputs[i], sample ? &sample[i] : NULL, batch, (uint64_t)i + 1,
                     &in->tensors[i], err);
    if (s != OK)
        local_inputs_free(in);
    return s;
}

void local_inputs_free(struct local_inputs *in)
{
    for (int i = 0; in->tensors && i < in->count; i++)
        alloc_free(in->tensors[i].data);
    alloc_free(in->tensors);
    *in = (struct local_inputs){NULL, 0};
}
