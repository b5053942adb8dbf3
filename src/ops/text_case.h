/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Upper and lower case of texts, letter by letter and whatever the locale. Only mappings that keep
 * the number of bytes are made: ASCII, Latin (Latin-1 Supplement, Extended-A, the pairs of
 * Extended-B, Extended Additional), Greek and Cyrillic. So sharp s, dotless i, dotted capital I and
 * long s stay as they are, and so do all other scripts.  source: Unicode 15, simple case mappings
 */
#ifndef ROOST_OPS_TEXT_CASE_H
#define ROOST_OPS_TEXT_CASE_H

#include "tensor/text.h"

enum text_case { TEXT_AS_IT_IS, TEXT_LOWER, TEXT_UPPER };

/* Writes v.len bytes at out. */
void text_case_write(struct text v, enum text_case to, char *out);
/* text_order of both in lower case. */
int text_case_order(struct text a, struct text b);

#endif
