/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The settings of the store as the store's own options. */
#include "cli/config.h"

enum status config_open_store(const struct config *c, struct store **out, struct err *err)
{
    const struct store_options o = {.endpoint = c->s3_endpoint,
                                    .region = c->s3_region,
                                    .ca = c->s3_ca,
                                    .style = (enum store_style)c->s3_style,
                                    .timeout_us = c->s3_timeout,
                                    .stall_us = c->s3_stall,
                                    .retries = (uint32_t)c->s3_retries,
                                    .retry_budget = (uint32_t)c->s3_retry_budget,
                                    .part_bytes = store_options_default.part_bytes};
    return store_open_with(c->store, &o, out, err);
}
