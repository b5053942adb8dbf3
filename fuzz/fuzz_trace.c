/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The trace's reader on any bytes, in both forms; what is accepted is replayed under auto in little
 * memory, and under the bound. */
#include <stdlib.h>

#include "replay/replay.h"

enum { MEMORY = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void replay(const uint8_t *data, size_t n, const struct policy_ops *policy)
{
    FILE *f = fmemopen((void *)(uintptr_t)data, n, "r");
    struct replay_options o = {policy, MEMORY, 1000000, REPLAY_SRPT, 1};
    struct replay_result r;
    struct trace *t;
    struct err err = {0};
    if (!f)
        abort();
    enum status s = trace_open_stream(f, "fuzz", &t, &err);
    if (s == OK) {
        s = replay_run(t, &o, &r, &err);
        trace_free(&t);
    }
    if (s != OK && !err.msg[0])
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!n)
        return 0;
    replay(data, n, &policy_auto);
    replay(data, n, NULL);
    return 0;
}
