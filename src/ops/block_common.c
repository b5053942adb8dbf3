/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Both directions are one strided copy over [n][c][by][bx][h][w].
 * source: ONNX DepthToSpace-1, 11 (mode), 13; SpaceToDepth-1, 13 */
#include <inttypes.h>

#include "kernels/strided.h"
#include "ops/blocks.h"

enum { BLOCK_MAX = 65535 }; /* its square fits 32 bits */

enum status block_prepare(const struct op_node *node, const char *op, struct block_params *p,
                          struct err *err)
{
    enum status s = attr_int(&node->attrs, ATTR_blocksize, 0, &p->size, err);
    if (s == OK && (p->size < 1 || p->size > BLOCK_MAX))
        return err_set(err, E_CORRUPT, "%s: blocksize %" PRId64 ", expected 1 to %d", op, p->size,
                       BLOCK_MAX);
    return s;
}

void block_copy(const struct block_params *p, const struct tensor *from, const struct tensor *to,
                bool widen)
{
    const int64_t *wide = widen ? to->dims : from->dims, b = p->size;
    int64_t c = wide[1], h = wide[2] / b, w = wide[3] / b, plane = h * w;
    /* Steps of the deep layout (d...) and of the wide one. */
    int64_t dc = p->channels_first ? b * b * plane : plane;
    int64_t dy = p->channels_first ? b * plane : b * c * plane;
    int64_t dx = p->channels_first ? plane : c * plane;
    const int64_t dims[] = {wide[0], c, h, b, w, b};
    const int64_t deep[] = {c * b * b * plane, dc, w, dy, 1, dx};
    const int64_t flat[] = {c * b * b * plane, b * b * plane, b * w * b, w * b, b, 1};
    struct strided s = {.rank = 0};
    for (size_t d = 0; d < ARRAY_COUNT(dims); d++)
        strided_dim(&s, dims[d], widen ? deep[d] : flat[d], widen ? flat[d] : deep[d]);
    if (tensor_count(to) > 0)
        strided_copy(&s, from->data, to->data, (int)dtype_bytes(to->dtype));
}
