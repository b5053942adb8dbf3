/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Runs a model on the numbers of its command line: run_model MODEL.roost NUMBER...
 * For models with one float32 input; dims that the caller may choose are 1.
 *     cc run_model.c -lroost -o run_model && ./run_model iris.roost 5.1 3.5 1.4 0.2 */
#include <roost/roost.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(const struct roost_error *error)
{
    fprintf(stderr, "run_model: %s\n", error->message);
    return 1;
}

static size_t count(const struct roost_tensor *t)
{
    size_t n = 1;
    for (int i = 0; i < t->rank; i++)
        n *= (size_t)t->dims[i];
    return n;
}

int main(int argc, char **argv)
{
    struct roost_model *model = NULL;
    struct roost_session *session = NULL;
    struct roost_error error;
    struct roost_port port;
    if (argc < 2 || roost_model_open_file(argv[1], &model, &error) != ROOST_OK)
        return argc < 2 ? 2 : fail(&error);
    if (roost_model_input_count(model) != 1 || roost_model_output_count(model) != 1 ||
        roost_model_input(model, 0, &port) != ROOST_OK || port.dtype != ROOST_FLOAT32)
        return fprintf(stderr, "run_model: not one float32 input and one output\n"), 1;

    struct roost_tensor in = {.dtype = port.dtype, .rank = port.rank}, out;
    struct roost_run run = {.in = &in, .n_in = 1, .out = &out, .n_out = 1};
    for (int i = 0; i < port.rank; i++)
        in.dims[i] = port.dims[i] < 0 ? 1 : port.dims[i];
    float *x = calloc(count(&in), sizeof(float));
    if (!x || count(&in) != (size_t)argc - 2)
        return fprintf(stderr, "run_model: %d numbers, expected %zu\n", argc - 2, count(&in)), 2;
    for (int i = 2; i < argc; i++)
        x[i - 2] = strtof(argv[i], NULL);
    in.data = x;

    if (roost_session_new(1 << 30, &session, &error) != ROOST_OK ||
        roost_session_run(session, model, &run, &error) != ROOST_OK)
        return fail(&error);
    for (size_t i = 0; out.dtype == ROOST_FLOAT32 && i < count(&out); i++)
        printf("%s%.9g", i ? " " : "", (double)((const float *)out.data)[i]);
    printf("\n");
    free(x);
    roost_session_free(&session);
    roost_model_free(&model);
    return 0;
}
