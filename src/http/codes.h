/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The one place where a status becomes an HTTP code. */
#ifndef ROOST_HTTP_CODES_H
#define ROOST_HTTP_CODES_H

#include "base/status.h"

struct http_code {
    int code;
    uint32_t retry_after_s; /* 0: say nothing; what the failure itself names comes first */
};

struct http_code http_code_of(enum status s);
const char *http_reason(int code); /* "Not Found" */

#endif
