/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* LZ4 frames whose content size is declared before and proven after. Unpacking writes into memory
 * whose size was fixed by page 0, so that no frame can make us hold more than was reserved.
 * liblz4's own working state (about 200 KiB while it runs) is outside base/alloc.h's door. */
#include <lz4frame.h>

#include "artifact/format_priv.h"

enum { FRAME_LEVEL = 9 }; /* the slow compressor; unpacking costs the same */

enum status frame_pack(struct buf *out, const void *raw, size_t bytes)
{
    LZ4F_preferences_t prefs = {
        .frameInfo = {.contentSize = bytes, .blockSizeID = LZ4F_max256KB},
        .compressionLevel = FRAME_LEVEL,
    };
    size_t bound = LZ4F_compressFrameBound(bytes, &prefs);
    enum status s = buf_reserve(out, bound);
    if (s != OK)
        return s;
    size_t n = LZ4F_compressFrame(out->data + out->len, bound, raw, bytes, &prefs);
    if (LZ4F_isError(n))
        return E_NO_MEMORY;
    out->len += n;
    return OK;
}

static enum status unpack(LZ4F_dctx *ctx, const uint8_t *src, size_t n, uint8_t *dst, size_t raw)
{
    LZ4F_frameInfo_t info;
    size_t used = n;
    size_t left = LZ4F_getFrameInfo(ctx, &info, src, &used);
    if (LZ4F_isError(left) || info.contentSize != raw || info.dictID)
        return E_CORRUPT;
    size_t got = 0;
    while (left) {
        size_t out = raw - got, in = n - used;
        left = LZ4F_decompress(ctx, dst + got, &out, src + used, &in, NULL);
        if (LZ4F_isError(left) || (left && !out && !in))
            return E_CORRUPT;
        got += out;
        used += in;
    }
    return got == raw && used == n ? OK : E_CORRUPT;
}

enum status frame_unpack(const void *frame, size_t bytes, void *raw, size_t raw_bytes,
                         struct err *err)
{
    LZ4F_dctx *ctx;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION)))
        return err_set(err, E_NO_MEMORY, "no memory to unpack LZ4");
    enum status s = unpack(ctx, frame, bytes, raw, raw_bytes);
    LZ4F_freeDecompressionContext(ctx);
    if (s != OK)
        return err_set(err, s, "an LZ4 frame does not hold the %zu bytes it should", raw_bytes);
    return OK;
}
