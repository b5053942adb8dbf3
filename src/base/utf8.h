/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* UTF-8, sequence by sequence.  source: Unicode 15, table 3-7 */
#ifndef ROOST_BASE_UTF8_H
#define ROOST_BASE_UTF8_H

#include "base/base.h"

/* Bytes of the valid sequence at s, of which n >= 1 bytes can be read; 0 when there is none. */
size_t utf8_len(const uint8_t *s, size_t n);

#endif
