/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Protobuf's wire format at its edges. */
#include <string.h>

#include "compiler/onnx/wire.h"
#include "support/support.h"

static bool first(const void *bytes, size_t n, struct field *f, enum status *s)
{
    struct err err = {OK, ""};
    struct wire w = {bytes, {bytes, n}};
    return wire_next(&w, f, s, &err);
}

START_TEST(each_wire_type_is_read)
{
    static const struct {
        const char *bytes;
        size_t n;
        uint32_t number;
        enum wire_type type;
        uint64_t value;
    } cases[] = {
        {"\x08\x96\x01", 3, 1, WIRE_VARINT, 150},
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, 1, WIRE_VARINT, UINT64_MAX},
        {"\x15\x01\x02\x03\x04", 5, 2, WIRE_FIXED32, 0x04030201},
        {"\x19\x01\0\0\0\0\0\0\x80", 9, 3, WIRE_FIXED64, 0x8000000000000001},
        {"\x22\x02hi", 4, 4, WIRE_BYTES, 0},
        {"\xfa\xff\xff\xff\x0f\x00", 6, 0x1fffffff, WIRE_BYTES, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct field f;
        enum status s;
        ck_assert_msg(first(cases[i].bytes, cases[i].n, &f, &s), "case %d", (int)i);
        ck_assert_uint_eq(f.number, cases[i].number);
        ck_assert_int_eq(f.type, cases[i].type);
        ck_assert(f.value == cases[i].value);
        ck_assert(f.type != WIRE_BYTES || f.bytes.n == cases[i].n - (f.number == 4 ? 2 : 6));
    }
}
END_TEST

START_TEST(broken_fields_are_corrupt)
{
    static const struct {
        const char *bytes;
        size_t n;
    } cases[] = {
        {"\x80", 1},                                              /* a tag cut short */
        {"\x00\x00", 2},                                          /* field number 0 */
        {"\x08", 1},                                              /* no value */
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11},     /* 65 bits */
        {"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12}, /* eleven bytes */
        {"\x15\x01\x02\x03", 4},                                  /* fixed32 cut short */
        {"\x19\x01\x02\x03\x04\x05\x06\x07", 8},                  /* fixed64 cut short */
        {"\x22\x03hi", 4},                                        /* more bytes than there are */
        {"\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},     /* far more */
        {"\x0b\x0c", 2},                                          /* a group */
        {"\x0e\x00", 2},                                          /* wire type 6 */
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x00", 11},     /* a tag beyond 32 bits */
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct field f;
        enum status s;
        ck_assert_msg(!first(cases[i].bytes, cases[i].n, &f, &s) && s == E_CORRUPT, "case %d",
                      (int)i);
    }
}
END_TEST

START_TEST(the_end_of_a_message_is_no_error)
{
    struct field f;
    enum status s = E_CORRUPT;
    ck_assert(!first("", 0, &f, &s));
    ck_assert_int_eq(s, OK);
}
END_TEST

START_TEST(errors_name_the_byte)
{
    struct err err = {OK, ""};
    struct field f;
    enum status s;
    static const char bytes[] = "\x08\x01\x08\x01\x22\x7f";
    struct wire w = {(const uint8_t *)bytes, {(const uint8_t *)bytes, sizeof(bytes) - 1}};
    while (wire_next(&w, &f, &s, &err))
        ;
    ck_assert_int_eq(s, E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.msg, "byte 4 "));
}
END_TEST

Suite *suite_wire(void)
{
    return SUITE("wire", each_wire_type_is_read, broken_fields_are_corrupt,
                 the_end_of_a_message_is_no_error, errors_name_the_byte);
}
