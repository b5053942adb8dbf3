/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the parts of the ONNX reader share. */
#ifndef ROOST_COMPILER_ONNX_PRIV_H
#define ROOST_COMPILER_ONNX_PRIV_H

#include "base/map.h"
#include "compiler/compiler.h"
#include "compiler/graph.h"
#include "compiler/onnx/wire.h"

enum {
    ONNX_NAME_MAX = 1024,         /* bytes of a value's or node's name */
    ONNX_VALUES_MAX = 1 << 17,    /* values of one graph */
    ONNX_NODES_MAX = 1 << 15,     /* nodes of one graph */
    ONNX_ATTRS_MAX = 32,          /* attributes of one node */
    ONNX_ATTR_NUMBERS_MAX = 4096, /* elements of one attribute that stays an attribute */
    ONNX_STRINGS_FIELD = 9,       /* AttributeProto.strings */
    ONNX_LIST_MAX = 1 << 28,      /* elements of one attribute that becomes a constant */
    ONNX_SYMBOLS_MAX = 32,        /* symbolic dims of one model: each costs shape inferences */
    ONNX_OPSETS_MAX = 64,         /* imported domains */
    ONNX_OPSET_MIN = 6,
    ONNX_OPSET_MAX = 22, /* from 19 on, what we know changed in dtypes, or in modes we refuse */
};

/* What the bodies of one node read of the block around them: values there, each one once. */
struct captures {
    uint32_t n;
    int32_t outer[OP_INPUTS_MAX];
};

/* Where names are looked up: one for each GraphProto that is being read, up to the model's own. A
 * name that a body does not define itself means what it means outside, as ONNX has it; sibling
 * bodies may use one name for different values. */
struct scope {
    struct map names;               /* value name -> struct value_slot (in the graph's memory) */
    struct scope *outer;            /* NULL: the model's own graph */
    struct captures *captures;      /* shared by sibling bodies; NULL in the model's own graph */
    int32_t formals[OP_INPUTS_MAX]; /* by capture: this body's formal, or ARTIFACT_NO_TENSOR */
    uint32_t depth;                 /* 0: the model's own graph */
};

/* Lives as long as one onnx_read. */
struct onnx_reader {
    struct graph *g;
    struct scope *scope;          /* the innermost */
    uint32_t n_nodes;             /* of all graphs together */
    char name[ONNX_NAME_MAX + 1]; /* where reader_name puts what it read */
};

/* Proves a name (length, no NUL and no control bytes) and copies it to r->name: valid until the
 * next call. `what` says in messages whose name it is.  errors: E_CORRUPT, E_UNSUPPORTED */
enum status reader_name(struct onnx_reader *r, struct view v, const char *what,
                        struct err *err) WARN_UNUSED;
/* The value that the graph being read itself defines as r->name, or ARTIFACT_NO_TENSOR. */
int32_t reader_find(const struct onnx_reader *r);
/* The value that r->name means, or ARTIFACT_NO_TENSOR. One of an outer graph becomes a formal of
 * the one being read, unless it is a constant.  errors: E_UNSUPPORTED beyond the limits;
 * E_NO_MEMORY */
enum status reader_lookup(struct onnx_reader *r, int32_t *index, struct err *err) WARN_UNUSED;
/* Records that r->name is value `index`.  errors: E_CORRUPT when it is taken in this graph;
 * E_NO_MEMORY */
enum status reader_define(struct onnx_reader *r, int32_t index, struct err *err) WARN_UNUSED;
/* E_NO_MEMORY with words. */
enum status reader_no_memory(struct err *err);

/* ---- numbers.c: repeated numbers, packed or not ---- */

/* How many elements field `number` has in the message. `type` is the wire type of one element. */
enum status numbers_count(struct wire message, uint32_t number, enum wire_type type,
                          uint64_t *count, struct err *err) WARN_UNUSED;
/* Stores them as `dtype` at dst, which has room for `count`, as numbers_count said.
 * errors: E_CORRUPT when one does not fit the dtype */
enum status numbers_read(struct wire message, uint32_t number, enum wire_type type,
                         enum dtype dtype, void *dst, struct err *err) WARN_UNUSED;

/* ---- texts.c: repeated strings ---- */

/* All of field `number` as a vector of strings: elements in graph memory, texts in the file.
 * errors: E_CORRUPT (not UTF-8, or a NUL in it); E_UNSUPPORTED (too many); E_NO_MEMORY */
enum status onnx_texts(struct onnx_reader *r, struct wire message, uint32_t number,
                       struct tensor *out, struct err *err) WARN_UNUSED;

/* Puts the stop words of a StringNormalizer in the order that it wants; they lie in graph memory.
 */
void onnx_stopwords_sort(struct tensor *words, bool sensitive);

/* ---- tensor.c ---- */

/* Reads a TensorProto; out->data points into the file or into graph memory. *name is a view.
 * errors: E_CORRUPT, E_UNSUPPORTED (unknown dtype, data in a file that did not come); E_NO_MEMORY
 */
enum status onnx_tensor(struct onnx_reader *r, struct wire message, struct tensor *out,
                        struct view *name, struct err *err) WARN_UNUSED;

/* ---- external.c ---- */

/* Where a tensor's data lie. */
struct onnx_external {
    struct view location; /* proved by compile_file_name */
    uint64_t offset, length;
    bool has_length; /* else all from offset on */
};
/* The message is a TensorProto's.  errors: E_CORRUPT */
enum status onnx_external_read(struct wire message, struct onnx_external *out,
                               struct err *err) WARN_UNUSED;
/* A view into the file of g that holds the tensor's data.
 * errors: E_CORRUPT; E_UNSUPPORTED when that file did not come */
enum status onnx_external_data(const struct graph *g, struct wire message, struct view *out,
                               struct err *err) WARN_UNUSED;

/* ---- types.c ---- */

/* Reads a ValueInfoProto. With `out` its type too, unknown dims as symbols.
 * errors: E_CORRUPT, E_UNSUPPORTED (no shape, not a tensor); E_NO_MEMORY */
enum status onnx_value_info(struct onnx_reader *r, struct wire message, struct tensor *out,
                            struct view *name, struct err *err) WARN_UNUSED;

/* Of an output's ValueInfoProto what it says of dtype and shape, if it does.  errors: E_CORRUPT */
enum status onnx_declared(struct wire message, struct graph_port *out, struct err *err) WARN_UNUSED;
/* Refuses a body's formal that is declared as something else than a tensor.  errors: E_CORRUPT,
 * E_UNSUPPORTED */
enum status onnx_formal_info(struct wire message, struct view *name, struct err *err) WARN_UNUSED;

/* ---- attribute.c ---- */

struct onnx_attr {
    struct view name;
    bool is_tensor;       /* then `tensor` is set and a is not, but for its key */
    bool is_strings;      /* then `strings` is set and a is not, but for its key */
    bool is_graph;        /* then `graph` is set and a is not, but for its key */
    struct wire graph;    /* the message: a GraphProto */
    struct wire strings;  /* the message; its fields ONNX_STRINGS_FIELD are the texts */
    struct attr a;        /* key ATTR_NONE when we do not know the name */
    struct tensor tensor; /* of attributes like ConstantOfShape's value */
};

/* Reads an AttributeProto.  errors: E_CORRUPT, E_UNSUPPORTED (lists of tensors); E_NO_MEMORY */
enum status onnx_attribute(struct onnx_reader *r, struct wire message, struct onnx_attr *out,
                           struct err *err) WARN_UNUSED;

/* ---- ngrams.c ---- */

/* Orders the lists of a TfIdfVectorizer; consts: values by place in op->const_attrs.
 * errors: E_CORRUPT, E_UNSUPPORTED; E_NO_MEMORY */
enum status onnx_ngrams_sort(struct onnx_reader *r, const struct op *op, const int32_t *consts,
                             struct err *err) WARN_UNUSED;

/* ---- read.c ---- */

/* Reads a GraphProto into the block in focus.  errors: as onnx_read */
enum status onnx_graph(struct onnx_reader *r, struct wire message, struct err *err) WARN_UNUSED;

/* ---- scope.c, body.c: graphs in graphs ---- */

void scope_init(struct scope *s, struct scope *outer, struct captures *captures);
void scope_fini(struct scope *s);

/* A control node's bodies, by their place in control_body_keys. */
struct onnx_bodies {
    struct wire graph[CONTROL_BODIES_MAX];
    bool given[CONTROL_BODIES_MAX];
    uint32_t block[CONTROL_BODIES_MAX]; /* set by onnx_bodies_read */
    uint32_t n;
    uint32_t n_formals, n_results; /* of each, captures not counted */
    struct captures captures;
};

/* Keeps an attribute that is a graph; *taken says whether op knows it.  errors: E_CORRUPT */
enum status onnx_bodies_take(struct onnx_bodies *b, const struct op *op, const struct onnx_attr *a,
                             bool *taken, struct err *err) WARN_UNUSED;
/* Reads them into blocks of the graph.  errors: as onnx_read */
enum status onnx_bodies_read(struct onnx_reader *r, struct onnx_bodies *b, const struct op *op,
                             struct err *err) WARN_UNUSED;

/* ---- node.c ---- */

/* Reads a NodeProto and appends it to the graph (a Constant becomes a constant). */
enum status onnx_node(struct onnx_reader *r, struct wire message, struct err *err) WARN_UNUSED;

#endif
