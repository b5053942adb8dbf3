/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The one document that management reads. */
#ifndef ROOST_HTTP_MANAGE_H
#define ROOST_HTTP_MANAGE_H

#include <cjson/cJSON.h>

#include "cache/cache.h"

/* One JSON document, whole; it is freed with cJSON_Delete.  errors: E_BAD_INPUT */
enum status manage_json(const void *body, size_t n, cJSON **out, struct err *err) WARN_UNUSED;
/* {"model_name": "…"} -> the proved name; other members are passed over.  errors: E_BAD_INPUT */
enum status manage_model_name(const void *body, size_t n, char out[MODEL_NAME_MAX + 1],
                              struct err *err) WARN_UNUSED;

#endif
