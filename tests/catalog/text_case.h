/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Versions that are a text, in a folder of the test's own. */
#ifndef ROOST_TESTS_TEXT_CASE_H
#define ROOST_TESTS_TEXT_CASE_H

#include "catalog/catalog.h"
#include "support/tree.h"

struct text_case {
    struct tree tree;
    struct store *store;
    struct catalog *catalog;
    struct err err; /* of whatever was asked last */
};
extern struct text_case text;

void text_setup(void);
void text_teardown(void);
/* Its number. */
uint64_t text_publish(const char *name, const char *words);
/* The name leads to this version, and that is these words. */
void text_is(const char *name, const char *version, const char *words);

#endif
