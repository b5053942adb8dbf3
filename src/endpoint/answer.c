/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a failure says to who asked: the caller's own faults and the limits word for word; faults of
 * a model, of the store and of ours by their class only. */
#include "endpoint/endpoint_priv.h"

/* status, Retry-After in seconds, are the details the operator's? */
static const struct {
    enum status status;
    uint32_t retry_after_s;
    bool conceal;
} answers[] = {
    {E_QUEUE_FULL, 1, false}, {E_RATE, 1, false},     {E_NO_ROOM, 1, false},   {E_THRASH, 1, false},
    {E_NO_MEMORY, 1, false},  {E_DRAINING, 1, false}, {E_CANCELLED, 1, false}, {E_STORE, 5, true},
    {E_CHANGED, 1, true},     {E_CORRUPT, 0, true}, /* the back-off, which the cache knows */
    {E_UNSUPPORTED, 0, true}, {E_IO, 0, true},        {E_INTERNAL, 0, true},
};

uint32_t answer_retry_after_s(enum status s, uint32_t backoff_s)
{
    for (size_t i = 0; i < ARRAY_COUNT(answers); i++) {
        if (answers[i].status == s)
            return MAX(answers[i].retry_after_s, backoff_s);
    }
    return 0;
}

void answer_conceal(struct err *err, const char *model, const char *what)
{
    for (size_t i = 0; i < ARRAY_COUNT(answers); i++) {
        if (answers[i].status == err->code && answers[i].conceal)
            err_set(err, err->code, "model '%.160s' cannot be %s: %s", model, what,
                    status_text(err->code));
    }
}
