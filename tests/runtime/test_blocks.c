/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What binding proves of blocks: that each is closed, used once, not too deep, and takes and gives
 * what its control instruction has for it. One lie each; the writer does not judge. */
#include <string.h>

#include "runtime/session.h"
#include "support/control_model.h"
#include "support/support.h"

static struct model m;

static struct attr *attr_of(uint32_t node, enum attr_key key)
{
    for (uint32_t i = 0; i < m.nodes[node].n_attrs; i++)
        if (m.attrs[node][i].key == key)
            return &m.attrs[node][i];
    ck_abort_msg("no such attribute");
}

static void set_attr(uint32_t node, enum attr_key key, int64_t value)
{
    attr_of(node, key)->i = value;
}

/* ---- changes to loop_model ---- */

static void no_block_0(void)
{
    set_attr(0, ATTR_body, 0);
}

static void block_beyond_all(void)
{
    set_attr(0, ATTR_body, 2);
}

static void block_negative(void)
{
    set_attr(0, ATTR_body, -1);
}

static void body_is_a_text(void)
{
    attr_of(0, ATTR_body)->type = ATTR_STRING;
    attr_of(0, ATTR_body)->str = "1";
}

static void body_reads_the_models_values(void)
{
    m.operands[1][0][1] = LOOP_X;
}

static void model_reads_a_bodys_value(void)
{
    model_node(&m, "Relu", 14, LOOP_X, -1, -1);
    m.nodes[2] = m.nodes[1]; /* the body's node stands last; a Relu of its value before it */
    memcpy(m.operands[2], m.operands[1], sizeof(m.operands[2]));
    m.nodes[2].in = m.operands[2][0];
    m.nodes[2].out = m.operands[2][1];
    m.operands[1][1][0] = (int32_t)m.src.n_tensors - 1;
    m.operands[1][0][0] = LOOP_SUM;
    m.nodes[1] = m.nodes[0];
    m.nodes[1].op = op_by_name("", "Relu")->code;
    m.nodes[1].version = 14;
    m.nodes[1].in = m.operands[1][0];
    m.nodes[1].out = m.operands[1][1];
    m.nodes[1].n_in = m.nodes[1].n_out = 1;
    m.nodes[1].n_attrs = 0;
}

static void output_is_a_bodys_value(void)
{
    m.out[0] = LOOP_SUM;
}

static void output_is_a_formal(void)
{
    m.out[0] = LOOP_STATE;
}

static void formal_twice(void)
{
    m.formals[0][1] = LOOP_I;
}

static void formal_is_an_input(void)
{
    m.formals[0][3] = LOOP_X;
}

static void formal_is_a_value(void)
{
    m.tensors[LOOP_STATE].class = CLASS_VALUE;
}

static void formal_is_left_out(void)
{
    m.formals[0][0] = ARTIFACT_NO_TENSOR;
}

static void formal_of_no_block(void)
{
    model_formal(&m);
}

static void formal_is_written(void)
{
    m.operands[1][1][0] = LOOP_STATE;
}

static void result_is_the_models(void)
{
    m.results[0][1] = LOOP_X;
}

static void result_is_left_out(void)
{
    m.results[0][1] = ARTIFACT_NO_TENSOR;
}

static void result_is_the_loops_own(void)
{
    m.results[0][1] = LOOP_FINAL;
}

static void one_formal_less(void)
{
    m.blocks[0].n_in = 3;
    m.operands[1][0][1] = LOOP_STATE;
}

static void one_result_more(void)
{
    m.results[0][3] = LOOP_SUM;
    m.blocks[0].n_out = 4;
}

static void one_result_less(void)
{
    m.blocks[0].n_out = 2;
}

static void more_instructions_than_there_are(void)
{
    m.blocks[0].n_instrs = 3;
}

static void all_instructions_are_the_bodys(void)
{
    m.blocks[0].n_instrs = 2;
}

static void block_that_nobody_names(void)
{
    model_block(&m, 0, (int32_t[]){-1}, (int32_t[]){-1});
}

/* A second loop in the model, with results of its own, whose body is the first one's. */
static void block_of_two(void)
{
    m.nodes[2] = m.nodes[1];
    memcpy(m.operands[2], m.operands[1], sizeof(m.operands[2]));
    m.nodes[2].in = m.operands[2][0];
    m.nodes[2].out = m.operands[2][1];
    m.nodes[1] = m.nodes[0];
    memcpy(m.operands[1], m.operands[0], sizeof(m.operands[1]));
    m.nodes[1].in = m.operands[1][0];
    m.nodes[1].out = m.operands[1][1];
    m.src.n_instrs++;
    for (int k = 0; k < 2; k++) {
        int32_t result = model_formal(&m);
        m.tensors[result].class = CLASS_VALUE;
        m.operands[1][1][k] = result;
    }
}

static void captures_negative(void)
{
    set_attr(0, ATTR_n_captures, -1);
}

static void captures_are_all(void)
{
    set_attr(0, ATTR_n_captures, 3);
}

static void captures_are_carried(void)
{
    set_attr(0, ATTR_n_captures, 0);
}

static void too_few_operands(void)
{
    m.nodes[0].n_in = 1;
}

static void types_of_nothing(void)
{
    static const int64_t types[] = {DT_F32, 9};
    attr_of(0, ATTR_scan_types)->ints = types;
    attr_of(0, ATTR_scan_types)->count = 2;
}

static void types_end_early(void)
{
    attr_of(0, ATTR_scan_types)->count = 2;
}

static void types_go_on(void)
{
    static const int64_t types[] = {DT_F32, 1, 0, DT_F32};
    attr_of(0, ATTR_scan_types)->ints = types;
    attr_of(0, ATTR_scan_types)->count = 4;
}

static void types_have_no_size(void)
{
    static const int64_t types[] = {DT_F32, 2, INT64_MAX, 3};
    attr_of(0, ATTR_scan_types)->ints = types;
    attr_of(0, ATTR_scan_types)->count = 4;
}

static void body_that_is_its_own(void)
{
    m.nodes[1] = m.nodes[0];
    m.operands[1][0][0] = LOOP_I;
    m.operands[1][0][1] = LOOP_COND;
    m.operands[1][0][2] = LOOP_STATE;
    m.operands[1][0][3] = LOOP_CAPTURED;
    m.nodes[1].in = m.operands[1][0];
    m.nodes[1].out = m.operands[1][1];
    int32_t second = model_formal(&m); /* one more value for the second result */
    m.tensors[second].class = CLASS_VALUE;
    m.operands[1][1][1] = second;
}

START_TEST(a_loop_whose_body_lies_is_refused)
{
    static const struct {
        void (*change)(void);
        const char *word;
    } cases[] = {
        {no_block_0, "body is 0"},
        {block_beyond_all, "names block 2 of 1"},
        {block_negative, "body is -1"},
        {body_is_a_text, "attribute body is of type"},
        {body_reads_the_models_values, "not defined before it in its block"},
        {model_reads_a_bodys_value, "not defined before it in its block"},
        {output_is_a_bodys_value, "block 0 cannot give"},
        {output_is_a_formal, "block 0 cannot give"},
        {formal_twice, "may not take"},
        {formal_is_an_input, "may not take"},
        {formal_is_a_value, "may not take"},
        {formal_is_left_out, "may not take"},
        {formal_of_no_block, "never defined"},
        {formal_is_written, "may not define"},
        {result_is_the_models, "cannot give"},
        {result_is_left_out, "cannot give"},
        {result_is_the_loops_own, "cannot give"},
        {one_formal_less, "takes 3"},
        {one_result_more, "gives 4"},
        {one_result_less, "gives 2"},
        {more_instructions_than_there_are, "section BLCK"},
        {all_instructions_are_the_bodys, "cannot give"},
        {block_of_two, "which is another's"},
        {block_that_nobody_names, "no instruction before block 2"},
        {captures_negative, "captures"},
        {captures_are_all, "captures"},
        {captures_are_carried, "scan_types"},
        {too_few_operands, "captures"},
        {types_of_nothing, "scan_types"},
        {types_end_early, "scan_types"},
        {types_go_on, "scan_types"},
        {types_have_no_size, "scan_types"},
        {body_that_is_its_own, "of block 1 names block 1"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct buf file;
        struct program *p;
        struct err err = {OK, ""};
        loop_model(&m);
        cases[i].change();
        model_write(&m, &(struct artifact_cost){0}, &file);
        enum status s = program_open_bytes(file.data, file.len, &p, &err);
        ck_assert_msg(s == E_CORRUPT, "case %zu: %s %s", i, status_name(s), err.msg);
        ck_assert_msg(strstr(err.msg, cases[i].word), "case %zu: no \"%s\" in \"%s\"", i,
                      cases[i].word, err.msg);
        buf_fini(&file);
    }
}
END_TEST

/* ---- changes to if_model ---- */

static void one_block_for_both(void)
{
    set_attr(0, ATTR_else_branch, 1);
}

static void branch_missing(void)
{
    m.nodes[0].n_attrs = 1;
}

static void formal_of_the_other(void)
{
    m.operands[2][0][0] = m.formals[0][0];
}

static void own_operands_are_two(void)
{
    set_attr(0, ATTR_n_captures, 0);
}

START_TEST(an_if_whose_branches_lie_is_refused)
{
    void (*const changes[])(void) = {one_block_for_both, branch_missing, formal_of_the_other,
                                     own_operands_are_two};
    for (size_t i = 0; i < ARRAY_COUNT(changes); i++) {
        struct buf file;
        struct program *p;
        struct err err = {OK, ""};
        if_model(&m);
        changes[i]();
        model_write(&m, &(struct artifact_cost){0}, &file);
        enum status s = program_open_bytes(file.data, file.len, &p, &err);
        ck_assert_msg(s == E_CORRUPT, "case %zu: %s %s", i, status_name(s), err.msg);
        buf_fini(&file);
    }
}
END_TEST

/* Loops in loops; each body but the last holds the next loop. */
static void nested_loops(uint32_t depth)
{
    model_init(&m);
    int32_t n = model_input(&m, "n", DT_I64, 0, NULL);
    int32_t out = ARTIFACT_NO_TENSOR, outer[3] = {n, ARTIFACT_NO_TENSOR, n};
    for (uint32_t b = 1; b <= depth; b++) {
        int32_t result = model_node_n(&m, "Loop", 13, outer, 3, 1), f[4];
        model_attr(&m, (struct attr){.key = ATTR_body, .type = ATTR_INT, .count = 1, .i = b});
        if (b == 1)
            out = result;
        else
            m.results[b - 2][1] = result;
        for (int k = 0; k < 3; k++)
            f[k] = model_formal(&m);
        f[3] = ARTIFACT_NO_TENSOR;
        outer[0] = outer[2] = f[2];
        model_block(&m, b < depth, f, (int32_t[]){f[1], f[2], -1});
    }
    model_output(&m, "y", out, DT_I64, 0, NULL);
}

START_TEST(blocks_lie_in_each_other_only_so_deep)
{
    static const uint32_t depths[] = {1, 32, 33};
    for (size_t i = 0; i < ARRAY_COUNT(depths); i++) {
        struct buf file;
        struct program *p;
        struct err err = {OK, ""};
        nested_loops(depths[i]);
        model_write(&m, &(struct artifact_cost){0}, &file);
        enum status s = program_open_bytes(file.data, file.len, &p, &err);
        ck_assert_msg(s == (depths[i] > 32 ? E_CORRUPT : OK), "%u deep: %s %s", depths[i],
                      status_name(s), err.msg);
        if (s == OK)
            program_free(&p);
        else
            ck_assert_msg(strstr(err.msg, "33 deep"), "%s", err.msg);
        buf_fini(&file);
    }
}
END_TEST

/* ---- Scan's own attributes ---- */

START_TEST(a_scan_whose_attributes_lie_is_refused)
{
    static const int64_t numbers[] = {0, 2};
    const struct {
        int64_t scanned;
        struct attr extra;
        enum status status;
    } cases[] = {
        {1, {.key = ATTR_scan_input_axes, .type = ATTR_INTS, .count = 1, .ints = numbers}, OK},
        {0, {.key = ATTR_axis, .type = ATTR_INT, .count = 1}, E_CORRUPT},
        {3, {.key = ATTR_axis, .type = ATTR_INT, .count = 1}, E_CORRUPT},
        {INT64_MIN, {.key = ATTR_axis, .type = ATTR_INT, .count = 1}, E_CORRUPT},
        {1,
         {.key = ATTR_scan_input_axes, .type = ATTR_INTS, .count = 2, .ints = numbers},
         E_CORRUPT},
        {1, {.key = ATTR_scan_output_axes, .type = ATTR_INT, .count = 1}, E_CORRUPT},
        {1,
         {.key = ATTR_scan_input_directions, .type = ATTR_INTS, .count = 1, .ints = numbers + 1},
         E_CORRUPT},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct buf file;
        struct program *p;
        struct err err = {OK, ""};
        scan_model(&m);
        set_attr(0, ATTR_num_scan_inputs, cases[i].scanned);
        m.attrs[0][m.nodes[0].n_attrs++] = cases[i].extra;
        model_write(&m, &(struct artifact_cost){0}, &file);
        enum status s = program_open_bytes(file.data, file.len, &p, &err);
        ck_assert_msg(s == cases[i].status, "case %zu: %s %s", i, status_name(s), err.msg);
        if (s == OK)
            program_free(&p);
        buf_fini(&file);
    }
}
END_TEST

/* Every operand but Loop's count and condition becomes a formal: none may be missing. */
START_TEST(a_control_instruction_that_lacks_an_operand_is_refused)
{
    static const struct {
        void (*model)(struct model *m);
        uint32_t optional;
    } cases[] = {{loop_model, 2}, {if_model, 0}, {scan_model, 0}};
    cases[_i].model(&m);
    const uint32_t n_in = m.nodes[0].n_in;
    for (uint32_t k = 0; k < n_in; k++) {
        struct buf file;
        struct program *p;
        struct err err = {OK, ""};
        cases[_i].model(&m);
        m.operands[0][0][k] = ARTIFACT_NO_TENSOR;
        model_write(&m, &(struct artifact_cost){0}, &file);
        enum status s = program_open_bytes(file.data, file.len, &p, &err);
        ck_assert_msg((s == OK) == (k < cases[_i].optional), "operand %u: %s %s", k, status_name(s),
                      err.msg);
        if (s == OK)
            program_free(&p);
        buf_fini(&file);
    }
}
END_TEST

/* ---- what binds, runs ---- */

static void run_any(const struct program *p)
{
    static uint8_t zeros[1024];
    struct tensor in[MODEL_PORTS], out[SIGNATURE_PORTS_MAX];
    const struct signature *sig = program_signature(p);
    const struct run_limits limits = {.steps_max = 300};
    struct arena arena;
    struct session *session;
    struct err err = {OK, ""};
    if (sig->n_inputs > MODEL_PORTS)
        return;
    for (int i = 0; i < sig->n_inputs; i++) {
        uint64_t bytes;
        in[i] = (struct tensor){.dtype = sig->inputs[i].dtype, .rank = sig->inputs[i].rank};
        for (int k = 0; k < in[i].rank; k++)
            in[i].dims[k] = sig->inputs[i].dims[k] < 0 ? 2 : sig->inputs[i].dims[k];
        if (!tensor_bytes(&in[i], &bytes) || bytes > sizeof(zeros))
            return;
        in[i].data = zeros;
    }
    for (int round = 0; round < 2; round++) {
        zeros[0] = (uint8_t)round; /* one iteration, the other branch */
        arena_init(&arena, 1 << 20, NULL);
        ck_assert_int_eq(session_new(&arena, &session), OK);
        enum status s = session_run(session, p, in, out, &limits, &err);
        ck_assert_msg(s == OK || (err.msg[0] && s != E_INTERNAL), "%s %s", status_name(s), err.msg);
        session_free(&session);
        arena_fini(&arena);
    }
}

START_TEST(changed_programs_are_refused_or_run_within_their_bounds)
{
    void (*const models[])(struct model *) = {loop_model, if_model, scan_model};
    struct buf file, copy = {0};
    uint64_t seed = 77;
    int bound = 0;
    models[_i](&m);
    model_write(&m, NULL, &file);
    ck_assert_int_eq(buf_add(&copy, file.data, file.len), OK);
    for (int round = 0; round < 6000; round++) {
        struct program *p;
        struct err err;
        const size_t meta = file.len - ARTIFACT_PAGE0_BYTES;
        memcpy(file.data, copy.data, copy.len);
        for (int k = 0; k < 1 + round % 3; k++) {
            size_t at = ARTIFACT_PAGE0_BYTES + draw_u64(&seed) % MIN(meta, 2400);
            file.data[at] = (uint8_t)(draw_u64(&seed) % 4 ? draw_u64(&seed) % 12 : 0xff);
        }
        model_rehash(&file);
        if (program_open_bytes(file.data, file.len, &p, &err) != OK)
            continue;
        bound++;
        run_any(p);
        program_free(&p);
    }
    ck_assert_int_gt(bound, 50);
    buf_fini(&file);
    buf_fini(&copy);
}
END_TEST

Suite *suite_blocks(void)
{
    TCase *t = tcase_create("changed");
    Suite *s =
        SUITE("blocks", a_loop_whose_body_lies_is_refused, an_if_whose_branches_lie_is_refused,
              blocks_lie_in_each_other_only_so_deep, a_scan_whose_attributes_lie_is_refused);
    tcase_add_loop_test(t, changed_programs_are_refused_or_run_within_their_bounds, 0, 3);
    tcase_add_loop_test(t, a_control_instruction_that_lacks_an_operand_is_refused, 0, 3);
    suite_add_tcase(s, t);
    return s;
}
