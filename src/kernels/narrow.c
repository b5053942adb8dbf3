/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "kernels/narrow_priv.h"

bool narrow_scratch(const struct narrow *c, uint64_t *bytes)
{
    UNUSED(c);
    *bytes = 0;
    return true;
}

int64_t narrow_phases(const struct narrow *c)
{
    UNUSED(c);
    return 1;
}

int64_t narrow_items(const struct narrow *c, int64_t phase)
{
    UNUSED(c);
    UNUSED(phase);
    return 1;
}

void narrow_part(const struct narrow *c, int64_t phase, int64_t from, int64_t to)
{
    UNUSED(phase);
    if (from < to)
        narrow_run_ref(c);
}

void narrow_run(const struct narrow *c)
{
    int64_t phases = narrow_phases(c);
    for (int64_t phase = 0; phase < phases; phase++)
        narrow_part(c, phase, 0, narrow_items(c, phase));
}

void narrow_scale_run(const struct narrow_scale *s)
{
    narrow_scale_run_ref(s);
}
