/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The archive reader on any bytes: what it finds lies inside of what it unpacked, and what it
 * refuses it names. Most bytes are no gzip: so they are read as the tar within, too. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "compiler/archive.h"

enum { TAR_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const uint8_t *data, size_t n)
{
    struct buf tar;
    struct err err = {0};
    const uint8_t *model = NULL;
    size_t bytes = 0;
    buf_init(&tar, TAR_MAX);
    enum status s = archive_open(data, n, &tar, &model, &bytes, &err);
    if (s == OK && (model < tar.data || bytes > tar.len || model + bytes > tar.data + tar.len))
        abort();
    if (s != OK && !err.msg[0])
        abort();
    buf_fini(&tar);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static uint8_t packed[TAR_MAX];
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data,
                  .avail_in = (uInt)n,
                  .next_out = packed,
                  .avail_out = sizeof(packed)};
    check(data, n);
    if (deflateInit2(&z, 1, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    int ended = deflate(&z, Z_FINISH);
    deflateEnd(&z);
    if (ended == Z_STREAM_END)
        check(packed, sizeof(packed) - z.avail_out);
    return 0;
}
