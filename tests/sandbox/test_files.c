/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Files beside the model: those that may be read, and all the others, with a sandbox and without.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sandbox/sandbox_priv.h"
#include "support/onnx_build.h"
#include "support/support.h"

static const float weights[4] = {1, 2, 3, 4};

/* outer/ holds what must not be reached; outer/model/ is the upload. */
static char outer[] = "/tmp/roost-files-XXXXXX";
static char folder[64];

static void put(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", outer, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, weights, sizeof(weights)), sizeof(weights));
    close(fd);
}

static void at(const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", folder, name);
}

static void set_up(void)
{
    char path[128], to[128];
    ck_assert_ptr_nonnull(mkdtemp(outer));
    snprintf(folder, sizeof(folder), "%s/model", outer);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    put("secret");
    put("model/good.bin");
    put("model/twice.bin");
    at("sub", path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    put("model/sub/deep.bin");
    at("link.bin", path);
    ck_assert_int_eq(symlink("good.bin", path), 0);
    at("out.bin", path);
    ck_assert_int_eq(symlink("../secret", path), 0);
    at("linked", path);
    ck_assert_int_eq(symlink("sub", path), 0);
    at("up", path);
    ck_assert_int_eq(symlink("..", path), 0);
    at("twice.bin", path);
    at("again.bin", to);
    ck_assert_int_eq(link(path, to), 0);
    at("fifo", path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void tear_down(void)
{
    static const char *const names[] = {"good.bin", "twice.bin", "again.bin", "sub/deep.bin",
                                        "sub",      "link.bin",  "out.bin",   "linked",
                                        "up",       "fifo"};
    char path[128];
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        at(names[i], path);
        remove(path);
    }
    snprintf(path, sizeof(path), "%s/secret", outer);
    remove(path);
    rmdir(folder);
    rmdir(outer);
}

static void weight(struct onnx_build *m, const char *name, const char *file)
{
    struct buf t = {0}, e = {0};
    pb_int(&t, 1, 4);
    pb_int(&t, 2, DT_F32);
    pb_str(&t, 8, name);
    pb_str(&e, 1, "location");
    pb_str(&e, 2, file);
    pb_msg(&t, 13, &e);
    pb_int(&t, 14, 1);
    pb_msg(&m->graph, 5, &t);
}

/* The call whose allocation fails while it compiles (0: none), and the calls that it made. */
static uint64_t fail_at, calls;

static enum status compile(const char *one, const char *two, const char *where, bool bare,
                           struct sandbox_result *out, struct err *err)
{
    struct onnx_build m = {0};
    struct buf model = {0};
    struct sandbox_job job = {.folder = where, .bare = bare};
    onnx_opset(&m, "", 13);
    onnx_input(&m, "x", DT_F32, DIMS(-1, 4));
    weight(&m, "w", one);
    weight(&m, "v", two);
    onnx_op(&m, "Add", "a", "x,w", "xw", NO_ATTRS);
    onnx_op(&m, "Mul", "b", "xw,v", "y", NO_ATTRS);
    onnx_output(&m, "y");
    onnx_finish(&m, &model);
    ck_ok(sandbox_hold(model.data, model.len, &job.model_fd, err), err);
    alloc_fail_at(fail_at);
    enum status s =
        bare ? compile_bare(&job, out, err) : sandbox_compile_by(SANDBOX_HOSTILE, &job, out, err);
    calls = alloc_calls();
    alloc_fail_at(0);
    close(job.model_fd);
    buf_fini(&model);
    return s;
}

static int open_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

START_TEST(files_beside_the_model_are_read)
{
    struct sandbox_result made[2] = {{.program = NULL}, {.program = NULL}};
    struct err err;
    set_up();
    int before = open_descriptors();
    for (int bare = 0; bare < 2; bare++)
        ck_ok(compile("good.bin", "sub/deep.bin", folder, bare, &made[bare], &err), &err);
    ck_assert_int_eq(open_descriptors(), before);
    ck_assert_uint_eq(made[0].artifact.len, made[1].artifact.len);
    ck_assert_mem_eq(made[0].artifact.data, made[1].artifact.data, made[1].artifact.len);
    ck_assert_ptr_nonnull(strstr(program_provenance(made[0].program), "sub/deep.bin"));
    for (int bare = 0; bare < 2; bare++)
        sandbox_result_fini(&made[bare]);
    tear_down();
}
END_TEST

START_TEST(all_other_files_are_refused_by_name)
{
    static const struct {
        const char *name;
        enum status status;
        const char *words;
    } cases[] = {
        {"missing.bin", E_NOT_FOUND, "the file 'missing.bin' beside it: No such file"},
        {"missing/deep.bin", E_NOT_FOUND, "No such file"},
        {"good.bin/deep.bin", E_CORRUPT, "Not a directory"},
        {"link.bin", E_CORRUPT, "'link.bin' beside it: it is a link"},
        {"out.bin", E_CORRUPT, "it is a link"},
        {"linked/deep.bin", E_CORRUPT, "'linked/deep.bin'"},
        {"up/secret", E_CORRUPT, "'up/secret'"},
        {"twice.bin", E_CORRUPT, "it has another name too (a hard link)"},
        {"fifo", E_CORRUPT, "it is no regular file"},
        {"sub", E_CORRUPT, "it is no regular file"},
        {"../secret", E_CORRUPT, "no name inside the model's folder"},
        {"/etc/passwd", E_CORRUPT, "no name inside the model's folder"},
    };
    set_up();
    int before = open_descriptors();
    int64_t live = alloc_live();
    for (size_t i = 0; i < 2 * ARRAY_COUNT(cases); i++) {
        struct sandbox_result out = {.program = NULL};
        struct err err;
        size_t c = i / 2;
        enum status s = compile("good.bin", cases[c].name, folder, i % 2, &out, &err);
        ck_assert_msg(s == cases[c].status && strstr(err.msg, cases[c].words), "%s: %s: %s",
                      cases[c].name, status_name(s), err.msg);
        ck_assert_int_eq(open_descriptors(), before);
        ck_assert_int_eq(alloc_live(), live);
    }
    tear_down();
}
END_TEST

START_TEST(without_a_folder_there_are_none)
{
    for (int bare = 0; bare < 2; bare++) {
        struct sandbox_result out = {.program = NULL};
        struct err err;
        ck_assert_int_eq(compile("good.bin", "good.bin", NULL, bare, &out, &err), E_UNSUPPORTED);
        ck_assert_ptr_nonnull(strstr(err.msg, "did not come with the model"));
    }
}
END_TEST

START_TEST(a_child_that_asks_for_more_gets_nothing)
{
    static const struct {
        const char *act, *words;
    } cases[] = {
        {"want-absolute", "by names that it may not use"},
        {"want-above", "by names that it may not use"},
        {"want-unterminated", "answer is garbled"},
        {"want-nothing", "by names that it may not use"},
        {"want-many", "by names that it may not use"},
        {"want-again", "garbled: it wants files again"},
        {"want-and-answer", "garbled: 1 bytes instead of 0"},
    };
    set_up();
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct sandbox_job job = {.folder = folder};
        struct sandbox_result out = {.program = NULL};
        struct err err;
        int64_t live = alloc_live();
        ck_ok(sandbox_hold(cases[i].act, strlen(cases[i].act), &job.model_fd, &err), &err);
        ck_assert_int_eq(sandbox_compile_by(SANDBOX_HOSTILE, &job, &out, &err), E_CORRUPT);
        ck_assert_msg(strstr(err.msg, cases[i].words), "%s: %s", cases[i].act, err.msg);
        ck_assert_int_eq(alloc_live(), live);
        ck_assert_ptr_null(out.artifact.data);
        close(job.model_fd);
    }
    tear_down();
}
END_TEST

START_TEST(the_time_is_of_both_children_together)
{
    static const char act[] = "want-slowly";
    struct sandbox_job job = {.folder = folder, .limits = {.time_us = 300000}};
    struct sandbox_result out = {.program = NULL};
    struct err err;
    set_up();
    ck_ok(sandbox_hold(act, strlen(act), &job.model_fd, &err), &err);
    enum status s = sandbox_compile_by(SANDBOX_HOSTILE, &job, &out, &err);
    ck_assert_msg(s == E_TOO_LARGE && strstr(err.msg, "longer than the 0.3 s"), "%s", err.msg);
    close(job.model_fd);
    tear_down();
}
END_TEST

START_TEST(memory_that_runs_out_leaks_nothing)
{
    struct err err;
    set_up();
    int before = open_descriptors();
    int64_t live = alloc_live();
    for (int bare = 0; bare < 2; bare++)
        for (fail_at = 1;; fail_at++) {
            struct sandbox_result out = {.program = NULL};
            enum status s = compile("good.bin", "sub/deep.bin", folder, bare, &out, &err);
            if (s == OK)
                sandbox_result_fini(&out);
            ck_assert_int_eq(alloc_live(), live);
            if (calls < fail_at)
                break;
            ck_assert_int_ne(s, OK);
        }
    ck_assert_int_eq(open_descriptors(), before);
    ck_assert_int_eq(alloc_live(), live);
    tear_down();
}
END_TEST

Suite *suite_files(void)
{
    return SUITE("files", files_beside_the_model_are_read, all_other_files_are_refused_by_name,
                 without_a_folder_there_are_none, a_child_that_asks_for_more_gets_nothing,
                 the_time_is_of_both_children_together, memory_that_runs_out_leaks_nothing);
}
