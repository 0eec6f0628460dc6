/* conv.c - convolution by matrix products.
 *
 * With the windows of x as columns, col [c·|k|, |out|] for one image and group, all three are
 * products:
 *
 *   y  = w · col              forward
 *   dx = col2im(wᵀ · g)       input
 *   dw = Σ_images g · colᵀ    weight
 *
 * The columns of as many images as fit a workspace are made at a time and given to one batched
 * product; for dw they lie side by side, so that a chunk of images is one long product. A 1x1
 * kernel that moves by 1 needs no columns: x is its own. Columns are made again in the backward,
 * which costs 7 to 10 % of the product and saves keeping |k| times the input.
 *
 * With one channel per group (depthwise) the products are so thin that direct loops over rows win.
 *
 * Everything but the products adds up in a fixed order. */
#include "kernels/conv.h"

#include "base/alloc.h"
#include "base/threads.h"
#include "kernels/blas.h"
#include <string.h>

#define WORKSPACE ((int64_t)1 << 20)        /* bytes of columns for one product */
#define WEIGHT_WORKSPACE ((int64_t)1 << 22) /* the same for dw */
#define PIECE 16384                         /* elements worth handing to another thread */
#define THIN 4                              /* outputs per group of a depthwise convolution */

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t volume(const int64_t *size) { return size[0] * size[1] * size[2]; }

static int64_t grain_of(int64_t elements) {
    return elements > 0 && elements < PIECE ? PIECE / elements : 1;
}

/* ---- Windows --------------------------------------------------------------------------------- */

/* Positions [lo, hi) of a row's outputs read inside x, from x[first] on, for kernel column k. */
typedef struct {
    int64_t lo, hi, first;
} span;

static span span_of(const tg__conv *s, int d, int64_t k) {
    const int64_t shift = s->pad[d] - k * s->dilation[d], step = s->stride[d];
    span r;
    r.lo = smaller(s->out[d], shift > 0 ? (shift + step - 1) / step : 0);
    const int64_t last = s->in[d] - 1 + shift; /* out * step <= last */
    r.hi = larger(r.lo, smaller(s->out[d], last < 0 ? 0 : last / step + 1));
    r.first = r.lo * step - shift;
    return r;
}

/* Where row (od, oh) of kernel row (kd, kh) lies in a plane of x, in elements; -1: outside. */
static int64_t row_of(const tg__conv *s, int64_t od, int64_t oh, int64_t kd, int64_t kh) {
    const int64_t d = od * s->stride[0] - s->pad[0] + kd * s->dilation[0];
    const int64_t h = oh * s->stride[1] - s->pad[1] + kh * s->dilation[1];
    if (d < 0 || d >= s->in[0] || h < 0 || h >= s->in[1])
        return -1;
    return (d * s->in[1] + h) * s->in[2];
}

/* Over the kernel's elements (k counts them) and over the rows of outputs. */
#define FOR_KERNEL(s, kd, kh, kw, k)                                                               \
    for (int64_t kd = 0, k = 0; kd < (s)->k[0]; kd++)                                              \
        for (int64_t kh = 0; kh < (s)->k[1]; kh++)                                                 \
            for (int64_t kw = 0; kw < (s)->k[2]; kw++, k++)
#define FOR_ROWS(s, od, oh)                                                                        \
    for (int64_t od = 0; od < (s)->out[0]; od++)                                                   \
        for (int64_t oh = 0; oh < (s)->out[1]; oh++)

/* ---- Columns --------------------------------------------------------------------------------- */

typedef struct {
    const tg__conv *s;
    int64_t item, image, row;
    const char *from;
    char *to;
} columns;

static void take_items(char *to, const char *from, int64_t n, int64_t step, int64_t item) {
    if (step == 1)
        memcpy(to, from, (size_t)(n * item));
    else if (item == 4)
        for (int64_t i = 0; i < n; i++)
            memcpy(to + i * 4, from + i * step * 4, 4);
    else
        for (int64_t i = 0; i < n; i++)
            memcpy(to + i * 8, from + i * step * 8, 8);
}

static void make_columns(int64_t begin, int64_t end, void *ctx) {
    const columns *c = ctx;
    const tg__conv *s = c->s;
    const int64_t channels = s->groups * s->c, item = c->item, kernel = volume(s->k);
    const int64_t w = s->out[2];
    for (int64_t t = begin; t < end; t++) {
        const char *plane = c->from + t * volume(s->in) * item;
        FOR_KERNEL(s, kd, kh, kw, k) {
            const int64_t row = t % channels * kernel + k;
            char *to = c->to + (t / channels * c->image + row * c->row) * item;
            const span r = span_of(s, 2, kw);
            FOR_ROWS(s, od, oh) {
                const int64_t from = row_of(s, od, oh, kd, kh);
                const int64_t lo = from < 0 ? w : r.lo, hi = from < 0 ? w : r.hi;
                memset(to, 0, (size_t)(lo * item));
                if (lo < hi)
                    take_items(to + lo * item, plane + (from + r.first) * item, hi - lo,
                               s->stride[2], item);
                memset(to + hi * item, 0, (size_t)((w - hi) * item));
                to += w * item;
            }
        }
    }
}

void tg__im2col(size_t item, const tg__conv *s, int64_t n, const void *x, void *col, int64_t image,
                int64_t row) {
    columns c = {.s = s, .item = (int64_t)item, .image = image, .row = row, .from = x, .to = col};
    tg__parallel_for(n * s->groups * s->c, grain_of(volume(s->k) * volume(s->out)), make_columns,
                     &c);
}

/* ---- Loops in the element type --------------------------------------------------------------- */

typedef struct {
    const tg__conv *s;
    const void *x, *w, *bias, *g;
    void *out;
} direct;

/* y[i·ys] += a · x[i·xs] */
#define AXPY(T)                                                                                    \
    static void axpy_##T(T *restrict y, int64_t ys, const T *restrict x, int64_t xs, T a,          \
                         int64_t n) {                                                              \
        if (ys == 1 && xs == 1)                                                                    \
            for (int64_t i = 0; i < n; i++)                                                        \
                y[i] += a * x[i];                                                                  \
        else                                                                                       \
            for (int64_t i = 0; i < n; i++)                                                        \
                y[i * ys] += a * x[i * xs];                                                        \
    }

/* Σ a[i·as] · b[i], in LANES sums. */
#define LANES 8
#define DOT(T)                                                                                     \
    static T dot_##T(const T *a, int64_t as, const T *b, int64_t n) {                              \
        T sum[LANES] = {0};                                                                        \
        int64_t i = 0;                                                                             \
        if (as == 1)                                                                               \
            for (; i + LANES <= n; i += LANES)                                                     \
                for (int j = 0; j < LANES; j++)                                                    \
                    sum[j] += a[i + j] * b[i + j];                                                 \
        for (; i < n; i++)                                                                         \
            sum[i % LANES] += a[i * as] * b[i];                                                    \
        for (int half = LANES / 2; half > 0; half /= 2)                                            \
            for (int j = 0; j < half; j++)                                                         \
                sum[j] += sum[j + half];                                                           \
        return sum[0];                                                                             \
    }

/* Planes [begin, end) of dx from their columns. */
#define COL2IM(T)                                                                                  \
    static void add_columns_##T(int64_t begin, int64_t end, void *ctx) {                           \
        const columns *c = ctx;                                                                    \
        const tg__conv *s = c->s;                                                                  \
        const int64_t size = volume(s->in), step = s->stride[2], w = s->out[2];                    \
        for (int64_t t = begin; t < end; t++) {                                                    \
            T *plane = (T *)(void *)c->to + t * size;                                              \
            const T *col = (const T *)(const void *)c->from + t * volume(s->k) * volume(s->out);   \
            memset(plane, 0, (size_t)size * sizeof(T));                                            \
            FOR_KERNEL(s, kd, kh, kw, k) {                                                         \
                const span r = span_of(s, 2, kw);                                                  \
                FOR_ROWS(s, od, oh) {                                                              \
                    const int64_t at = row_of(s, od, oh, kd, kh);                                  \
                    if (at >= 0 && r.lo < r.hi)                                                    \
                        axpy_##T(plane + at + r.first, step, col + r.lo, 1, 1, r.hi - r.lo);       \
                    col += w;                                                                      \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

/* Planes [begin, end) of y. */
#define DIRECT_FORWARD(T)                                                                          \
    static void direct_forward_##T(int64_t begin, int64_t end, void *ctx) {                        \
        const direct *p = ctx;                                                                     \
        const tg__conv *s = p->s;                                                                  \
        const int64_t outputs = s->groups * s->o, kernel = volume(s->k);                           \
        for (int64_t t = begin; t < end; t++) {                                                    \
            const int64_t o = t % outputs;                                                         \
            const int64_t channel = t / outputs * s->groups + o / s->o; /* one per group */        \
            const T *x = (const T *)p->x + channel * volume(s->in);                                \
            const T *w = (const T *)p->w + o * kernel;                                             \
            const T start = p->bias ? ((const T *)p->bias)[o] : 0;                                 \
            T *y = (T *)p->out + t * volume(s->out);                                               \
            FOR_ROWS(s, od, oh) {                                                                  \
                for (int64_t i = 0; i < s->out[2]; i++)                                            \
                    y[i] = start;                                                                  \
                FOR_KERNEL(s, kd, kh, kw, k) {                                                     \
                    const int64_t at = row_of(s, od, oh, kd, kh);                                  \
                    const span r = span_of(s, 2, kw);                                              \
                    if (at >= 0 && r.lo < r.hi)                                                    \
                        axpy_##T(y + r.lo, 1, x + at + r.first, s->stride[2], w[k], r.hi - r.lo);  \
                }                                                                                  \
                y += s->out[2];                                                                    \
            }                                                                                      \
        }                                                                                          \
    }

/* Planes [begin, end) of dx. */
#define DIRECT_INPUT(T)                                                                            \
    static void direct_input_##T(int64_t begin, int64_t end, void *ctx) {                          \
        const direct *p = ctx;                                                                     \
        const tg__conv *s = p->s;                                                                  \
        const int64_t kernel = volume(s->k);                                                       \
        for (int64_t t = begin; t < end; t++) {                                                    \
            T *dx = (T *)p->out + t * volume(s->in);                                               \
            memset(dx, 0, (size_t)volume(s->in) * sizeof(T));                                      \
            for (int64_t o = 0; o < s->o; o++) {                                                   \
                const T *g = (const T *)p->g + (t * s->o + o) * volume(s->out);                    \
                const T *w = (const T *)p->w + (t % s->groups * s->o + o) * kernel;                \
                FOR_ROWS(s, od, oh) {                                                              \
                    FOR_KERNEL(s, kd, kh, kw, k) {                                                 \
                        const int64_t at = row_of(s, od, oh, kd, kh);                              \
                        const span r = span_of(s, 2, kw);                                          \
                        if (at >= 0 && r.lo < r.hi)                                                \
                            axpy_##T(dx + at + r.first, s->stride[2], g + r.lo, 1, w[k],           \
                                     r.hi - r.lo);                                                 \
                    }                                                                              \
                    g += s->out[2];                                                                \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

/* Elements [begin, end) of dw. */
#define DIRECT_WEIGHT(T)                                                                           \
    static void direct_weight_##T(int64_t begin, int64_t end, void *ctx) {                         \
        const direct *p = ctx;                                                                     \
        const tg__conv *s = p->s;                                                                  \
        for (int64_t t = begin; t < end; t++) {                                                    \
            const int64_t kw = t % s->k[2], kh = t / s->k[2] % s->k[1];                            \
            const int64_t kd = t / (s->k[2] * s->k[1]) % s->k[0], o = t / volume(s->k);            \
            const span r = span_of(s, 2, kw);                                                      \
            T sum = 0;                                                                             \
            for (int64_t n = 0; n < s->n && r.lo < r.hi; n++) {                                    \
                const T *x = (const T *)p->x + (n * s->groups + o / s->o) * volume(s->in);         \
                const T *g = (const T *)p->g + (n * s->groups * s->o + o) * volume(s->out);        \
                FOR_ROWS(s, od, oh) {                                                              \
                    const int64_t at = row_of(s, od, oh, kd, kh);                                  \
                    if (at >= 0)                                                                   \
                        sum += dot_##T(x + at + r.first, s->stride[2], g + r.lo, r.hi - r.lo);     \
                    g += s->out[2];                                                                \
                }                                                                                  \
            }                                                                                      \
            ((T *)p->out)[t] = sum;                                                                \
        }                                                                                          \
    }

#define LOOPS(T) AXPY(T) DOT(T) COL2IM(T) DIRECT_FORWARD(T) DIRECT_INPUT(T) DIRECT_WEIGHT(T)
LOOPS(float)
LOOPS(double)

static bool is_direct(const tg__conv *s) { return s->c == 1 && s->o <= THIN; }

static int64_t item_of(tg_dtype dtype) { return dtype == TG_F64 ? 8 : 4; }

void tg__col2im(tg_dtype dtype, const tg__conv *s, int64_t n, const void *col, void *dx) {
    columns c = {.s = s, .from = col, .to = dx};
    tg__parallel_for(n * s->groups * s->c, grain_of(volume(s->k) * volume(s->out)),
                     dtype == TG_F32 ? add_columns_float : add_columns_double, &c);
}

/* ---- Products -------------------------------------------------------------------------------- */

/* A workspace for the columns of as many images as fit `bytes`, at least one. */
typedef struct {
    int64_t images, one; /* one: elements per image */
    size_t bytes;
    char *col;
} workspace;

static bool open_workspace(tg_dtype dtype, const tg__conv *s, int64_t limit, workspace *w) {
    int64_t bytes = item_of(dtype);
    bool over = false;
    const int64_t factors[] = {s->groups, s->c, volume(s->k), volume(s->out)};
    for (int i = 0; i < 4; i++)
        over |= __builtin_mul_overflow(bytes, factors[i], &bytes);
    if (over)
        return false;
    w->one = bytes / item_of(dtype);
    w->images = smaller(s->n, bytes > 0 ? larger(1, limit / bytes) : s->n);
    w->bytes = (size_t)(bytes * w->images);
    w->col = tg__alloc(w->bytes);
    return w->col != NULL;
}

/* The columns of x are x itself. */
static bool is_pointwise(const tg__conv *s) {
    for (int d = 0; d < 3; d++)
        if (s->k[d] != 1 || s->stride[d] != 1 || s->pad[d] != 0 || s->in[d] != s->out[d])
            return false;
    return true;
}

/* y = w · col for n images. */
static bool forward_product(tg_dtype dtype, const tg__conv *s, int64_t n, const void *col,
                            const void *w, void *y) {
    tg__matmul p = {.dtype = dtype, .n_batch = 2, .batch = {n, s->groups}, .m = s->o, .c = y};
    p.k = s->c * volume(s->k);
    p.n = volume(s->out);
    p.a = (tg__matrix){.data = w, .row = p.k, .col = 1, .batch = {0, p.m * p.k}};
    p.b = (tg__matrix){
        .data = col, .row = p.n, .col = 1, .batch = {s->groups * p.k * p.n, p.k * p.n}};
    return tg__matmul_run(&p);
}

/* col = wᵀ · g for n images. */
static bool input_product(tg_dtype dtype, const tg__conv *s, int64_t n, const void *g,
                          const void *w, void *col) {
    tg__matmul p = {.dtype = dtype, .n_batch = 2, .batch = {n, s->groups}, .k = s->o, .c = col};
    p.m = s->c * volume(s->k);
    p.n = volume(s->out);
    p.a = (tg__matrix){.data = w, .row = 1, .col = p.m, .batch = {0, p.m * p.k}};
    p.b =
        (tg__matrix){.data = g, .row = p.n, .col = 1, .batch = {s->groups * p.k * p.n, p.k * p.n}};
    return tg__matmul_run(&p);
}

static void add_bias(tg_dtype dtype, const tg__conv *s, const void *bias, char *y) {
    const int64_t outputs = s->groups * s->o, size = volume(s->out);
    for (int64_t t = 0; t < s->n * outputs; t++)
        if (dtype == TG_F32) {
            float *row = (float *)(void *)y + t * size;
            const float b = ((const float *)bias)[t % outputs];
            for (int64_t i = 0; i < size; i++)
                row[i] += b;
        } else {
            double *row = (double *)(void *)y + t * size;
            const double b = ((const double *)bias)[t % outputs];
            for (int64_t i = 0; i < size; i++)
                row[i] += b;
        }
}

bool tg__conv_forward(tg_dtype dtype, const tg__conv *s, const void *x, const void *w,
                      const void *bias, void *y) {
    const int64_t item = item_of(dtype), outputs = s->groups * s->o, size = volume(s->out);
    if (s->n == 0 || outputs == 0)
        return true;
    if (is_direct(s)) {
        direct p = {.s = s, .x = x, .w = w, .bias = bias, .out = y};
        tg__parallel_for(s->n * outputs, grain_of(size * volume(s->k)),
                         dtype == TG_F32 ? direct_forward_float : direct_forward_double, &p);
        return true;
    }
    if (is_pointwise(s)) {
        if (!forward_product(dtype, s, s->n, x, w, y))
            return false;
        if (bias)
            add_bias(dtype, s, bias, y);
        return true;
    }
    workspace work;
    if (!open_workspace(dtype, s, WORKSPACE, &work))
        return false;
    tg__conv part = *s;
    bool good = true;
    for (int64_t i = 0; good && i < s->n; i += part.n) {
        part.n = smaller(work.images, s->n - i);
        char *out = (char *)y + i * outputs * size * item;
        tg__im2col((size_t)item, s, part.n,
                   (const char *)x + i * s->groups * s->c * volume(s->in) * item, work.col,
                   work.one, size);
        good = forward_product(dtype, s, part.n, work.col, w, out);
        if (good && bias) /* while it is in the cache */
            add_bias(dtype, &part, bias, out);
    }
    tg__free(work.col, work.bytes);
    return good;
}

bool tg__conv_input(tg_dtype dtype, const tg__conv *s, const void *g, const void *w, void *dx) {
    const int64_t item = item_of(dtype), channels = s->groups * s->c;
    if (s->n == 0 || channels == 0)
        return true;
    if (is_direct(s)) {
        direct p = {.s = s, .g = g, .w = w, .out = dx};
        tg__parallel_for(s->n * channels, grain_of(s->o * volume(s->out) * volume(s->k)),
                         dtype == TG_F32 ? direct_input_float : direct_input_double, &p);
        return true;
    }
    if (is_pointwise(s))
        return input_product(dtype, s, s->n, g, w, dx);
    workspace work;
    if (!open_workspace(dtype, s, WORKSPACE, &work))
        return false;
    bool good = true;
    for (int64_t i = 0; good && i < s->n; i += work.images) {
        const int64_t n = smaller(work.images, s->n - i);
        good = input_product(dtype, s, n,
                             (const char *)g + i * s->groups * s->o * volume(s->out) * item, w,
                             work.col);
        if (good)
            tg__col2im(dtype, s, n, work.col, (char *)dx + i * channels * volume(s->in) * item);
    }
    tg__free(work.col, work.bytes);
    return good;
}

/* dw (of every group) = g · colᵀ; both hold the positions of n images side by side. */
static bool weight_product(tg_dtype dtype, const tg__conv *s, int64_t n, const void *g,
                           const void *col, void *dw) {
    tg__matmul p = {.dtype = dtype, .n_batch = 1, .batch = {s->groups}, .m = s->o, .c = dw};
    p.n = s->c * volume(s->k);
    p.k = n * volume(s->out);
    p.a = (tg__matrix){.data = g, .row = p.k, .col = 1, .batch = {p.m * p.k}};
    p.b = (tg__matrix){.data = col, .row = 1, .col = p.k, .batch = {p.n * p.k}};
    return tg__matmul_run(&p);
}

static void add_to(tg_dtype dtype, void *sum, const void *part, int64_t n) {
    if (dtype == TG_F32)
        axpy_float(sum, 1, part, 1, 1, n);
    else
        axpy_double(sum, 1, part, 1, 1, n);
}

/* Buffers beside the columns: the gradients of a chunk [outputs, images, positions], and its dw. */
typedef struct {
    int64_t item, weights, outputs, size;
    size_t bytes;
    char *g, *dw;
} weight_buffers;

static bool weight_chunk(tg_dtype dtype, const tg__conv *s, int64_t n, const char *x, const char *g,
                         const workspace *work, const weight_buffers *b, char *dw) {
    tg__im2col((size_t)b->item, s, n, x, work->col, b->size, n * b->size);
    if (n > 1) {
        const int64_t row = b->size * b->item, image = b->outputs * row;
        tg__copy_strided(3, (const int64_t[]){b->outputs, n, b->size}, b->g,
                         (const int64_t[]){n * row, row, b->item}, g,
                         (const int64_t[]){row, image, b->item}, (size_t)b->item);
        g = b->g;
    }
    return weight_product(dtype, s, n, g, work->col, dw);
}

bool tg__conv_weight(tg_dtype dtype, const tg__conv *s, const void *x, const void *g, void *dw) {
    weight_buffers b = {.item = item_of(dtype), .outputs = s->groups * s->o};
    b.size = volume(s->out);
    b.weights = b.outputs * s->c * volume(s->k);
    if (b.weights == 0)
        return true;
    if (s->n == 0) {
        memset(dw, 0, (size_t)(b.weights * b.item));
        return true;
    }
    if (is_direct(s)) {
        direct p = {.s = s, .x = x, .g = g, .out = dw};
        tg__parallel_for(b.weights, grain_of(s->n * b.size),
                         dtype == TG_F32 ? direct_weight_float : direct_weight_double, &p);
        return true;
    }
    workspace work;
    if (!open_workspace(dtype, s, WEIGHT_WORKSPACE, &work))
        return false;
    b.bytes = (size_t)((work.images * b.outputs * b.size + b.weights) * b.item);
    b.g = tg__alloc(b.bytes);
    bool good = b.g != NULL;
    if (good)
        b.dw = b.g + work.images * b.outputs * b.size * b.item;
    for (int64_t i = 0; good && i < s->n; i += work.images) {
        const int64_t n = smaller(work.images, s->n - i);
        good = weight_chunk(
            dtype, s, n, (const char *)x + i * s->groups * s->c * volume(s->in) * b.item,
            (const char *)g + i * b.outputs * b.size * b.item, &work, &b, i == 0 ? dw : b.dw);
        if (good && i > 0)
            add_to(dtype, dw, b.dw, b.weights);
    }
    tg__free(b.g, b.bytes);
    tg__free(work.col, work.bytes);
    return good;
}
