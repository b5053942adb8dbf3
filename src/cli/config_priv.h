/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the configuration's files share. */
#ifndef ROOST_CLI_CONFIG_PRIV_H
#define ROOST_CLI_CONFIG_PRIV_H

#include <cjson/cJSON.h>

#include "cli/config.h"
#include "cli/units.h"

/* A file's value as the text that a flag would have.  errors: E_USAGE */
enum status config_value_text(const cJSON *item, char *out, size_t size,
                              struct err *err) WARN_UNUSED;
/* Is there an equal key before item in its object? */
bool config_is_twice(const cJSON *object, const cJSON *item);

/* A number that the setting of this name may have, from text and as text; and what it is.
 * errors: E_USAGE, with the key's name in front */
enum { CONFIG_NUMBER_MAX = UNITS_TEXT_MAX };
enum status config_number(const char *key, const char *text, uint64_t *out,
                          struct err *err) WARN_UNUSED;
const char *config_number_text(const char *key, uint64_t n, char out[CONFIG_NUMBER_MAX]);
uint64_t config_number_of(const struct config *c, const char *key);

/* The value of the key "tenants". *keys counts the keys that were looked at, in the order of the
 * file: on a failure the last of them is at fault.  errors: E_USAGE */
enum status config_tenants(struct config *c, const cJSON *tenants, int *keys,
                           struct err *err) WARN_UNUSED;
/* The member "tenants" of a configuration file that says the same; nothing where there are none.
 * errors: E_NO_MEMORY */
enum status config_tenants_print(const struct config *c, struct buf *json) WARN_UNUSED;

#endif
