/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The form of a layer shows in the rank of its weights (kernels/blocked.h, kernels/strassen.h), its
 * precision in their dtype and that of what it reads. Products are named where a program is of low
 * precision, or where they have a choice: whole, or cut in quarters, which are seven instead of
 * four and less work. Of convolutions, kernels of 3 x 3 that keep the image's size but for its edge
 * alone have a choice: direct weights, or Winograd's, which are four times as many and less work.
 */
#include "cli/show_layers.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/units.h"
#include "compiler/compiler.h"
#include "kernels/blocked.h"
#include "kernels/strassen.h"

enum { PLACES = 36, DIRECT = 9, DIRECT_RANK = 6, DEPTHWISE_RANK = 4, QUARTERS = 4, CUT_RANK = 4 };

struct layer {
    const char *name;
    enum precision precision;
    bool product;
    bool cut;              /* a product in quarters */
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

/* A product in float32: is it cut, and what would the other form take? */
static void read_cut(struct layer *l, const struct tensor *x, const struct tensor *w,
                     const struct tensor *y)
{
    int64_t rows = 1;
    l->cut = w->rank == CUT_RANK;
    if (l->cut) {
        l->other = l->bytes / STRASSEN_SIDES * QUARTERS;
        return;
    }
    for (int d = 1; d + 1 < x->rank; d++)
        rows *= x->dims[d];
    if (x->rank > 2 && strassen_pays(rows, y->dims[y->rank - 1], x->dims[x->rank - 1]))
        l->other = l->bytes / QUARTERS * STRASSEN_SIDES;
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
    if (l.precision != PRECISION_FP32)
        return l;
    if (l.product) {
        read_cut(&l, x, w, y);
        return l;
    }
    if (l.form == BLOCK_WINOGRAD)
        l.other = l.bytes / PLACES * DIRECT;
    else if (winograd_could(x, w, y))
        l.other = l.bytes / DIRECT * PLACES;
    return l;
}

static const char *form_text(const struct layer *l)
{
    if (l->product)
        return l->cut ? "strassen" : "product";
    return form_names[l->form];
}

static const char *other_text(const struct layer *l)
{
    if (l->product)
        return l->cut ? "product" : "strassen";
    return form_names[l->form == BLOCK_WINOGRAD ? BLOCK_DIRECT : BLOCK_WINOGRAD];
}

static enum status plain_line(const struct layer *l, struct buf *out)
{
    char a[UNITS_TEXT_MAX], b[UNITS_TEXT_MAX];
    const bool narrow = l->precision != PRECISION_FP32;
    enum status s =
        buf_printf(out, "  %-10s %s%s%-9s %9s", "layer", narrow ? precision_name(l->precision) : "",
                   narrow ? " " : "", form_text(l), units_size_human(l->bytes, a));
    if (s == OK && l->other)
        s = buf_printf(out, ", %s would be %s", other_text(l), units_size_human(l->other, b));
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

/* Of the layers that have a choice of forms: how many took the larger and faster one. */
struct choice {
    uint32_t count, taken, could;
    uint64_t added, more; /* bytes that it took, and would take for the rest */
};

struct sums {
    struct choice convs, products;
    uint32_t layers, narrow;
    enum precision precision; /* of the narrow ones */
};

static void add(struct sums *sums, const struct layer *l)
{
    struct choice *c = l->product ? &sums->products : &sums->convs;
    sums->layers++;
    sums->narrow += l->precision != PRECISION_FP32;
    if (l->precision != PRECISION_FP32)
        sums->precision = l->precision;
    c->count++;
    if (l->other && l->other < l->bytes) {
        c->taken++;
        c->added += l->bytes - l->other;
    } else if (l->other) {
        c->could++;
        c->more += l->other - l->bytes;
    }
}

static enum status choice_line(const struct choice *c, const char *form, const char *layers,
                               struct buf *out)
{
    char a[UNITS_TEXT_MAX], b[UNITS_TEXT_MAX];
    if (!c->taken && !c->could)
        return OK;
    return buf_printf(
        out, "  %-10s %" PRIu32 " of %" PRIu32 " %s, for %s; %" PRIu32 " more would take %s\n",
        form, c->taken, c->count, layers, units_size_human(c->added, a), c->could,
        units_size_human(c->more, b));
}

static enum status summary(const struct sums *sums, struct buf *out)
{
    enum status s = OK;
    if (sums->narrow)
        s = buf_printf(out, "  %-10s %s in %" PRIu32 " of %" PRIu32 " layers\n", "precision",
                       precision_name(sums->precision), sums->narrow, sums->layers);
    if (s == OK)
        s = choice_line(&sums->convs, "winograd", "convolutions", out);
    return s == OK ? choice_line(&sums->products, "strassen", "products", out) : s;
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
        if (strcmp(v.op->name, "BlockConv") != 0 && !is_narrow(&v) && !is_product(&v))
            continue;
        struct layer l = layer_of(p, i, &v, shapes);
        if (l.product && !narrow && !l.other)
            continue;
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
