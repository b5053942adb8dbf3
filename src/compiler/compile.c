/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The way of a compile: look at the first bytes, let the front end build a graph, let the passes
 * rewrite it, emit. What we cannot read is named, with what to do about it. */
#include <string.h>

#include "compiler/archive.h"
#include "compiler/compiler.h"
#include "compiler/emit.h"
#include "compiler/graph.h"
#include "compiler/passes/passes.h"
#include "compiler/precision.h"

/* Of an unpacked archive; the child's limit of memory is usually lower. */
static const size_t ARCHIVE_MAX = (size_t)8 << 30;

typedef enum status front_end(const void *bytes, size_t n, struct graph *g, struct err *err);

static const struct {
    const char *name; /* stands in the provenance */
    front_end *read;
} front_ends[] = {
    [MODEL_ONNX] = {"onnx", onnx_read},
    [MODEL_XGBOOST_JSON] = {"xgboost-json", xgboost_read_json},
    [MODEL_XGBOOST_UBJ] = {"xgboost-ubj", xgboost_read_ubj},
};

/* Files that users try and that we cannot compile, by their first bytes. */
static const struct {
    const char *magic;
    size_t len, at;
    const char *what, *todo;
} foreign[] = {
    {"\x89ROO\r\n\x1a\n", 8, 0, "a compiled artifact", "it needs no compiling: run or serve it"},
    {"PK\x03\x04", 4, 0, "a zip archive (PyTorch or TorchScript, Keras, MLflow)",
     "what lies in one may be code, so none is loaded: export the model to ONNX"},
    {"\x80\x02", 2, 0, "a Python pickle", "it is code, never loaded: export the model to ONNX"},
    {"\x80\x03", 2, 0, "a Python pickle", "it is code, never loaded: export the model to ONNX"},
    {"\x80\x04", 2, 0, "a Python pickle", "it is code, never loaded: export the model to ONNX"},
    {"\x80\x05", 2, 0, "a Python pickle", "it is code, never loaded: export the model to ONNX"},
    {"\x89HDF\r\n", 6, 0, "an HDF5 file (Keras)", "export the model to ONNX with tf2onnx"},
    {"TFL3", 4, 4, "a TensorFlow Lite model", "export the model to ONNX with tf2onnx"},
    {"GGUF", 4, 0, "a GGUF file", "it holds weights without a graph: export the model to ONNX"},
    {"binf", 4, 0, "an old binary XGBoost model", "save it again as .json or .ubj"},
    {"tree\n", 5, 0, "a LightGBM text model", "convert it to ONNX with onnxmltools"},
    {"CBM1", 4, 0, "a CatBoost model", "save it with format=\"onnx\""},
    {"ORTM", 4, 4, "an ORT-format model",
     "it is made for one runtime: compile the .onnx it came from"},
    {"\0\0\0\0{\"", 6, 4, "a safetensors file",
     "it holds weights without a graph: export the model to ONNX"},
    {"<?xml", 5, 0, "an XML file (PMML)", "export the model to ONNX"},
    {"\x93NUMPY", 6, 0, "a NumPy array", "it is data, not a model"},
    {"\x1f\x8b", 2, 0, "an archive within an archive", "pack the model file itself"},
};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* '{' begins JSON and UBJSON alike; what follows differs: a quote or the end in JSON, the type of a
 * key's length or of the whole container in UBJSON. */
static enum model_format sniff_brace(const uint8_t *p, size_t n)
{
    if (n > 1 && memchr("iUIlL$#", p[1], 7))
        return MODEL_XGBOOST_UBJ;
    return MODEL_XGBOOST_JSON;
}

static enum model_format sniff(const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i < n && is_space(p[i]))
        i++;
    if (i < n && p[i] == '{')
        return sniff_brace(p + i, n - i);
    return MODEL_ONNX;
}

static enum status refuse_foreign(const uint8_t *p, size_t n, struct err *err)
{
    if (!n)
        return err_set(err, E_CORRUPT, "the model file is empty");
    for (size_t i = 0; i < ARRAY_COUNT(foreign); i++)
        if (n >= foreign[i].at + foreign[i].len &&
            memcmp(p + foreign[i].at, foreign[i].magic, foreign[i].len) == 0)
            return err_set(err, E_UNSUPPORTED, "this is %s, not a model we compile; %s",
                           foreign[i].what, foreign[i].todo);
    return OK;
}

enum status compile_files_wanted(const void *bytes, size_t n, const struct compile_options *o,
                                 struct buf *names, struct err *err)
{
    enum model_format format = o ? o->format : MODEL_AUTO;
    struct err unread;
    if (format == MODEL_AUTO && refuse_foreign(bytes, n, &unread) != OK)
        return OK;
    if (format == MODEL_AUTO)
        format = sniff(bytes, n);
    return format == MODEL_ONNX ? onnx_files_wanted(bytes, n, names, err ? err : &unread) : OK;
}

/* Where to read on about what is not supported; left out where it does not fit. */
static enum status point_to_docs(struct err *err)
{
    bool of_operator = strncmp(err->msg, "operator ", 9) == 0;
    const char *see = of_operator ? "; see docs/operators.md" : "; see docs/formats.md";
    size_t used = strlen(err->msg);
    if (err->code == E_UNSUPPORTED && !strstr(err->msg, "docs/") &&
        used + strlen(see) < sizeof(err->msg))
        memcpy(err->msg + used, see, strlen(see) + 1);
    return err->code;
}

static enum status write_artifact(struct graph *g, const struct emit_source *src,
                                  const struct compile_options *o, struct buf *artifact,
                                  struct err *err)
{
    struct precision_report ignored;
    if (g->precision == PRECISION_FP32)
        return emit(g, src, artifact, err);
    return precision_emit(g, src, &o->precision, o->report ? o->report : &ignored, artifact, err);
}

/* The graph of one model file, through the passes, written. */
static enum status compile_model(const void *bytes, size_t n, const struct compile_options *o,
                                 struct buf *artifact, struct err *err)
{
    enum model_format format = o ? o->format : MODEL_AUTO;
    if (format == MODEL_AUTO) {
        if (refuse_foreign(bytes, n, err) != OK)
            return point_to_docs(err);
        format = sniff(bytes, n);
    }
    struct graph *g = NULL;
    if (graph_new(&g) != OK)
        return err_set(err, E_NO_MEMORY, "no memory for a graph");
    g->borrowed = bytes;
    g->files = o ? o->files : NULL;
    g->n_files = o ? o->n_files : 0;
    g->optimize = o ? o->optimize : OPTIMIZE_BALANCED;
    g->precision = o ? o->precision.precision : PRECISION_FP32;
    enum status s = front_ends[format].read(bytes, n, g, err);
    if (s == OK)
        s = passes_run(g, o ? o->passes_off : 0, o ? o->log : NULL, err);
    if (s == OK)
        s = write_artifact(g, &(struct emit_source){front_ends[format].name, bytes, n, NULL}, o,
                           artifact, err);
    graph_free(&g);
    return s == OK ? OK : point_to_docs(err);
}

/* What is packed is compiled as if it lay there unpacked. */
static enum status compile_archive(const void *bytes, size_t n, const struct compile_options *o,
                                   struct buf *artifact, struct err *err)
{
    struct buf tar;
    const uint8_t *model;
    size_t model_bytes;
    buf_init(&tar, ARCHIVE_MAX);
    enum status s = archive_open(bytes, n, &tar, &model, &model_bytes, err);
    if (s == OK)
        s = compile_model(model, model_bytes, o, artifact, err);
    buf_fini(&tar);
    return s;
}

enum status compile_bytes(const void *bytes, size_t n, const struct compile_options *o,
                          struct buf *artifact, struct err *err)
{
    struct err unread;
    err = err ? err : &unread; /* prefixes need words to stand before */
    if (o && precision_check(&o->precision, err) != OK)
        return err->code;
    if (o && o->report)
        *o->report = (struct precision_report){.precision = PRECISION_FP32};
    if (archive_is(bytes, n))
        return compile_archive(bytes, n, o, artifact, err);
    return compile_model(bytes, n, o, artifact, err);
}
