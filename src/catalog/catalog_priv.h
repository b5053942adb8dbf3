/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the catalog's files share. */
#ifndef ROOST_CATALOG_CATALOG_PRIV_H
#define ROOST_CATALOG_CATALOG_PRIV_H

#include "catalog/catalog.h"

/* A published version: a decimal of 1 to 18 digits without a leading zero. False for other text. */
bool version_parse(const char *s, size_t len, uint64_t *n) WARN_UNUSED;

/* Where published models' pointers and versions lie. */
#define CATALOG_PUBLISHED "_roost/models/"

#endif
