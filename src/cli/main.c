/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Where the process begins; everything else of the command stands in the library roost_cli, so that
 * tests can link it. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
