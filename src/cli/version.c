/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost version`: the build and the libraries it runs with, for bug reports. */
#include <cblas.h>
#include <event2/event.h>
#include <lz4.h>

#include "cli/verbs.h"
#include "kernels/cpu.h"
#include "kernels/kernels.h"
#include "store/curl_door.h"

static const struct arg_option options[] = {{"json", 0, NULL, "Print JSON."},
                                            {NULL, 0, NULL, NULL}};

static const char *curl_text(void)
{
    const struct curl_door *c;
    return curl_door_open(&c, NULL) == OK ? c->version_info(CURLVERSION_NOW)->version
                                          : "not installed";
}

static int version_run(const struct args *a)
{
    const struct {
        const char *name, *version;
    } rows[] = {
        {"roost", ROOST_VERSION},
        {"compiler", __VERSION__},
        {"libevent", event_get_version()},
        {"openblas", openblas_get_config()},
        {"cpu", cpu_text()},
        {"openblas core", gemm_blas_core()},
        {"lz4", LZ4_versionString()},
        {"curl", curl_text()},
    };
    bool json = args_on(a, "json");
    struct buf out = {0};
    enum status s = json ? buf_str(&out, "{") : OK;
    for (size_t i = 0; s == OK && i < ARRAY_COUNT(rows); i++)
        s = json
                ? buf_printf(&out, "%s\"%s\": \"%s\"", i ? ", " : "", rows[i].name, rows[i].version)
                : buf_printf(&out, i ? "  %s %s\n" : "%s %s\n", rows[i].name, rows[i].version);
    if (s == OK && json)
        s = buf_str(&out, "}\n");
    return cli_print(s, &out);
}

const struct verb verb_version = {
    .name = "version",
    .operands = "",
    .summary = "Print the version and the libraries it runs with.",
    .details = "",
    .options = options,
    .operands_max = 0,
    .run = version_run,
};
