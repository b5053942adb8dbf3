/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the door promises of models that mean well, or that are merely wrong. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "compiler/calibration.h"
#include "sandbox/sandbox_priv.h"
#include "support/onnx_build.h"
#include "support/support.h"

/* y = x W W + b, x[N][256]: large enough that constants lie in blobs and that W W takes a buffer of
 * BLAS. */
static void a_model(struct buf *out)
{
    enum { N = 256 };
    static float w[N * N], b[N];
    for (int i = 0; i < N * N; i++)
        w[i] = (float)(i % 7) - 3;
    struct onnx_build m = {0};
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, N));
    onnx_init_f32(&m, "w", DIMS(N, N), w);
    onnx_init_f32(&m, "b", DIMS(N), b);
    onnx_op(&m, "MatMul", "product", "w,w", "ww", NO_ATTRS);
    onnx_op(&m, "Gemm", "layer", "x,ww,b", "y", NO_ATTRS);
    onnx_output(&m, "y");
    onnx_finish(&m, out);
}

static enum status compile(const struct buf *model, struct sandbox_result *out, struct err *err)
{
    struct sandbox_job job = {.limits = {0, 0}};
    ck_ok(sandbox_hold(model->data, model->len, &job.model_fd, err), err);
    enum status s = sandbox_compile_by(SANDBOX_HOSTILE, &job, out, err);
    close(job.model_fd);
    return s;
}

START_TEST(the_artifact_is_the_same_as_without)
{
    struct buf model = {0}, bare = {0};
    struct sandbox_result out = {.program = NULL};
    struct err err;
    a_model(&model);
    ck_ok(compile_bytes(model.data, model.len, NULL, &bare, &err), &err);
    ck_ok(compile(&model, &out, &err), &err);
    ck_assert_uint_eq(out.artifact.len, bare.len);
    ck_assert_mem_eq(out.artifact.data, bare.data, bare.len);
    ck_assert_ptr_nonnull(out.program);
    ck_assert_int_eq(program_signature(out.program)->n_inputs, 1);
    sandbox_result_fini(&out);
    buf_fini(&bare);
    buf_fini(&model);
}
END_TEST

/* Two sets of calibration data for a_model. */
static void some_data(struct buf *out)
{
    static float x[2 * 256];
    struct calibration_writer w = {.sets = 0};
    const struct tensor t = {.dtype = DT_F32, .rank = 2, .dims = {2, 256}, .data = x};
    struct err err;
    for (int set = 0; set < 2; set++) {
        for (int i = 0; i < 2 * 256; i++)
            x[i] = (float)((i * 7 + set * 13) % 32) / 16 - 1;
        ck_ok(calibration_set(&w, set ? "one" : "zero", &err), &err);
        ck_ok(calibration_add(&w, &t, &err), &err);
    }
    ck_ok(calibration_finish(&w, out, &err), &err);
    calibration_writer_fini(&w);
}

static enum status compile_narrow(const struct buf *model, const struct precision_wish *wish,
                                  struct sandbox_result *out, struct precision_report *report,
                                  struct err *err)
{
    struct sandbox_job job = {.options = {.precision = *wish, .report = report}};
    ck_ok(sandbox_hold(model->data, model->len, &job.model_fd, err), err);
    enum status s = sandbox_compile_by(SANDBOX_HOSTILE, &job, out, err);
    close(job.model_fd);
    return s;
}

START_TEST(calibration_data_go_in_and_a_report_comes_out)
{
    struct buf model = {0}, data = {0}, bare = {0};
    struct sandbox_result out = {.program = NULL};
    struct precision_report report, own;
    struct err err;
    setenv("ROOST_CPU", "generic", 1); /* as the child has it, which does not get this */
    a_model(&model);
    some_data(&data);
    struct precision_wish wish = {PRECISION_INT8, data.data, data.len, false, 0};
    ck_ok(compile_narrow(&model, &wish, &out, &report, &err), &err);
    ck_assert_uint_eq(report.precision, PRECISION_INT8);
    ck_assert_uint_eq(report.sets, 2);
    ck_assert_uint_eq(report.rows, 4);
    ck_assert_uint_eq(report.narrowed, 1);
    ck_assert(report.error_max > 0 && report.error_mean > 0 && report.largest > 0);
    const struct compile_options o = {.precision = wish, .report = &own};
    ck_ok(compile_bytes(model.data, model.len, &o, &bare, &err), &err);
    ck_assert_uint_eq(out.artifact.len, bare.len);
    ck_assert_mem_eq(out.artifact.data, bare.data, bare.len);
    ck_assert(own.error_max == report.error_max && own.agreed == report.agreed);
    sandbox_result_fini(&out);
    wish.bounded = true;
    wish.error_max = report.error_max / report.largest / 2;
    ck_assert_int_eq(compile_narrow(&model, &wish, &out, &report, &err), E_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.msg, "int8 answers are off by"));
    ck_assert_uint_eq(out.artifact.len, 0);
    buf_fini(&bare);
    buf_fini(&data);
    buf_fini(&model);
}
END_TEST

START_TEST(garbled_calibration_data_are_the_childs_own_refusal)
{
    struct buf model = {0}, data = {0};
    struct sandbox_result out = {.program = NULL};
    struct err err;
    a_model(&model);
    some_data(&data);
    const struct precision_wish wish = {PRECISION_INT8, data.data, data.len - 100, false, 0};
    ck_assert_int_eq(compile_narrow(&model, &wish, &out, NULL, &err), E_CORRUPT);
    ck_assert_str_eq(err.msg, "the calibration data are garbled: a tensor");
    buf_fini(&data);
    buf_fini(&model);
}
END_TEST

START_TEST(the_compilers_own_words_come_through)
{
    struct buf model = {0};
    struct sandbox_result out = {.program = NULL};
    struct err bare, err;
    ck_ok(buf_str(&model, "PK\x03\x04 and more"), &err);
    enum status s = compile_bytes(model.data, model.len, NULL, &model, &bare);
    ck_assert_int_eq(compile(&model, &out, &err), s);
    ck_assert_int_eq(s, E_UNSUPPORTED);
    ck_assert_str_eq(err.msg, bare.msg);
    buf_fini(&model);
    ck_assert_int_eq(compile(&model, &out, &err), E_CORRUPT);
    ck_assert_str_eq(err.msg, "the model file is empty");
}
END_TEST

START_TEST(the_format_asked_for_reaches_the_compiler)
{
    struct sandbox_job job = {.options = {.format = MODEL_XGBOOST_JSON}};
    struct sandbox_result out = {.program = NULL};
    struct err err, bare;
    struct buf none = {0};
    ck_ok(sandbox_hold("[1]", 3, &job.model_fd, &err), &err);
    enum status s = compile_bytes("[1]", 3, &job.options, &none, &bare);
    ck_assert_int_eq(sandbox_compile_by(SANDBOX_HOSTILE, &job, &out, &err), s);
    ck_assert_str_eq(err.msg, bare.msg);
    close(job.model_fd);
}
END_TEST

START_TEST(the_guards_are_named)
{
    struct buf model = {0};
    struct sandbox_result out = {.program = NULL};
    struct err err;
    char text[SANDBOX_GUARDS_TEXT_MAX];
    a_model(&model);
    ck_ok(compile(&model, &out, &err), &err);
    ck_assert_int_eq(out.guards.seccomp, !SANDBOX_SANITIZED);
    ck_assert_int_eq(out.guards.memory_limit, !SANDBOX_SANITIZED);
    ck_assert_ptr_nonnull(strstr(sandbox_guards_text(&out.guards, text), "seccomp"));
    const struct sandbox_guards bare = {0, false, false, false}, full = {7, true, true, true};
    ck_assert_str_eq(sandbox_guards_text(&bare, text), "limit of time, none of memory, no seccomp, "
                                                       "no Landlock, no network namespace");
    ck_assert_str_eq(sandbox_guards_text(&full, text),
                     "limits of memory and time, seccomp, Landlock ABI 7, empty network");
    ck_assert(!sandbox_guards_whole(&bare) && sandbox_guards_whole(&full));
    sandbox_result_fini(&out);
    buf_fini(&model);
}
END_TEST

START_TEST(the_artifact_may_not_outgrow_the_callers_buffer)
{
    struct buf model = {0};
    struct sandbox_result out = {.program = NULL};
    struct err err;
    a_model(&model);
    buf_init(&out.artifact, 5000);
    ck_assert_int_eq(compile(&model, &out, &err), E_TOO_LARGE);
    ck_assert_ptr_null(out.artifact.data);
    buf_fini(&model);
}
END_TEST

START_TEST(something_else_than_a_file_is_refused)
{
    int ends[2];
    struct sandbox_job job = {.limits = {0, 0}};
    struct sandbox_result out = {.program = NULL};
    struct err err;
    ck_assert_int_eq(pipe(ends), 0);
    job.model_fd = ends[0];
    ck_assert_int_ne(sandbox_compile_by(SANDBOX_HOSTILE, &job, &out, &err), OK);
    ck_assert_ptr_nonnull(strstr(err.msg, "the model is no regular file"));
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(what_is_held_cannot_be_changed)
{
    int fd;
    struct err err;
    ck_ok(sandbox_hold("abc", 3, &fd, &err), &err);
    ck_assert(pwrite(fd, "x", 1, 0) < 0);
    ck_assert_int_ne(ftruncate(fd, 0), 0);
    close(fd);
}
END_TEST

START_TEST(an_ignored_SIGCHLD_is_no_trouble)
{
    struct buf model = {0};
    struct sandbox_result out = {.program = NULL};
    struct err err;
    a_model(&model);
    signal(SIGCHLD, SIG_IGN);
    ck_ok(compile(&model, &out, &err), &err);
    sandbox_result_fini(&out);
    buf_fini(&model);
}
END_TEST

START_TEST(memory_that_runs_out_leaks_nothing)
{
    struct buf model = {0};
    struct err err;
    a_model(&model);
    int64_t live = alloc_live();
    for (uint64_t n = 1;; n++) {
        struct sandbox_result out = {.program = NULL};
        alloc_fail_at(n);
        enum status s = compile(&model, &out, &err);
        uint64_t calls = alloc_calls();
        alloc_fail_at(0);
        if (s == OK)
            sandbox_result_fini(&out);
        ck_assert_int_eq(alloc_live(), live);
        ck_assert(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
        if (calls < n)
            break;
        ck_assert_int_eq(s, E_NO_MEMORY);
    }
    buf_fini(&model);
}
END_TEST

static void *one_of_many(void *arg)
{
    const struct buf *model = arg;
    for (int i = 0; i < 4; i++) {
        struct sandbox_result out = {.program = NULL};
        struct err err;
        if (compile(model, &out, &err) != OK)
            return "failed";
        sandbox_result_fini(&out);
    }
    return NULL;
}

START_TEST(several_threads_compile_at_once)
{
    pthread_t threads[4];
    struct buf model = {0};
    a_model(&model);
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, one_of_many, &model), 0);
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
    }
    ck_assert(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
    buf_fini(&model);
}
END_TEST

Suite *suite_sandbox(void)
{
    return SUITE("sandbox", the_artifact_is_the_same_as_without,
                 calibration_data_go_in_and_a_report_comes_out,
                 garbled_calibration_data_are_the_childs_own_refusal,
                 the_compilers_own_words_come_through, the_format_asked_for_reaches_the_compiler,
                 the_guards_are_named, the_artifact_may_not_outgrow_the_callers_buffer,
                 something_else_than_a_file_is_refused, what_is_held_cannot_be_changed,
                 an_ignored_SIGCHLD_is_no_trouble, memory_that_runs_out_leaks_nothing,
                 several_threads_compile_at_once);
}
