/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Powers of two by halving (Cooley and Tukey, 1965); other lengths as a convolution with a chirp,
 * which is done at the next power of two (Bluestein, 1970): k j = (k^2 + j^2 - (k - j)^2) / 2.
 *
 * Scratch, in doubles, m being the power of two: the turns exp(-2 pi i k / m) for k < m / 2; when n
 * is no power of two also the chirp of n, the transformed kernel of m, and m to work in. */
#include "kernels/fft.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"

static bool is_power(int64_t n)
{
    return (n & (n - 1)) == 0;
}

/* The power of two at which length n is done. */
static int64_t power_for(int64_t n)
{
    int64_t m = 1;
    while (m < (is_power(n) ? n : 2 * n - 1))
        m *= 2;
    return m;
}

bool fft_scratch(int64_t n, uint64_t *bytes)
{
    if (n < 1 || n > INT64_C(1) << 48)
        return false;
    uint64_t m = (uint64_t)power_for(n), chirp = 2 * (uint64_t)n, doubles;
    doubles = is_power(n) ? MAX(m, chirp) : m + chirp + 4 * m; /* at least n pairs, for the ref */
    return checked_mul(doubles, sizeof(double), bytes);
}

struct parts {
    int64_t m;
    double *turns, *chirp, *kernel, *work;
};

static struct parts parts_of(const struct fft *f)
{
    struct parts p = {.m = power_for(f->n), .turns = f->scratch};
    if (is_power(f->n))
        return p;
    p.chirp = p.turns + p.m;
    p.kernel = p.chirp + 2 * f->n;
    p.work = p.kernel + 2 * p.m;
    return p;
}

/* Element i goes where i's bits stand read backwards. */
static void reverse_bits(int64_t m, double *x)
{
    for (int64_t i = 1, j = 0; i < m; i++) {
        int64_t bit = m >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i >= j)
            continue;
        double re = x[2 * i], im = x[2 * i + 1];
        x[2 * i] = x[2 * j];
        x[2 * i + 1] = x[2 * j + 1];
        x[2 * j] = re;
        x[2 * j + 1] = im;
    }
}

/* One pair a half apart: their sum and their difference, the second turned before. */
static void butterfly(double *a, double *b, double re, double im)
{
    double r = b[0] * re - b[1] * im, i = b[0] * im + b[1] * re;
    b[0] = a[0] - r;
    b[1] = a[1] - i;
    a[0] += r;
    a[1] += i;
}

/* sign turns the other way round for the inverse. */
static void transform(int64_t m, const double *turns, double sign, double *x)
{
    reverse_bits(m, x);
    for (int64_t half = 1; half < m; half *= 2)
        for (int64_t from = 0; from < m; from += 2 * half)
            for (int64_t k = 0; k < half; k++) {
                const double *t = turns + 2 * (k * (m / (2 * half)));
                double *a = x + 2 * (from + k);
                butterfly(a, a + 2 * half, t[0], sign * t[1]);
            }
}

static void times(double *x, const double *y)
{
    double re = x[0] * y[0] - x[1] * y[1];
    x[1] = x[0] * y[1] + x[1] * y[0];
    x[0] = re;
}

void fft_begin(const struct fft *f)
{
    struct parts p = parts_of(f);
    for (int64_t k = 0; k < p.m / 2; k++) {
        double angle = -2 * M_PI * (double)k / (double)p.m;
        p.turns[2 * k] = cos(angle);
        p.turns[2 * k + 1] = sin(angle);
    }
    if (is_power(f->n))
        return;
    memset(p.kernel, 0, 2 * (size_t)p.m * sizeof(double));
    for (int64_t k = 0; k < f->n; k++) {
        uint64_t square = (uint64_t)((unsigned __int128)k * (uint64_t)k % (2 * (uint64_t)f->n));
        double angle = M_PI * (double)square / (double)f->n;
        double re = cos(angle), im = f->inverse ? sin(angle) : -sin(angle);
        p.chirp[2 * k] = re;
        p.chirp[2 * k + 1] = im;
        int64_t back = k ? p.m - k : 0;
        p.kernel[2 * k] = p.kernel[2 * back] = re;
        p.kernel[2 * k + 1] = p.kernel[2 * back + 1] = -im;
    }
    transform(p.m, p.turns, 1, p.kernel);
}

static void convolve(const struct fft *f, const struct parts *p, double *x)
{
    int64_t n = f->n, m = p->m;
    memset(p->work + 2 * n, 0, 2 * (size_t)(m - n) * sizeof(double));
    for (int64_t k = 0; k < n; k++) {
        p->work[2 * k] = x[2 * k];
        p->work[2 * k + 1] = x[2 * k + 1];
        times(p->work + 2 * k, p->chirp + 2 * k);
    }
    transform(m, p->turns, 1, p->work);
    for (int64_t k = 0; k < m; k++)
        times(p->work + 2 * k, p->kernel + 2 * k);
    transform(m, p->turns, -1, p->work);
    for (int64_t k = 0; k < n; k++) {
        x[2 * k] = p->work[2 * k] / (double)m;
        x[2 * k + 1] = p->work[2 * k + 1] / (double)m;
        times(x + 2 * k, p->chirp + 2 * k);
    }
}

void fft_f64(const struct fft *f, double *x)
{
    struct parts p = parts_of(f);
    if (is_power(f->n))
        transform(f->n, p.turns, f->inverse ? -1 : 1, x);
    else
        convolve(f, &p, x);
}

void fft_begin_ref(const struct fft *f)
{
    UNUSED(f); /* the definition needs no table */
}

void fft_f64_ref(const struct fft *f, double *x)
{
    double *y = f->scratch;
    for (int64_t j = 0; j < f->n; j++) {
        y[2 * j] = y[2 * j + 1] = 0;
        for (int64_t k = 0; k < f->n; k++) {
            double angle = 2 * M_PI * (double)(j * k % f->n) / (double)f->n;
            double re = cos(angle), im = f->inverse ? sin(angle) : -sin(angle);
            y[2 * j] += x[2 * k] * re - x[2 * k + 1] * im;
            y[2 * j + 1] += x[2 * k] * im + x[2 * k + 1] * re;
        }
    }
    memcpy(x, y, 2 * (size_t)f->n * sizeof(double));
}
