/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost ps --tenants`. */
#ifndef ROOST_CLI_PS_TENANTS_H
#define ROOST_CLI_PS_TENANTS_H

#include "cli/args.h"

/* Prints what a server's tenants have, as a table or, with --json, as the server says it. The exit
 * status.  blocks: network */
int ps_tenants(const struct args *a);

#endif
