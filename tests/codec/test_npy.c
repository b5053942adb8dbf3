/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* .npy against bytes that NumPy wrote:
 *   np.save(f, np.arange(6, dtype='<f4').reshape(2, 3))        (C order)
 *   np.save(f, np.asfortranarray(np.arange(6, dtype='<f4').reshape(2, 3))) */
#include "codec_case.h"

static size_t numpy_file(char *out, const char *dict, const float *data, size_t count)
{
    size_t n = strlen(dict), len = (10 + n + 64) / 64 * 64 - 10;
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (char)len;
    out[9] = (char)(len >> 8);
    memset(out + 10, ' ', len);
    memcpy(out + 10, dict, n);
    out[10 + len - 1] = '\n';
    memcpy(out + 10 + len, data, count * sizeof(float));
    return 10 + len + count * sizeof(float);
}

static const char *const c_order = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
static const char *const f_order = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }";
static const float rows_first[] = {0, 1, 2, 3, 4, 5}, columns_first[] = {0, 3, 1, 4, 2, 5};

START_TEST(both_orders_read_as_row_major_at_any_alignment)
{
    _Alignas(64) char file[512];
    for (int fortran = 0; fortran < 2; fortran++)
        for (size_t shift = 0; shift < 4; shift++) {
            struct tensor t;
            struct buf copy;
            struct err err = {0};
            buf_init(&copy, 0);
            size_t n = numpy_file(file + shift, fortran ? f_order : c_order,
                                  fortran ? columns_first : rows_first, 6);
            ck_ok(npy_read(file + shift, n, &t, &copy, &err), &err);
            ck_assert_int_eq(t.rank, 2);
            ck_assert_int_eq(t.dims[1], 3);
            ck_assert_mem_eq(t.data, rows_first, sizeof(rows_first));
            buf_fini(&copy);
        }
}
END_TEST

START_TEST(what_is_written_reads_back_and_is_aligned)
{
    for (int rank = 0; rank <= 3; rank++) {
        float data[] = {1, 2, 3, 4, 5, 6};
        struct tensor t = {DT_F32, rank, {0}, data}, back;
        int64_t dims[] = {1, 2, 3};
        memcpy(t.dims, dims, sizeof(dims));
        struct buf out, copy;
        struct err err = {0};
        buf_init(&out, 0);
        buf_init(&copy, 0);
        ck_assert_int_eq(npy_write(&t, &out), OK);
        size_t elements = (size_t)tensor_count(&t) * sizeof(float);
        ck_assert_uint_eq((out.len - elements) % 64, 0);
        ck_ok(npy_read(out.data, out.len, &back, &copy, &err), &err);
        ck_assert(shape_same(&t, &back) && back.dtype == DT_F32);
        ck_assert_mem_eq(back.data, data, elements);
        buf_fini(&out);
        buf_fini(&copy);
    }
}
END_TEST

START_TEST(foreign_and_broken_files_are_refused)
{
    static const struct {
        const char *dict, *says;
    } cases[] = {
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", "dtype '>f4'"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }", "dtype '|O'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }", "24 bytes of elements"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9), }",
         "24 bytes of elements"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3), }", "a shape of at most 8"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,2,3), }", "at most 8"},
        {"{'descr': '<f4', 'fortran_order': False, }", "lacks"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3), }", "structured"},
        {"{'descr': '<f4', 'descr': '<f4', 'shape': (2, 3), }", "repeated key"},
        {"__import__('os')", "not a dict"},
    };
    char file[512];
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct codec_request r;
        struct err err = {0};
        size_t n = numpy_file(file, cases[i].dict, rows_first, 6);
        ck_assert_int_eq(case_decode(CODEC_NPY, file, n, &case_one, &r, &err), E_BAD_INPUT);
        ck_assert_msg(strstr(err.msg, cases[i].says) != NULL, "%s: %s", cases[i].dict, err.msg);
        codec_request_fini(&r);
    }
    size_t n = numpy_file(file, c_order, rows_first, 6);
    for (size_t cut = 0; cut < n; cut++) {
        struct codec_request r;
        struct err err = {0};
        ck_assert_int_eq(case_decode(CODEC_NPY, file, cut, &case_one, &r, &err), E_BAD_INPUT);
        codec_request_fini(&r);
    }
}
END_TEST

START_TEST(npy_goes_into_one_input_and_out_of_one_output)
{
    char file[512];
    struct codec_request r;
    struct err err = {0};
    static const char *const fits = "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }";
    size_t n = numpy_file(file, fits, columns_first, 6);
    ck_ok(case_decode(CODEC_NPY, file, n, &case_one, &r, &err), &err);
    ck_assert_int_eq(r.inputs[0].dims[0], 3);
    codec_request_fini(&r);
    ck_assert_int_eq(case_decode(CODEC_NPY, file, n, &case_many, &r, &err), E_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.msg, "3 inputs"));
    codec_request_fini(&r);

    float p[] = {1, 2};
    int64_t q[] = {1, 2, 3, 4};
    struct tensor outputs[] = {{DT_F32, 1, {2}, p}, {DT_I64, 2, {2, 2}, q}}, back;
    struct codec_options o = {0};
    struct buf out, copy;
    buf_init(&out, 0);
    buf_init(&copy, 0);
    codec_request_init(&r, NULL, NULL);
    ck_assert_int_eq(codec_encode(CODEC_NPY, &case_many, outputs, &r, &o, &out, &err), E_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.msg, "x-roost-output"));
    o.output = "z";
    ck_assert_int_eq(codec_encode(CODEC_NPY, &case_many, outputs, &r, &o, &out, &err), E_BAD_INPUT);
    o.output = "q";
    ck_ok(codec_encode(CODEC_NPY, &case_many, outputs, &r, &o, &out, &err), &err);
    ck_ok(npy_read(out.data, out.len, &back, &copy, &err), &err);
    ck_assert_mem_eq(back.data, q, sizeof(q));
    buf_fini(&out);
    buf_fini(&copy);
}
END_TEST

Suite *suite_npy(void)
{
    return SUITE("npy", both_orders_read_as_row_major_at_any_alignment,
                 what_is_written_reads_back_and_is_aligned, foreign_and_broken_files_are_refused,
                 npy_goes_into_one_input_and_out_of_one_output);
}
