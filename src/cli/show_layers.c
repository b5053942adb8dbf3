/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The form of a convolution shows in the rank of its weights (kernels/blocked.h), its precision in
 * their dtype and that of what it reads. Products are named where a program is of low precision
 * only: else they have no choice. Of forms, kernels of
 * 3 x 3 that keep the image's size but for its edge alone have a choice: direct weights, or
 * Winograd's, which are four times as many and less work. */
#include "cli/show_layers.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/units.h"
#include "compiler/compiler.h"
#include "kernels/blocked.h"

enum { PLACES = 36, DIRECT = 9, DIRECT_RANK = 6, DEPTHWISE_RANK = 4 };

struct layer {
    const char *name;
    enum precision precision;
    bool product;
    enum block_form form;  /* of a convolution */
    uint64_t bytes, other; /* of its weights, in the other form; 0: there is none */
};

static const char *const form_names[BLOCK_FORMS] = {[BLOCK_DIRECT] = "direct",
                                                    [BLOCK_PLAIN] = "plain",
                                                    [BLOCK_DEPTHWISE] = "depthwise",
                                                    [BLOCK_WINOGRAD] = "winograd"};

static bool is_narrow(const struct instr_view *v)
{
    return strcmp(v->op->name, "NarrowConv") == 0 || strcmp(v->op->name, "NarrowGemm") == 0;
}

static bool is_product(const struct instr_view *v)
{
    return strcmp(v->op->name, "PackedGemm") == 0 || strcmp(v->op->name, "NarrowGemm") == 0;
}

static enum precision precision_of(const struct instr_view *v, const struct tensor *x)
{
    if (!is_narrow(v))
        return PRECISION_FP32;
    if (x->dtype == DT_F32)
        return PRECISION_WEIGHTS_BF16;
    return x->dtype == DT_U8 ? PRECISION_INT8 : PRECISION_BF16;
}

static enum block_form form_of(const struct tensor *w)
{
    if (w->rank == DIRECT_RANK)
        return BLOCK_DIRECT;
    if (w->rank == DEPTHWISE_RANK)
        return BLOCK_DEPTHWISE;
    return w->dims[0] == PLACES ? BLOCK_WINOGRAD : BLOCK_PLAIN;
}

/* Could the direct weights stand in Winograd's form? Stride 1 shows in sizes, where they are known.
 */
static bool winograd_could(const struct tensor *x, const struct tensor *w, const struct tensor *y)
{
    bool could = w->rank == DIRECT_RANK && x->rank == 5 && y->rank == 5 && w->dims[1] == x->dims[1];
    for (int i = 2; could && i < 4; i++)
        could = w->dims[i] == 3 && x->dims[i] > 4 && y->dims[i] >= x->dims[i] - 2;
    return could;
}

static struct layer layer_of(const struct program *p, uint32_t i, const struct instr_view *v,
                             const struct tensor *shapes)
{
    const struct tensor *x = &shapes[program_operand(p, i, 0)];
    const struct tensor *w = &shapes[program_operand(p, i, 1)];
    const struct tensor *y = &shapes[program_operand(p, i, v->n_in)];
    struct layer l = {.name = v->name,
                      .precision = precision_of(v, x),
                      .product = is_product(v),
                      .form = form_of(w)};
    if (!tensor_bytes(w, &l.bytes))
        l.bytes = 0;
    if (l.product || l.precision != PRECISION_FP32)
        return l;
    if (l.form == BLOCK_WINOGRAD)
        l.other = l.bytes / PLACES * DIRECT;
    else if (winograd_could(x, w, y))
        l.other = l.bytes / DIRECT * PLACES;
    return l;
}

static const char *form_text(const struct layer *l)
{
    return l->product ? "product" : form_names[l->form];
}

static enum status plain_line(const struct layer *l, struct buf *out)
{
    char a[UNITS_TEXT_MAX], b[UNITS_TEXT_MAX];
    const bool narrow = l->precision != PRECISION_FP32;
    enum status s =
        buf_printf(out, "  %-10s %s%s%-9s %9s", "layer", narrow ? precision_name(l->precision) : "",
                   narrow ? " " : "", form_text(l), units_size_human(l->bytes, a));
    if (s == OK && l->other)
        s = buf_printf(out, ", %s would be %s",
                       form_names[l->form == BLOCK_WINOGRAD ? BLOCK_DIRECT : BLOCK_WINOGRAD],
                       units_size_human(l->other, b));
    return s == OK ? buf_printf(out, "  %.100s\n", l->name) : s;
}

static enum status json_line(const struct layer *l, bool first, struct buf *out)
{
    enum status s = buf_str(out, first ? "{\"name\": " : ", {\"name\": ");
    if (s == OK)
        s = buf_json_str(out, l->name, strlen(l->name));
    if (s == OK)
        s = buf_printf(out, ", \"form\": \"%s\", \"weights_bytes\": %" PRIu64, form_text(l),
                       l->bytes);
    if (s == OK && l->precision != PRECISION_FP32)
        s = buf_printf(out, ", \"precision\": \"%s\"", precision_name(l->precision));
    if (s == OK && l->other)
        s = buf_printf(out, ", \"other_form_bytes\": %" PRIu64, l->other);
    return s == OK ? buf_char(out, '}') : s;
}

/* Sums over the convolutions, and products. */
struct sums {
    uint32_t count, winograd, could;
    uint32_t layers, narrow;  /* products among them */
    enum precision precision; /* of the narrow ones */
    uint64_t added, more;     /* bytes that Winograd's form took, and would take for the rest */
};

static void add(struct sums *sums, const struct layer *l)
{
    sums->layers++;
    sums->narrow += l->precision != PRECISION_FP32;
    if (l->precision != PRECISION_FP32)
        sums->precision = l->precision;
    sums->count += !l->product;
    if (l->product)
        return;
    if (l->form == BLOCK_WINOGRAD) {
        sums->winograd++;
        sums->added += l->bytes - l->other;
    } else if (l->other) {
        sums->could++;
        sums->more += l->other - l->bytes;
    }
}

static enum status summary(const struct sums *sums, struct buf *out)
{
    char a[UNITS_TEXT_MAX], b[UNITS_TEXT_MAX];
    enum status s = OK;
    if (sums->narrow)
        s = buf_printf(out, "  %-10s %s in %" PRIu32 " of %" PRIu32 " layers\n", "precision",
                       precision_name(sums->precision), sums->narrow, sums->layers);
    if (s != OK || (!sums->winograd && !sums->could))
        return s;
    return buf_printf(out,
                      "  %-10s %" PRIu32 " of %" PRIu32 " convolutions, for %s; %" PRIu32
                      " more would take %s\n",
                      "winograd", sums->winograd, sums->count, units_size_human(sums->added, a),
                      sums->could, units_size_human(sums->more, b));
}

static bool any_narrow(const struct program *p)
{
    struct instr_view v;
    bool any = false;
    for (uint32_t i = 0; !any && i < program_instr_count(p); i++) {
        program_instr(p, i, &v);
        any = is_narrow(&v);
    }
    return any;
}

enum status show_layers(const struct program *p, bool each, bool json, struct buf *out)
{
    struct sums sums = {0};
    const bool narrow = any_narrow(p);
    bool first = true;
    struct tensor *shapes = alloc_zero(program_tensor_count(p), sizeof(*shapes));
    enum status s = shapes ? program_shapes(p, shapes) : E_NO_MEMORY;
    if (s == OK && json)
        s = buf_str(out, ", \"convolutions\": [");
    for (uint32_t i = 0; s == OK && i < program_instr_count(p); i++) {
        struct instr_view v;
        program_instr(p, i, &v);
        if (strcmp(v.op->name, "BlockConv") != 0 && !is_narrow(&v) && !(narrow && is_product(&v)))
            continue;
        struct layer l = layer_of(p, i, &v, shapes);
        if (json)
            s = json_line(&l, first, out);
        else if (each)
            s = plain_line(&l, out);
        first = false;
        add(&sums, &l);
    }
    if (s == OK)
        s = json ? buf_char(out, ']') : summary(&sums, out);
    alloc_free(shapes);
    return s;
}
