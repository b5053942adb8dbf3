/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ONNX Runtime through its C ABI, loaded at run time: one session with one thread and all
 * optimisations. Only what the bench calls is declared. */
#ifndef ROOST_BENCH_ONNXRUNTIME_H
#define ROOST_BENCH_ONNXRUNTIME_H

#include <stddef.h>
#include <stdint.h>

struct ort_session;

/* Loads the library; ends the program with a message when it cannot. Returns its version. With
 * ROOST_CPU=avx2 the library runs what it has for processors without AVX-512. */
const char *ort_load(const char *library);
/* Opens a model of float32 inputs and outputs. */
struct ort_session *ort_open(const char *path);
void ort_close(struct ort_session *s);
/* One input, one output, named by the model. data is borrowed as long as the session is run. */
void ort_bind(struct ort_session *s, const float *data, const int64_t *dims, size_t rank);
/* Runs once; the result stays until the next run. */
const float *ort_run(struct ort_session *s, size_t *count);

#endif
