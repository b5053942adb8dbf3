/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* numpy's matrix product; see matmul_common.h.  source: ONNX MatMul-13 */
#include "ops/matmul_common.h"

static void split_batch(const struct tensor *t, struct tensor *batch)
{
    tensor_set_shape(batch, t->dtype, MAX(t->rank - 2, 0), t->dims);
}

enum status product_describe(const char *op, const struct tensor *a, const struct tensor *b,
                             int right, struct product *p, struct err *err)
{
    char ta[TENSOR_TEXT_MAX], tb[TENSOR_TEXT_MAX];
    if (a->rank < 1)
        return op_bad(op, 0, a, "rank 1 or more", err);
    if (b->rank < 1)
        return op_bad(op, right, b, "rank 1 or more", err);
    p->m = a->rank > 1 ? a->dims[a->rank - 2] : 1;
    p->k = a->dims[a->rank - 1];
    p->n = b->rank > 1 ? b->dims[b->rank - 1] : 1;
    split_batch(a, &p->a);
    split_batch(b, &p->b);
    if (p->k != (b->rank > 1 ? b->dims[b->rank - 2] : b->dims[0]) ||
        !shape_broadcast(&p->a, &p->b, &p->batch_rank, p->batch))
        return err_set(err, E_BAD_INPUT, "%s: %s times %s", op, tensor_text(a, ta),
                       tensor_text(b, tb));
    return OK;
}

int product_dims(const struct product *p, const struct tensor *a, const struct tensor *b,
                 int64_t dims[TENSOR_RANK_MAX])
{
    int rank = p->batch_rank;
    for (int i = 0; i < rank; i++)
        dims[i] = p->batch[i];
    if (a->rank > 1)
        dims[rank++] = p->m;
    if (b->rank > 1)
        dims[rank++] = p->n;
    return rank;
}

int64_t product_matrix(const struct product *p, const struct tensor *t, int64_t i)
{
    int64_t index = 0, step = 1;
    for (int d = p->batch_rank - 1, e = t->rank - 1; d >= 0; d--, e--) {
        int64_t at = i % p->batch[d];
        i /= p->batch[d];
        if (e < 0)
            break;
        index += t->dims[e] == 1 ? 0 : at * step;
        step *= t->dims[e];
    }
    return index;
}

gemm_any_fn *gemm_any_of(enum dtype t)
{
    switch (t) {
    case DT_F64:
        return gemm_f64;
    case DT_I32:
    case DT_U32:
        return gemm_u32;
    case DT_I64:
    case DT_U64:
        return gemm_u64;
    default:
        return NULL;
    }
}
