/* grid_sample.c - sampling at the positions of a grid, and grids of affine maps.
 *
 * grid_sample is composed: positions become indices and weights by elementwise operations, and the
 * neighbours are gathered, so derivatives of every order reach both x and grid. Indices carry no
 * gradient. With T neighbours per dim (1, 2 or 4) there are T² (T³) gathers. */
#include "base/options.h"
#include "ops/elementwise.h"
#include "ops/view.h"
#include "ops/window.h"

#include <tensorgrad/autograd.h>

typedef struct {
    int64_t mode, padding_mode;
    bool align_corners;
} sample_attr;
static const tg__field sample_fields[] = {
    {"mode", TG_ATTR_INT, offsetof(sample_attr, mode), false, TG_GRID_BILINEAR, 0},
    {"padding_mode", TG_ATTR_INT, offsetof(sample_attr, padding_mode), false, TG_GRID_ZEROS, 0},
    {"align_corners", TG_ATTR_BOOL, offsetof(sample_attr, align_corners), false, 0, 0},
    {0}};

/* ---- Positions along one dim of `size` elements ---- */

/* From [-1, 1] to elements. */
static tg_tensor *to_elements(tg_tensor *p, int64_t size, bool align) {
    const double n = (double)size;
    return align ? tg_mul_scalar(tg_add_scalar(p, 1), (n - 1) / 2)
                 : tg_mul_scalar(tg_sub_scalar(tg_mul_scalar(tg_add_scalar(p, 1), n), 1), 0.5);
}

/* Limited to [0, size - 1]; no gradient at the limits nor beyond. */
static tg_tensor *limited(tg_tensor *p, int64_t size) {
    if (p == NULL)
        return NULL;
    const double last = (double)(size - 1);
    const tg_dtype dtype = (tg_dtype)p->dtype;
    p = tg_where(tg_ge_scalar(p, last), tg_scalar(dtype, last), p);
    return tg_where(tg_le_scalar(p, 0), tg_scalar(dtype, 0), p);
}

/* Mirrored at the outer elements (aligned) or at their outer edges. */
static tg_tensor *mirrored(tg_tensor *p, int64_t size, bool align) {
    const double low = align ? 0 : -0.5;
    const double span = align ? (double)(size - 1) : (double)size;
    if (span == 0)
        return tg_mul_scalar(p, 0);
    tg_tensor *from = tg_sub_scalar(p, low);
    from = tg_where(tg_lt_scalar(from, 0), tg_neg(from), from);
    tg_tensor *turns = tg_floor(tg_div_scalar(tg_detach(from), span));
    tg_tensor *rest = tg_sub(from, tg_mul_scalar(turns, span));
    tg_tensor *half = tg_mul_scalar(turns, 0.5);
    tg_tensor *odd = tg_ne(tg_floor(half), half);
    return tg_add_scalar(tg_where(odd, tg_rsub_scalar(rest, span), rest), low);
}

static tg_tensor *padded(tg_tensor *p, int64_t size, const sample_attr *a) {
    if (a->padding_mode == TG_GRID_REFLECTION)
        p = mirrored(p, size, a->align_corners);
    return a->padding_mode == TG_GRID_ZEROS ? p : limited(p, size);
}

/* ---- Neighbours along one dim ---- */

#define MOST_TAPS 4
typedef struct {
    int n;
    tg_tensor *index[MOST_TAPS];   /* i64, in range */
    tg_tensor *outside[MOST_TAPS]; /* bool; NULL where nothing can be */
    tg_tensor *weight[MOST_TAPS];
} taps;

/* Element numbers (float, whole) as an index of x, and which of them are outside. */
static void add_tap(taps *t, tg_tensor *at, tg_tensor *weight, int64_t size, const sample_attr *a) {
    const int k = t->n++;
    const double last = (double)(size - 1);
    t->weight[k] = weight;
    t->outside[k] = NULL;
    if (a->padding_mode == TG_GRID_ZEROS) /* NaN is not: its weight is NaN, and shows */
        t->outside[k] = tg_logical_or(tg_lt_scalar(at, 0), tg_gt_scalar(at, last));
    t->index[k] = tg_cast(tg_clamp(at, 0, last), TG_I64);
}

/* ((a·t + b)·t + c)·t + d */
static tg_tensor *cubic(tg_tensor *t, double a, double b, double c, double d) {
    tg_tensor *y = tg_add_scalar(tg_mul_scalar(t, a), b);
    y = tg_add_scalar(tg_mul(y, t), c);
    return tg_add_scalar(tg_mul(y, t), d);
}

static void cubic_taps(tg_tensor *p, int64_t size, const sample_attr *a, taps *t) {
    tg_tensor *first = tg_floor(tg_detach(p));
    tg_tensor *part = tg_sub(p, first);
    tg_tensor *rest = tg_rsub_scalar(part, 1);
    tg_tensor *weight[MOST_TAPS] = {cubic(tg_add_scalar(part, 1), -0.75, 3.75, -6, 3),
                                    cubic(part, 1.25, -2.25, 0, 1), cubic(rest, 1.25, -2.25, 0, 1),
                                    cubic(tg_add_scalar(rest, 1), -0.75, 3.75, -6, 3)};
    for (int k = 0; k < MOST_TAPS; k++)
        add_tap(t, padded(tg_add_scalar(first, k - 1), size, a), weight[k], size, a);
}

/* Elements around positions p in [-1, 1]. */
static taps taps_of(tg_tensor *p, int64_t size, const sample_attr *a) {
    taps t = {.n = 0};
    p = to_elements(p, size, a->align_corners);
    if (a->mode == TG_GRID_BICUBIC) {
        cubic_taps(p, size, a, &t);
        return t;
    }
    p = padded(p, size, a);
    if (a->mode == TG_GRID_NEAREST) {
        tg_tensor *at = tg_round(p, 0); /* weight 1, NaN for NaN, with gradient 0 */
        add_tap(&t, at, tg_add_scalar(tg_sub(at, tg_detach(at)), 1), size, a);
        return t;
    }
    tg_tensor *first = tg_floor(tg_detach(p));
    tg_tensor *part = tg_sub(p, first);
    add_tap(&t, first, tg_rsub_scalar(part, 1), size, a);
    add_tap(&t, tg_add_scalar(first, 1), part, size, a);
    return t;
}

/* ---- grid_sample ---- */

static bool grid_sample_check(const tg__call *c) {
    const sample_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    const tg_tensor *grid = c->in[1];
    const int nd = x->ndim - 2;
    bool good = (nd == 2 || nd == 3) && grid->ndim == x->ndim && grid->shape[nd + 1] == nd &&
                grid->shape[0] == x->shape[0];
    for (int i = 2; good && i < x->ndim; i++)
        good = x->shape[i] > 0;
    if (!good) {
        tg__fail(TG_ERR_SHAPE, c->op->name,
                 "x is %s and grid is %s; give [N, C, H, W] with [N, ..., ..., 2], or [N, C, D, H, "
                 "W] with [N, ..., ..., ..., 3], spatial sizes of x at least 1",
                 tg__describe(x), tg__describe(grid));
        return false;
    }
    if (a->mode < TG_GRID_BILINEAR || a->mode > TG_GRID_BICUBIC ||
        (a->mode == TG_GRID_BICUBIC && nd == 3)) {
        tg__fail(TG_ERR_ARG, c->op->name,
                 "mode is %lld; give TG_GRID_BILINEAR, _NEAREST or, for two spatial dims, _BICUBIC",
                 (long long)a->mode);
        return false;
    }
    if (a->padding_mode < TG_GRID_ZEROS || a->padding_mode > TG_GRID_REFLECTION) {
        tg__fail(TG_ERR_ARG, c->op->name,
                 "padding_mode is %lld; give TG_GRID_ZEROS, _BORDER or _REFLECTION",
                 (long long)a->padding_mode);
        return false;
    }
    return tg__one_float_dtype(c);
}

/* What choice k of neighbours adds: x [N, C, elements] at one tap per dim, weighted. */
static tg_tensor *neighbour(tg_tensor *x, const tg_tensor *like, const taps *dims, int k) {
    tg_tensor *index = NULL;
    tg_tensor *weight = NULL;
    tg_tensor *outside = NULL;
    for (int d = 0; d < like->ndim - 2; d++) {
        const int tap = k % dims[d].n;
        k /= dims[d].n;
        tg_tensor *i = dims[d].index[tap];
        tg_tensor *w = dims[d].weight[tap];
        tg_tensor *o = dims[d].outside[tap];
        index = d == 0 ? i : tg_add(tg_mul(index, tg_scalar_i64(like->shape[2 + d])), i);
        weight = d == 0 ? w : tg_mul(weight, w);
        outside = d == 0 || o == NULL ? o : tg_logical_or(outside, o);
    }
    if (index == NULL)
        return NULL;
    const int64_t shape[3] = {like->shape[0], like->shape[1], index->shape[2]};
    tg_tensor *y = tg_gather(x, 2, tg_expand(index, 3, shape));
    return tg_mul(y, outside == NULL ? weight : tg_masked_fill(weight, outside, 0));
}

static bool grid_sample_forward(const tg__call *c) {
    if (!grid_sample_check(c))
        return false;
    const tg_tensor *x = c->in[0];
    const tg_tensor *grid = c->in[1];
    const int nd = x->ndim - 2;
    int64_t shape[TG_MAX_DIMS] = {x->shape[0], x->shape[1]};
    int64_t points = 1;
    int64_t elements = 1;
    for (int d = 0; d < nd; d++) {
        shape[2 + d] = grid->shape[1 + d];
        points *= grid->shape[1 + d];
        elements *= x->shape[2 + d];
    }
    taps dims[TG__SPATIAL];
    int choices = 1;
    for (int d = 0; d < nd; d++) { /* the last entry of grid is for the first spatial dim */
        tg_tensor *p = tg_select(c->in[1], nd + 1, nd - 1 - d);
        p = tg_reshape(p, TG_SHAPE(x->shape[0], 1, points));
        dims[d] = taps_of(p, x->shape[2 + d], c->attr);
        choices *= dims[d].n;
    }
    tg_tensor *rows = tg_reshape(c->in[0], TG_SHAPE(x->shape[0], x->shape[1], elements));
    tg_tensor *y = NULL;
    for (int k = 0; k < choices; k++) {
        tg_tensor *part = neighbour(rows, x, dims, k);
        y = k == 0 ? part : tg_add(y, part);
    }
    c->out[0] = tg_reshape(y, nd + 2, shape);
    return c->out[0] != NULL;
}
TG_OP(grid_sample, .maths = "x at the positions of grid", .inputs = "x grid", .n_in = 2,
      .flags = TG__COMPOSED, .fields = sample_fields, .attr_size = sizeof(sample_attr),
      .forward = grid_sample_forward,
      .onnx = {"GridSample", 16,
               "mode=mode,padding_mode=padding_mode,align_corners=align_corners"});
TG_SAMPLES(grid_sample, "[2,1,3,4] [2,2,3,2]", "[1,2,3,3] [1,2,2,2] | mode=1 padding_mode=1",
           "[1,1,4,3] [1,3,2,2] | padding_mode=1 align_corners=1",
           "[1,2,3,3] [1,2,3,2] | padding_mode=2",
           "[1,1,3,4] [1,2,3,2] | padding_mode=2 align_corners=1", "[1,1,4,4] [1,2,2,2] | mode=2",
           "[1,1,3,4] [1,2,2,2] | mode=2 padding_mode=2",
           "[1,1,3,4] [1,2,2,2] | mode=2 padding_mode=1 align_corners=1", "[1,1,2,3,2] [1,1,2,2,3]",
           "[1,1,2,2,3] [1,2,1,2,3] | mode=1 align_corners=1",
           "[1,1,2,2,3] [1,2,1,2,3] | padding_mode=2");
tg_tensor *tg_grid_sample(tg_tensor *x, tg_tensor *grid, const tg_grid_sample_options *options) {
    tg_grid_sample_options o = TG_GRID_SAMPLE_OPTIONS_INIT;
    if (tg__options("grid_sample", "tg_grid_sample_options", "TG_GRID_SAMPLE_OPTIONS_INIT", options,
                    &o, sizeof o) != TG_OK)
        return NULL;
    return tg__apply2(&tg__op_grid_sample, x, grid,
                      &(sample_attr){o.mode, o.padding_mode, o.align_corners});
}

/* ---- affine_grid: the positions θ·[x, y(, z), 1] for a result of `size` ---- */

typedef struct {
    tg__sizes size;
    bool align_corners;
} affine_attr;
static const tg__field affine_fields[] = {
    {"size", TG_ATTR_SHAPE, offsetof(affine_attr, size), true, 0, 0},
    {"align_corners", TG_ATTR_BOOL, offsetof(affine_attr, align_corners), false, 0, 0},
    {0}};

static bool affine_grid_check(const tg__call *c) {
    const affine_attr *a = c->attr;
    const tg_tensor *theta = c->in[0];
    const int nd = a->size.n - 2;
    bool good = (nd == 2 || nd == 3) && theta->ndim == 3 && theta->shape[0] == a->size.size[0] &&
                theta->shape[1] == nd && theta->shape[2] == nd + 1;
    for (int i = 1; good && i < nd + 2; i++)
        good = a->size.size[i] > 0;
    if (!good) {
        tg__fail(TG_ERR_SHAPE, c->op->name,
                 "theta is %s for size %s; give [N, 2, 3] for [N, C, H, W] or [N, 3, 4] for [N, C, "
                 "D, H, W], of sizes at least 1",
                 tg__describe(theta), tg__describe_shape(a->size.n, a->size.size));
        return false;
    }
    return tg__float_only(c->op->name, theta);
}

/* The positions along a dim: from -1 to 1, or the centres of n equal parts of that. */
static tg_tensor *centres(tg_dtype dtype, int64_t n, bool align) {
    if (n == 1)
        return tg_zeros(dtype, TG_SHAPE(1));
    tg_tensor *x = tg_linspace(dtype, -1, 1, n);
    return align ? x : tg_mul_scalar(x, (double)(n - 1) / (double)n);
}

static bool affine_grid_forward(const tg__call *c) {
    const affine_attr *a = c->attr;
    if (!affine_grid_check(c))
        return false;
    tg_tensor *theta = c->in[0];
    const int nd = a->size.n - 2;
    int64_t column[TG_MAX_DIMS] = {theta->shape[0], 1, 1, 1, 1};
    column[nd + 1] = nd;
    int64_t shape[TG_MAX_DIMS] = {theta->shape[0]};
    for (int d = 0; d < nd; d++)
        shape[1 + d] = a->size.size[2 + d];
    shape[nd + 1] = nd;
    if (!tg__shape_check(c->op->name, (tg_dtype)theta->dtype, nd + 2, shape, NULL, NULL))
        return false;
    tg_tensor *grid = tg_reshape(tg_select(theta, 2, nd), nd + 2, column); /* the shift */
    for (int d = 0; d < nd; d++) {
        int64_t along[TG_MAX_DIMS] = {1, 1, 1, 1, 1};
        along[1 + d] = shape[1 + d];
        tg_tensor *x = tg_reshape(centres((tg_dtype)theta->dtype, shape[1 + d], a->align_corners),
                                  nd + 2, along);
        tg_tensor *factor = tg_reshape(tg_select(theta, 2, nd - 1 - d), nd + 2, column);
        grid = tg_add(grid, tg_mul(factor, x));
    }
    c->out[0] = grid;
    return grid != NULL;
}
TG_OP(affine_grid, .maths = "theta . [x, y, 1] at the positions of a result", .inputs = "theta",
      .n_in = 1, .flags = TG__COMPOSED, .fields = affine_fields, .attr_size = sizeof(affine_attr),
      .forward = affine_grid_forward, .onnx = {"AffineGrid", 20, "align_corners=align_corners"});
TG_SAMPLES(affine_grid, "[2,2,3] | size=2,1,3,4", "[1,2,3] | size=1,1,2,3 align_corners=1",
           "[1,3,4] | size=1,2,2,3,1");
tg_tensor *tg_affine_grid(tg_tensor *theta, int n, const int64_t *size, bool align_corners) {
    affine_attr a = {.align_corners = align_corners};
    return tg__sizes_from("affine_grid", n, size, &a.size)
               ? tg__apply1(&tg__op_affine_grid, theta, &a)
               : NULL;
}
