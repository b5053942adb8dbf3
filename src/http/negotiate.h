/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Content-Type and Accept -> the codec's formats. Pure. source: RFC 9110 8.3, 12.5.1 */
#ifndef ROOST_HTTP_NEGOTIATE_H
#define ROOST_HTTP_NEGOTIATE_H

#include "codec/codec.h"
#include "http/span.h"

/* What a body of format f is called in a reply. */
const char *format_type(enum codec_format f);

/* value absent: JSON.  errors: E_MEDIA_TYPE (a type or charset that cannot be read); E_BAD_INPUT (a
 * parameter with a value that means nothing) */
enum status content_type_parse(struct span value, enum codec_format *f, bool *csv_header,
                               struct err *err) WARN_UNUSED;
/* errors: E_MEDIA_TYPE: the body is compressed */
enum status content_encoding_check(struct span value, struct err *err) WARN_UNUSED;
/* The format that the n Accept fields like best; between equals `in`, which is also the answer to
 * no field at all.  errors: E_NOT_ACCEPTABLE; E_BAD_INPUT (a weight that is none) */
enum status accept_choose(const struct span *accept, int n, enum codec_format in,
                          enum codec_format *out, struct err *err) WARN_UNUSED;

#endif
