/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A small JSON document as indented `key  value` lines, for people. */
#ifndef ROOST_CLI_JSON_TEXT_H
#define ROOST_CLI_JSON_TEXT_H

#include "base/buf.h"

/* errors: E_CORRUPT when it is not JSON; E_NO_MEMORY */
enum status json_text(const char *json, size_t n, struct buf *out, struct err *err) WARN_UNUSED;

#endif
