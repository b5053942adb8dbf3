/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost show --graph`: a picture of a model. */
#ifndef ROOST_CLI_SHOW_GRAPH_H
#define ROOST_CLI_SHOW_GRAPH_H

#include "cli/local.h"

/* Is this the name of a picture that can be written: .svg or .dot?  errors: E_USAGE */
enum status show_graph_check(const char *out, struct err *err) WARN_UNUSED;
/* Writes the picture of p, which was opened or compiled from `path`, to `out`. A model file is
 * compiled once more without any pass, and stands beside it: that is its own graph, in our
 * operators. blocks: disk   errors: as local_open; E_IO */
enum status show_graph(const char *path, const struct local_compile *how, const struct program *p,
                       const char *out, struct err *err) WARN_UNUSED;

#endif
