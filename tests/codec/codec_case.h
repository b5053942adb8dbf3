/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Signatures and one-line decode and encode for the codec's tests. */
#ifndef ROOST_TESTS_CODEC_CASE_H
#define ROOST_TESTS_CODEC_CASE_H

#include <string.h>

#include "codec/codec.h"
#include "support/support.h"

/* One input x float32 [N,2], one output y float32 [N,2]. */
static const struct port case_x[] = {{"x", DT_F32, 2, {-2, 2}}};
static const struct port case_y[] = {{"y", DT_F32, 2, {-2, 2}}};
static const char *const case_symbols[] = {"N"};
static const struct signature case_one = {case_x, case_y, 1, 1, case_symbols, 1, {0}};

/* Inputs a int64 [N], b float32 [N,2], c bool [N]; outputs p float32 [N], q int64 [N,2]. */
static const struct port case_abc[] = {
    {"a", DT_I64, 1, {-2}}, {"b", DT_F32, 2, {-2, 2}}, {"c", DT_BOOL, 1, {-2}}};
static const struct port case_pq[] = {{"p", DT_F32, 1, {-2}}, {"q", DT_I64, 2, {-2, 2}}};
static const struct signature case_many = {case_abc, case_pq, 3, 2, case_symbols, 1, {0}};

static inline enum status case_decode(enum codec_format f, const char *body, size_t n,
                                      const struct signature *sig, struct codec_request *r,
                                      struct err *err)
{
    struct codec_options o = {0};
    codec_request_init(r, NULL, NULL);
    return codec_decode(f, body, n, sig, &o, r, err);
}

/* The body must be refused as bad input, and the words must hold `says`. */
static inline void case_refused(enum codec_format f, const char *body, const struct signature *sig,
                                const char *says)
{
    struct codec_request r;
    struct err err = {0};
    enum status s = case_decode(f, body, strlen(body), sig, &r, &err);
    ck_assert_msg(s == E_BAD_INPUT, "%s: %s, not refused", body, status_name(s));
    ck_assert_msg(strstr(err.msg, says) != NULL, "%s: '%s' does not say '%s'", body, err.msg, says);
    codec_request_fini(&r);
}

#endif
