/* resample.c - interpolation of spatial dims to other sizes.
 *
 * All modes are separable: `interpolate` runs the internal operation `resample` along one spatial
 * dim after the other, from the last. It is linear, its gradient the adjoint `resample_grad`, whose
 * gradient is `resample` again. The mode "area" is adaptive_avg_pool. */
#include "kernels/resample.h"

#include "base/options.h"
#include "ops/elementwise.h"
#include "ops/view.h"
#include "ops/window.h"

/* ---- resample along one dim, and its adjoint ---- */

typedef struct {
    int64_t dim, size, mode;
    bool align_corners;
    double scale;
} resample_attr;
static const tg__field resample_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(resample_attr, dim), true, 0, 0},
    {"size", TG_ATTR_INT, offsetof(resample_attr, size), true, 0, 0},
    {"mode", TG_ATTR_INT, offsetof(resample_attr, mode), false, TG__RESAMPLE_NEAREST, 0},
    {"align_corners", TG_ATTR_BOOL, offsetof(resample_attr, align_corners), false, 0, 0},
    {"scale", TG_ATTR_FLOAT, offsetof(resample_attr, scale), false, 0, 0},
    {0}};

static bool resampled(const tg__call *c, bool adjoint) {
    const resample_attr *a = c->attr;
    const char *op = c->op->name;
    const int dim = tg__dim(op, c->in[0], a->dim);
    if (dim < 0 || !tg__float_only(op, c->in[0]))
        return false;
    const tg_tensor *x = c->in[0];
    if (x->ndim == 0 || x->shape[dim] < 1 || a->size < 1) {
        tg__fail(TG_ERR_SHAPE, op, "%s to size %lld; both sizes must be at least 1",
                 tg__describe(x), (long long)a->size);
        return false;
    }
    if (a->mode < 0 || a->mode >= TG__RESAMPLE_MODES || !(a->scale >= 0 && a->scale < 1e18)) {
        tg__fail(TG_ERR_ARG, op,
                 "mode %lld, scale %s; give a mode of tg__resample_mode, scale >= 0",
                 (long long)a->mode, tg__num(a->scale));
        return false;
    }
    int64_t shape[TG_MAX_DIMS];
    tg__resample r = {.mode = (tg__resample_mode)a->mode, .scale = a->scale};
    r.align_corners = a->align_corners;
    r.in = adjoint ? a->size : x->shape[dim];
    r.out = adjoint ? x->shape[dim] : a->size;
    r.outer = r.inner = 1;
    for (int i = 0; i < x->ndim; i++) {
        shape[i] = i == dim ? a->size : x->shape[i];
        *(i < dim ? &r.outer : &r.inner) *= i == dim ? 1 : x->shape[i];
    }
    tg_tensor *from = tg__packed(op, c->in[0]);
    tg_tensor *to = from != NULL ? tg__new(op, (tg_dtype)from->dtype, from->ndim, shape) : NULL;
    if (to != NULL && !(adjoint ? tg__resample_grad : tg__resample_forward)((tg_dtype)to->dtype, &r,
                                                                            from->data, to->data)) {
        tg__fail_memory(op, (uint64_t)r.out * 64);
        tg__unref(to);
        to = NULL;
    }
    tg__unref(from);
    c->out[0] = to;
    return to != NULL;
}

static tg_tensor *other_way(const tg__op *op, const tg__rule *r) {
    resample_attr a = *(const resample_attr *)r->attr;
    const tg__meta *m = r->meta[0];
    a.size = m->shape[a.dim < 0 ? a.dim + m->ndim : a.dim];
    return tg__apply1(op, r->g[0], &a);
}

#define RESAMPLE                                                                                   \
    .n_in = 1, .flags = TG__INTERNAL, .fields = resample_fields,                                   \
    .attr_size = sizeof(resample_attr), .saves = {TG__SAVE_META(0, 1)}, .onnx = {"composed"}

static bool resample_forward(const tg__call *c) { return resampled(c, false); }
static void resample_rule(tg__rule *r) { r->gin[0] = other_way(&tg__op_resample_grad, r); }
TG_OP(resample, .maths = "x at other positions along dim", .inputs = "x", RESAMPLE,
      .forward = resample_forward, .rule = resample_rule);
TG_SAMPLES(resample, "[2,4] | dim=1 size=7 mode=2", "[3,2] | dim=0 size=2 mode=3",
           "[2,5,2] | dim=-2 size=3 mode=1", "[3] | dim=0 size=5 mode=2 align_corners=1",
           "[4] | dim=0 size=5 mode=0 scale=0.7", "[4] | dim=0 size=5 mode=3 scale=0.7");

static bool resample_grad_forward(const tg__call *c) { return resampled(c, true); }
static void resample_grad_rule(tg__rule *r) { r->gin[0] = other_way(&tg__op_resample, r); }
TG_OP(resample_grad, .maths = "the adjoint of resample", .inputs = "g", RESAMPLE,
      .forward = resample_grad_forward, .rule = resample_grad_rule);
TG_SAMPLES(resample_grad, "[2,7] | dim=1 size=4 mode=2", "[2,2] | dim=0 size=3 mode=3",
           "[2,3,2] | dim=-2 size=5 mode=1", "[5] | dim=0 size=4 mode=0 scale=0.7");

/* ---- interpolate ---- */

typedef struct {
    tg__sizes output_size;
    double scale_factor[TG__SPATIAL];
    int64_t mode;
    bool align_corners, recompute_scale_factor;
} interpolate_attr;
/* scale_factor stands for all spatial dims but those that have one of their own. */
static const tg__field interpolate_fields[] = {
    {"size", TG_ATTR_SHAPE, offsetof(interpolate_attr, output_size), false, 0, 0},
    {"scale_factor", TG_ATTR_FLOAT, offsetof(interpolate_attr, scale_factor[0]), false, 0, 0},
    {"scale_factor2", TG_ATTR_FLOAT, offsetof(interpolate_attr, scale_factor[1]), false, 0, 0},
    {"scale_factor3", TG_ATTR_FLOAT, offsetof(interpolate_attr, scale_factor[2]), false, 0, 0},
    {"mode", TG_ATTR_INT, offsetof(interpolate_attr, mode), false, TG_INTERPOLATE_NEAREST, 0},
    {"align_corners", TG_ATTR_BOOL, offsetof(interpolate_attr, align_corners), false, 0, 0},
    {"recompute_scale_factor", TG_ATTR_BOOL, offsetof(interpolate_attr, recompute_scale_factor),
     false, 0, 0},
    {0}};

/* For each mode: how many spatial dims it needs (0: any), and what it is along one dim. */
static const struct {
    const char *name;
    int nd;
    tg__resample_mode along;
} modes[] = {[TG_INTERPOLATE_NEAREST] = {"NEAREST", 0, TG__RESAMPLE_NEAREST},
             [TG_INTERPOLATE_NEAREST_EXACT] = {"NEAREST_EXACT", 0, TG__RESAMPLE_NEAREST_EXACT},
             [TG_INTERPOLATE_LINEAR] = {"LINEAR", 1, TG__RESAMPLE_LINEAR},
             [TG_INTERPOLATE_BILINEAR] = {"BILINEAR", 2, TG__RESAMPLE_LINEAR},
             [TG_INTERPOLATE_TRILINEAR] = {"TRILINEAR", 3, TG__RESAMPLE_LINEAR},
             [TG_INTERPOLATE_BICUBIC] = {"BICUBIC", 2, TG__RESAMPLE_CUBIC},
             [TG_INTERPOLATE_AREA] = {"AREA", 0, TG__RESAMPLE_NEAREST}};
#define MODES ((int64_t)(sizeof modes / sizeof *modes))

static bool interpolate_check(const tg__call *c) {
    const interpolate_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    const char *op = c->op->name;
    const int nd = x->ndim - 2;
    bool shaped = nd >= 1 && nd <= TG__SPATIAL;
    for (int i = 1; shaped && i < x->ndim; i++)
        shaped = x->shape[i] > 0;
    if (!shaped) {
        tg__fail(TG_ERR_SHAPE, op, "x is %s; give [N, C, L], [N, C, H, W] or [N, C, D, H, W]",
                 tg__describe(x));
        return false;
    }
    if (a->mode < 0 || a->mode >= MODES) {
        tg__fail(TG_ERR_ARG, op, "mode is %lld; give one of TG_INTERPOLATE_...",
                 (long long)a->mode);
        return false;
    }
    if (modes[a->mode].nd != 0 && modes[a->mode].nd != nd) {
        tg__fail(TG_ERR_SHAPE, op, "x is %s and TG_INTERPOLATE_%s needs %d spatial dims",
                 tg__describe(x), modes[a->mode].name, modes[a->mode].nd);
        return false;
    }
    if (a->align_corners && modes[a->mode].nd == 0) {
        tg__fail(TG_ERR_ARG, op, "align_corners with TG_INTERPOLATE_%s, which has no such choice",
                 modes[a->mode].name);
        return false;
    }
    const bool sized = a->output_size.n > 0;
    const bool scaled = a->scale_factor[0] != 0;
    if (sized == scaled || (sized && a->recompute_scale_factor)) {
        tg__fail(TG_ERR_ARG, op, "%s; give either size or scale_factor",
                 sized == scaled ? sized ? "both size and scale_factor are given"
                                         : "neither size nor scale_factor is given"
                                 : "recompute_scale_factor is for scale_factor");
        return false;
    }
    if (sized && a->output_size.n != 1 && a->output_size.n != nd) {
        tg__fail(TG_ERR_SHAPE, op,
                 "size has %d entries; give 1 for all of the %d spatial dims, or %d",
                 (int)a->output_size.n, nd, nd);
        return false;
    }
    return tg__float_only(op, x);
}

/* The size of spatial dim d, and the scale that goes with it (0: in / out). */
static bool output_of(const tg__call *c, int d, int64_t *size, double *scale) {
    const interpolate_attr *a = c->attr;
    const int64_t in = c->in[0]->shape[2 + d];
    *scale = 0;
    if (a->output_size.n > 0) {
        *size = a->output_size.size[a->output_size.n == 1 ? 0 : d];
    } else {
        const double factor = a->scale_factor[d] != 0 ? a->scale_factor[d] : a->scale_factor[0];
        if (!(factor > 0) || (double)in * factor > 1e15) {
            tg__fail(TG_ERR_ARG, c->op->name, "scale_factor is %s; give a finite number above 0",
                     tg__num(factor));
            return false;
        }
        *size = (int64_t)((double)in * factor);
        *scale = a->recompute_scale_factor ? 0 : 1.0 / factor;
    }
    if (*size >= 1)
        return true;
    tg__fail(TG_ERR_SHAPE, c->op->name,
             "x is %s and spatial dim %d would have size %lld; give at "
             "least 1",
             tg__describe(c->in[0]), d, (long long)*size);
    return false;
}

static tg_tensor *area(tg_tensor *x, int nd, const int64_t *size) {
    return nd == 1   ? tg_adaptive_avg_pool1d(x, nd, size)
           : nd == 2 ? tg_adaptive_avg_pool2d(x, nd, size)
                     : tg_adaptive_avg_pool3d(x, nd, size);
}

static bool interpolate_forward(const tg__call *c) {
    const interpolate_attr *a = c->attr;
    if (!interpolate_check(c))
        return false;
    tg_tensor *x = c->in[0];
    const int nd = x->ndim - 2;
    int64_t size[TG__SPATIAL];
    int64_t shape[TG_MAX_DIMS] = {x->shape[0], x->shape[1]};
    double scale[TG__SPATIAL];
    for (int d = 0; d < nd; d++) {
        if (!output_of(c, d, &size[d], &scale[d]))
            return false;
        shape[2 + d] = size[d];
    }
    if (!tg__shape_check(c->op->name, (tg_dtype)x->dtype, nd + 2, shape, NULL, NULL))
        return false;
    for (int d = nd - 1; d >= 0 && a->mode != TG_INTERPOLATE_AREA; d--) {
        resample_attr along = {.dim = 2 + d, .size = size[d], .mode = modes[a->mode].along};
        along.align_corners = a->align_corners;
        along.scale = a->align_corners ? 0 : scale[d];
        x = tg__apply1(&tg__op_resample, x, &along);
    }
    c->out[0] = a->mode == TG_INTERPOLATE_AREA ? area(x, nd, size) : x;
    return c->out[0] != NULL;
}
TG_OP(interpolate, .maths = "x resampled to other spatial sizes", .inputs = "x", .n_in = 1,
      .flags = TG__COMPOSED, .fields = interpolate_fields, .attr_size = sizeof(interpolate_attr),
      .forward = interpolate_forward, .onnx = {"Resize", 13, "sizes=size,scales=scale_factor"});
TG_SAMPLES(interpolate, "[2,1,4] | size=7", "[1,2,3] | scale_factor=1.7 mode=1",
           "[2,1,5] | size=3 mode=2", "[1,1,4] | scale_factor=1.7 mode=2 recompute_scale_factor=1",
           "[1,2,3,4] | size=5,3 mode=3", "[1,1,3,2] | size=5 mode=3 align_corners=1",
           "[1,1,2,3] | scale_factor=1.5 scale_factor2=2.3 mode=4",
           "[1,1,4,3] | size=3,5 mode=4 align_corners=1", "[1,1,2,2,3] | size=3,2,4 mode=5",
           "[1,1,2,2,3] | scale_factor=2", "[1,2,5,4] | size=3,2 mode=6",
           "[1,2,5] | size=3 mode=6");

tg_tensor *tg_interpolate(tg_tensor *x, const tg_interpolate_options *options) {
    tg_interpolate_options o = TG_INTERPOLATE_OPTIONS_INIT;
    if (tg__options("interpolate", "tg_interpolate_options", "TG_INTERPOLATE_OPTIONS_INIT", options,
                    &o, sizeof o) != TG_OK)
        return NULL;
    if (x == NULL) {
        tg__fail_null("interpolate", "x");
        return NULL;
    }
    interpolate_attr a = {.mode = o.mode, .align_corners = o.align_corners};
    a.recompute_scale_factor = o.recompute_scale_factor;
    for (int d = 0; d < TG__SPATIAL && d < x->ndim - 2; d++) {
        if (o.output_size[d] != 0)
            a.output_size.n = x->ndim - 2 < TG__SPATIAL ? x->ndim - 2 : TG__SPATIAL;
        a.output_size.size[d] = o.output_size[d];
        a.scale_factor[d] = o.scale_factor[d];
    }
    return tg__apply1(&tg__op_interpolate, x, &a);
}
tg_tensor *tg_upsample(tg_tensor *x, const tg_interpolate_options *options) {
    return tg_interpolate(x, options);
}
