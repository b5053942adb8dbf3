/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The request bodies: the first byte chooses signature and format, the rest is the body. What
 * decodes must hold exactly the bytes its shape says, and encode again. */
#include "base/alloc.h"
#include "codec/codec.h"
#include "tensor/text.h"

static const struct port one[] = {{"x", DT_F32, 2, {-2, 2}}};
static const struct port many[] = {
    {"a", DT_I64, 1, {-2}}, {"b", DT_F16, 3, {-2, -1, 2}}, {"c", DT_BOOL, 0, {0}}};
static const struct port single[] = {{"f", DT_F64, 1, {-1}}};
static const char *const symbols[] = {"N"};
static const struct port wide[] = {{"x", DT_F32, 2, {-2, 3}}};
static const struct port table[] = {{"a", DT_I32, 2, {-2, 1}}, {"b", DT_F64, 1, {-2}}};
static const uint32_t at[] = {0, 2, 4}, sorted[] = {2, 0, 1};
enum { SIGNATURES = 5 };
static const struct signature signatures[SIGNATURES] = {
    {one, one, 1, 1, symbols, 1, {0}},
    {many, many, 3, 3, symbols, 1, {0}},
    {single, single, 1, 1, symbols, 1, {0}},
    {wide, wide, 1, 1, symbols, 1, {3, "k\0x\0b", at, sorted}},
    {table, table, 2, 2, symbols, 1, {0}}};

static const struct port words[] = {{"s", DT_STRING, 2, {-2, 2}}, {"v", DT_F32, 1, {-2}}};
static const struct signature strings = {words, words, 2, 2, symbols, 1, {0}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_texts(const struct tensor *t)
{
    for (int64_t i = 0; t->dtype == DT_STRING && i < tensor_count(t); i++)
        ASSERT(text_valid(text_get(t, i).at, text_get(t, i).len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    const struct signature *sig = data[0] & 64 ? &strings : &signatures[data[0] % SIGNATURES];
    enum codec_format f = (enum codec_format)(data[0] / SIGNATURES % 3);
    struct codec_options o = {.csv_header = data[0] & 128};
    struct codec_request r;
    struct err err = {0};
    struct buf out;
    codec_request_init(&r, NULL, NULL);
    buf_init(&out, 1 << 20);
    if (codec_decode(f, data + 1, n - 1, sig, &o, &r, &err) == OK) {
        for (int i = 0; i < sig->n_inputs; i++) {
            uint64_t bytes;
            bool fits = tensor_bytes(&r.inputs[i], &bytes);
            ASSERT(fits && bytes == r.data[i].len && r.inputs[i].data);
            check_texts(&r.inputs[i]);
        }
        enum status s = codec_encode(f, sig, r.inputs, &r, &o, &out, &err);
        ASSERT(s == OK || s == E_BAD_INPUT || s == E_TOO_LARGE);
    }
    buf_fini(&out);
    codec_request_fini(&r);
    return 0;
}
