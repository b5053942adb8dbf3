/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the compiler chose for each convolution, and what the other choices would have cost. */
#ifndef ROOST_CLI_SHOW_LAYERS_H
#define ROOST_CLI_SHOW_LAYERS_H

#include "base/buf.h"
#include "runtime/program.h"

/* Plain: one line a layer with `each`, else a summary. JSON: `, "convolutions": [...]`, products
 * that have a choice among them. Nothing in plain text for a program without blocked convolutions
 * and such products.  errors: E_NO_MEMORY */
enum status show_layers(const struct program *p, bool each, bool json, struct buf *out) WARN_UNUSED;
/* What the provenance says of the error of low precision; nothing where it says nothing.
 * errors: E_NO_MEMORY */
enum status show_error(const char *provenance, struct buf *out) WARN_UNUSED;

#endif
