/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The settings of a server: flags > ROOST_* > configuration file > defaults. */
#ifndef ROOST_CLI_CONFIG_H
#define ROOST_CLI_CONFIG_H

#include "base/buf.h"
#include "cache/tenant.h"
#include "cli/args.h"
#include "cli/config_table.h"
#include "loader/limits.h"
#include "store/store.h"

enum { CONFIG_TEXT_MAX = 1024, CONFIG_FILE_BYTES_MAX = 1 << 20, CONFIG_DEPTH_MAX = 16 };

enum config_type {
    CONFIG_TEXT,
    CONFIG_SIZE,
    CONFIG_TIME,
    CONFIG_COUNT,
    CONFIG_CHOICE,
    CONFIG_SWITCH
};

#define CONFIG_UNSET UINT64_MAX

/* Embedded. SIZE in bytes, TIME in µs, CHOICE a place in the row's list, SWITCH 0 or 1. */
struct config {
#define CONFIG_FIELD_TEXT(field) char field[CONFIG_TEXT_MAX];
#define CONFIG_FIELD_SIZE(field) uint64_t field;
#define CONFIG_FIELD_TIME(field) uint64_t field;
#define CONFIG_FIELD_COUNT(field) uint64_t field;
#define CONFIG_FIELD_CHOICE(field) uint64_t field;
#define CONFIG_FIELD_SWITCH(field) uint64_t field;
#define X(type, field, key, value, initial, least, most, help) CONFIG_FIELD_##type(field)
    CONFIG_TABLE(X)
#undef X
    struct tenant_rule tenants[TENANT_RULES_MAX];  /* of the file; times may be CONFIG_UNSET */
    struct tenant_limits limits[TENANT_RULES_MAX]; /* theirs, in the same order */
    uint32_t n_tenants;
};

void config_defaults(struct config *c);
/* Sets one key from text.  errors: E_USAGE naming key, value and what was expected */
enum status config_set(struct config *c, const char *key, const char *text,
                       struct err *err) WARN_UNUSED;
/* One JSON object of keys; strings, numbers and booleans, and the object "tenants", whose rules
 * are those of docs/tenants.md. name: for messages.
 * errors: E_USAGE naming the line */
enum status config_file(struct config *c, const char *name, const char *text, size_t n,
                        struct err *err) WARN_UNUSED;
/* Every ROOST_<KEY> of env that names a setting; env ends with NULL. */
enum status config_env(struct config *c, const char *const *env, struct err *err) WARN_UNUSED;
/* All of it in order: defaults, the file of --config or ROOST_CONFIG, env, the options of a.
 * blocks: disk   errors: E_USAGE, also where config_tenants_check fails */
enum status config_load(struct config *c, const struct args *a, const char *const *env,
                        struct err *err) WARN_UNUSED;

/* Is every tenant's limit within the node's?  errors: E_USAGE naming the tenant and the limit */
enum status config_tenants_check(const struct config *c, struct err *err) WARN_UNUSED;

/* c->n_tenants rules, with the times that are in force. */
void config_rules(const struct config *c, struct tenant_rule *out);

/* The store that --store names, asked as the --s3 settings say.
 * blocks: disk   errors: those of store_open_with */
enum status config_open_store(const struct config *c, struct store **out,
                              struct err *err) WARN_UNUSED;

/* A configuration file that says the same.  errors: E_NO_MEMORY */
enum status config_print(const struct config *c, struct buf *json) WARN_UNUSED;
enum status config_markdown(struct buf *out) WARN_UNUSED; /* docs/configuration.md */

/* What --memory auto means here: 60 % of the smallest of the cgroup's limits and the machine's
 * memory.  blocks: disk (/proc, /sys) */
uint64_t config_memory_auto(void);

#endif
