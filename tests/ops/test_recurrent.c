/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* LSTM, GRU and RNN against the specification's formulas, one number at a time in double: every
 * direction and layout, sequence lengths, initial states, peepholes, clip, coupled gates, named
 * activations. Tolerance 1e-5: sums of fewer than 20 terms, 6 steps. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/op_case.h"

enum { T = 6, B = 3, I = 4, H = 5, D = 2, G = 4 };

static float x[T * B * I], w[D * G * H * I], r[D * G * H * H], b[D * 2 * G * H];
static float h0[D * B * H], c0[D * B * H], p[D * 3 * H];
static const int32_t lens[B] = {6, 2, 4};

/* One form of the operator. */
struct form {
    const char *op, *direction, *acts;
    int opset, gates, layout;
    bool late, coupled, peepholes, lens, states, bias;
    float clip;
};

static void fill(float *to, size_t n, unsigned from)
{
    for (size_t i = 0; i < n; i++)
        to[i] = sinf((float)(i * 7 + from) * 1.3f);
}

static double act(const char *acts, int k, double v, double clip)
{
    const char *at = acts;
    for (; k > 0; k--)
        at = strchr(at, ',') + 1;
    v = clip > 0 ? fmax(-clip, fmin(clip, v)) : v;
    return *at == 'S'   ? 1 / (1 + exp(-v))
           : *at == 'T' ? tanh(v)
           : *at == 'R' ? fmax(v, 0)
                        : fmax(0, fmin(1, 0.2 * v + 0.5));
}

/* Gate g, unit u of direction d: what x[t] and the state h (NULL: not) give, with biases. */
static double gate(const struct form *f, int d, int g, int u, const float *xt, const double *h)
{
    int row = (d * f->gates + g) * H + u, rows = f->gates * H;
    double sum = 0;
    for (int i = 0; i < I && xt; i++)
        sum += (double)w[row * I + i] * xt[i];
    for (int i = 0; i < H && h; i++)
        sum += (double)r[row * H + i] * h[i];
    if (f->bias && xt)
        sum += b[d * 2 * rows + g * H + u];
    if (f->bias && h)
        sum += b[d * 2 * rows + rows + g * H + u];
    return sum;
}

static void lstm_step(const struct form *f, int d, const char *acts, const float *xt, double *h,
                      double *c)
{
    double next[H];
    for (int u = 0; u < H; u++) {
        const float *peep = p + d * 3 * H + u;
        double k = f->peepholes ? 1 : 0, in = gate(f, d, 0, u, xt, h) + k * peep[0] * c[u];
        double forget = gate(f, d, 2, u, xt, h) + k * peep[2 * H] * c[u];
        in = act(acts, 0, in, f->clip);
        forget = f->coupled ? 1 - in : act(acts, 0, forget, f->clip);
        c[u] = forget * c[u] + in * act(acts, 1, gate(f, d, 3, u, xt, h), f->clip);
        double out = gate(f, d, 1, u, xt, h) + k * peep[H] * c[u];
        next[u] = act(acts, 0, out, f->clip) * act(acts, 2, c[u], 0);
    }
    memcpy(h, next, sizeof(next));
}

static void gru_step(const struct form *f, int d, const char *acts, const float *xt, double *h)
{
    double next[H], reset[H], met[H];
    for (int u = 0; u < H; u++) {
        reset[u] = act(acts, 0, gate(f, d, 1, u, xt, h), f->clip);
        met[u] = reset[u] * h[u];
    }
    for (int u = 0; u < H; u++) {
        double z = act(acts, 0, gate(f, d, 0, u, xt, h), f->clip);
        double fresh = gate(f, d, 2, u, xt, NULL) + (f->late ? reset[u] * gate(f, d, 2, u, NULL, h)
                                                             : gate(f, d, 2, u, NULL, met));
        next[u] = (1 - z) * act(acts, 1, fresh, f->clip) + z * h[u];
    }
    memcpy(h, next, sizeof(next));
}

static void rnn_step(const struct form *f, int d, const char *acts, const float *xt, double *h)
{
    double next[H];
    for (int u = 0; u < H; u++)
        next[u] = act(acts, 0, gate(f, d, 0, u, xt, h), f->clip);
    memcpy(h, next, sizeof(next));
}

/* Where an element stands, by layout. */
static int x_at(const struct form *f, int t, int n)
{
    return (f->layout ? n * T + t : t * B + n) * I;
}

static int y_at(const struct form *f, int dirs, int t, int d, int n)
{
    return (f->layout ? (n * T + t) * dirs + d : (t * dirs + d) * B + n) * H;
}

static int state_at(const struct form *f, int dirs, int d, int n)
{
    return (f->layout ? n * dirs + d : d * B + n) * H;
}

static void expect(const struct form *f, int dirs, float *y, float *yh, float *yc)
{
    const char *acts = f->acts;
    for (int d = 0; d < dirs; d++)
        for (int n = 0; n < B; n++) {
            double h[H] = {0}, c[H] = {0};
            int len = f->lens ? lens[n] : T, at = state_at(f, dirs, d, n);
            bool back = d == 1 || strcmp(f->direction, "reverse") == 0;
            for (int u = 0; u < H && f->states; u++) {
                h[u] = h0[at + u];
                c[u] = c0[at + u];
            }
            for (int k = 0; k < len; k++) {
                int t = back ? len - 1 - k : k;
                const float *xt = x + x_at(f, t, n);
                if (f->gates == 4)
                    lstm_step(f, d, acts, xt, h, c);
                else if (f->gates == 3)
                    gru_step(f, d, acts, xt, h);
                else
                    rnn_step(f, d, acts, xt, h);
                for (int u = 0; u < H; u++)
                    y[y_at(f, dirs, t, d, n) + u] = (float)h[u];
            }
            for (int u = 0; u < H; u++) {
                yh[at + u] = (float)h[u];
                yc[at + u] = (float)c[u];
            }
        }
}

static void state_dims(const struct form *f, int dirs, int64_t dims[4])
{
    dims[0] = f->layout ? B : dirs;
    dims[1] = f->layout ? dirs : B;
    dims[2] = H;
    dims[3] = -1;
}

static void build(struct op_case *c, const struct form *f, int dirs, char acts[128])
{
    int64_t state[4];
    state_dims(f, dirs, state);
    case_begin(c, f->op, f->opset);
    c->n_out = f->gates == 4 ? 3 : 2;
    case_in(c, DT_F32, f->layout ? CASE_DIMS(B, T, I) : CASE_DIMS(T, B, I), x);
    case_in(c, DT_F32, CASE_DIMS(dirs, f->gates * H, I), w);
    case_in(c, DT_F32, CASE_DIMS(dirs, f->gates * H, H), r);
    if (f->bias)
        case_in(c, DT_F32, CASE_DIMS(dirs, 2 * f->gates * H), b);
    else
        case_none(c);
    if (f->lens)
        case_in(c, DT_I32, CASE_DIMS(B), lens);
    else
        case_none(c);
    if (f->states)
        case_in(c, DT_F32, state, h0);
    if (f->states && f->gates == 4)
        case_in(c, DT_F32, state, c0);
    if (f->peepholes)
        case_in(c, DT_F32, CASE_DIMS(dirs, 3 * H), p);
    snprintf(acts, 128, dirs == 2 ? "%s,%s" : "%s", f->acts, f->acts);
    case_str(c, ATTR_activations, acts);
    case_str(c, ATTR_direction, f->direction);
    case_int(c, ATTR_hidden_size, H);
    case_float(c, ATTR_clip, f->clip);
    case_int(c, ATTR_layout, f->layout);
    case_int(c, ATTR_linear_before_reset, f->late);
    case_int(c, ATTR_input_forget, f->coupled);
}

static const struct form forms[] = {
    {"LSTM", "forward", "Sigmoid,Tanh,Tanh", 7, 4, 0, .bias = true},
    {"LSTM", "reverse", "Sigmoid,Tanh,Tanh", 7, 4, 0, .lens = true, .states = true},
    {"LSTM", "bidirectional", "Sigmoid,Tanh,Relu", 14, 4, 1, .bias = true, .lens = true,
     .states = true, .peepholes = true, .clip = 0.6f},
    {"LSTM", "bidirectional", "HardSigmoid,Tanh,Tanh", 14, 4, 0, .coupled = true, .states = true},
    {"GRU", "forward", "Sigmoid,Tanh", 7, 3, 0, .bias = true, .states = true},
    {"GRU", "bidirectional", "Sigmoid,Tanh", 14, 3, 1, .bias = true, .late = true, .lens = true},
    {"GRU", "reverse", "HardSigmoid,Relu", 14, 3, 0, .late = true, .clip = 0.5f, .states = true},
    {"RNN", "forward", "Tanh", 7, 1, 0, .bias = true},
    {"RNN", "bidirectional", "Relu", 14, 1, 1, .bias = true, .lens = true, .states = true},
};

START_TEST(every_form_follows_the_formulas)
{
    fill(x, ARRAY_COUNT(x), 1);
    fill(w, ARRAY_COUNT(w), 2);
    fill(r, ARRAY_COUNT(r), 3);
    fill(b, ARRAY_COUNT(b), 4);
    fill(h0, ARRAY_COUNT(h0), 5);
    fill(c0, ARRAY_COUNT(c0), 6);
    fill(p, ARRAY_COUNT(p), 7);
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        const struct form *f = &forms[i];
        int dirs = *f->direction == 'b' ? 2 : 1;
        float y[T * D * B * H] = {0}, yh[D * B * H], yc[D * B * H];
        int64_t state[4];
        char acts[128];
        struct op_case c;
        struct err err;
        build(&c, f, dirs, acts);
        ck_ok(case_run(&c, &err), &err);
        expect(f, dirs, y, yh, yc);
        state_dims(f, dirs, state);
        case_expect(&c, 0, DT_F32, f->layout ? CASE_DIMS(B, T, dirs, H) : CASE_DIMS(T, dirs, B, H),
                    y, 1e-5, 1e-5);
        case_expect(&c, 1, DT_F32, state, yh, 1e-5, 1e-5);
        if (f->gates == 4)
            case_expect(&c, 2, DT_F32, state, yc, 1e-5, 1e-5);
        case_fini(&c);
    }
}
END_TEST

START_TEST(what_does_not_fit_is_refused_by_name)
{
    static const struct {
        enum attr_key key;
        const char *text, *why;
    } rows[] = {{ATTR_activations, "Sigmoid,Tanh,Swish", "'Swish' is not known"},
                {ATTR_activations, "Sigmoid,Tanh", "fewer activations"},
                {ATTR_direction, "sideways", "direction"},
                {ATTR_direction, "bidirectional", "expected float32[2,20,4]"}};
    static const int32_t far[B] = {6, 7, 0};
    struct op_case c;
    struct err err;
    for (size_t i = 0; i <= ARRAY_COUNT(rows); i++) {
        case_begin(&c, "LSTM", 14);
        case_in(&c, DT_F32, CASE_DIMS(T, B, I), x);
        case_in(&c, DT_F32, CASE_DIMS(1, 4 * H, I), w);
        case_in(&c, DT_F32, CASE_DIMS(1, 4 * H, H), r);
        case_none(&c);
        case_in(&c, DT_I32, CASE_DIMS(B), far);
        if (i < ARRAY_COUNT(rows))
            case_str(&c, rows[i].key, rows[i].text);
        const char *why = i < ARRAY_COUNT(rows) ? rows[i].why : "length 7 of item 1";
        ck_assert_int_ne(case_run(&c, &err), OK);
        ck_assert_msg(strstr(err.msg, why) != NULL, "%s", err.msg);
        case_fini(&c);
    }
}
END_TEST

Suite *suite_recurrent(void)
{
    return SUITE("recurrent", every_form_follows_the_formulas,
                 what_does_not_fit_is_refused_by_name);
}
