/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* JSON documents written piece by piece, with one place for what fails. */
#ifndef ROOST_ENDPOINT_DOC_H
#define ROOST_ENDPOINT_DOC_H

#include <string.h>

#include "base/buf.h"

/* A document on its way; the first failure stays. */
struct doc {
    struct buf *out;
    enum status s;
};

static inline void doc_add(struct doc *d, const char *text)
{
    if (d->s == OK)
        d->s = buf_str(d->out, text);
}

static inline void doc_text(struct doc *d, const char *text)
{
    if (d->s == OK)
        d->s = buf_json_str(d->out, text, strlen(text));
}

#endif
