/* pool_fractional.c - pooling by maximum over windows at pseudo-random distances (Graham 2015).
 *
 * The samples that the distances come from are an input, so a call gives the same result again. */
#include "base/alloc.h"
#include "base/options.h"
#include "ops/pool.h"

/* ---- fractional_max_pool2d, 3d: windows at pseudo-random distances, from given samples ---- */
static const tg__field fractional_fields[] = {
    TG__POOL_FIELD(kernel_size, INTS, true, 0), TG__POOL_FIELD(output_size, SHAPE, true, 0), {0}};
static bool fractional_sizes(const tg__call *c, int nd, tg__pool *p) {
    const tg__pool_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    int64_t in[TG__SPATIAL];
    tg__spatial_of(x->ndim, x->shape, nd, in);
    if (!tg__pool_adaptive(c, nd, in, p) ||
        !tg__window_values(c->op->name, &tg__kernel_field, &a->kernel_size, nd, NULL, p->k))
        return false;
    p->adaptive = false;
    for (int d = 0; d < TG__SPATIAL; d++) {
        if (p->out[d] >= 1 && p->k[d] <= in[d] && p->out[d] <= in[d] - p->k[d] + 1)
            continue;
        tg__fail(TG_ERR_SHAPE, c->op->name,
                 "x is %s: %lld windows of %lld in %lld positions; output_size must be at least 1, "
                 "and with kernel_size - 1 at most the size of x",
                 tg__describe(x), (long long)p->out[d], (long long)p->k[d], (long long)in[d]);
        return false;
    }
    return true;
}
/* The samples as f64 [planes, 3], in the order of the dims; NULL with an error. PyTorch's order in
 * two dims is width, height; in three depth, height, width. */
static double *samples_of(const tg__call *c, int nd, int64_t planes, size_t *bytes) {
    tg_tensor *u = tg__packed_as(c->op->name, c->in[1], TG_F64);
    *bytes = (size_t)planes * TG__SPATIAL * sizeof(double);
    double *out = u != NULL ? tg__alloc(*bytes) : NULL;
    if (u != NULL && out == NULL)
        tg__fail_memory(c->op->name, *bytes);
    for (int64_t i = 0; out != NULL && i < planes * TG__SPATIAL; i++) {
        const int d = (int)(i % TG__SPATIAL);
        const int64_t at = i / TG__SPATIAL * nd + (nd == 2 ? 2 - d : d);
        out[i] = d < TG__SPATIAL - nd ? 0 : ((const double *)(const void *)u->data)[at];
        if (out[i] >= 0 && out[i] < 1)
            continue;
        tg__fail(TG_ERR_ARG, c->op->name, "a sample is %s; give numbers in [0, 1)",
                 tg__num(out[i]));
        tg__free(out, *bytes);
        out = NULL;
    }
    tg__unref(u);
    return out;
}
static bool fractional_forward(const tg__call *c) {
    const int nd = c->op->kernel;
    const tg_tensor *x = c->in[0];
    const tg_tensor *samples = c->in[1];
    tg__pool p = {.planes = 0};
    if (!tg__spatial_input(c->op->name, "x", x, nd))
        return false;
    bool good = samples->ndim == 3 && samples->shape[2] == nd &&
                samples->shape[0] == (x->ndim == nd + 2 ? x->shape[0] : 1) &&
                samples->shape[1] == x->shape[x->ndim - nd - 1];
    if (!good) {
        tg__fail(TG_ERR_SHAPE, c->op->name, "x is %s and samples are %s; give samples [N, C, %d]",
                 tg__describe(x), tg__describe(samples), nd);
        return false;
    }
    if (!tg__float_only(c->op->name, samples) || !fractional_sizes(c, nd, &p))
        return false;
    size_t bytes;
    double *u = samples_of(c, nd, samples->numel / nd, &bytes);
    if (u == NULL)
        return false;
    p.samples = u;
    for (int d = 0; d < TG__SPATIAL; d++)
        p.stride[d] = p.dilation[d] = 1;
    good = tg__pool_maxima(c, &p);
    tg__free(u, bytes);
    return good;
}
/* Between the jumps of the windows the samples change nothing. */
static void fractional_rule(tg__rule *r) {
    const tg__meta *m = r->meta[1];
    if (r->wanted[0])
        tg__pool_maxima_rule(r);
    if (r->wanted[1])
        r->gin[1] = tg_zeros((tg_dtype)m->dtype, m->ndim, m->shape);
}
#define FRACTIONAL(nd)                                                                             \
    .maths = "largest of each window of a random sequence, and where", .inputs = "x samples",      \
    .n_in = 2, .n_out = 2, .kernel = (nd), .fields = fractional_fields,                            \
    .attr_size = sizeof(tg__pool_attr), .forward = fractional_forward, .rule = fractional_rule,    \
    .saves = {TG__SAVE_OUT(1, 1), TG__SAVE_META(0, 1), TG__SAVE_META(1, 2)}, .onnx = {"none"}
TG_OP(fractional_max_pool2d, FRACTIONAL(2));
TG_SAMPLES(fractional_max_pool2d, "[2,1,5,6] %[2,1,2] | kernel_size=2 output_size=3",
           "[2,5,4] %[1,2,2] | kernel_size=2,1 output_size=4,2");
TG_OP(fractional_max_pool3d, FRACTIONAL(3));
TG_SAMPLES(fractional_max_pool3d, "[1,1,4,5,3] %[1,1,3] | kernel_size=2 output_size=2,3,1");

static tg_tensor *fractional_max_pooled(const tg__op *op, tg_tensor *x, tg_tensor *samples,
                                        const tg_fractional_pool_options *options,
                                        tg_tensor **indices) {
    tg_fractional_pool_options o = TG_FRACTIONAL_POOL_OPTIONS_INIT;
    tg__pool_attr a = {.output_size.n = op->kernel};
    if (indices != NULL)
        *indices = NULL;
    if (tg__options(op->name, "tg_fractional_pool_options", "TG_FRACTIONAL_POOL_OPTIONS_INIT",
                    options, &o, sizeof o) != TG_OK)
        return NULL;
    tg__ints_from(&a.kernel_size, op->kernel, o.kernel_size);
    for (int d = 0; d < op->kernel; d++)
        a.output_size.size[d] = o.output_size[d];
    return tg__apply_rest(op, (tg_tensor *[]){x, samples}, 2, &a, &indices);
}
tg_tensor *tg_fractional_max_pool2d(tg_tensor *x, tg_tensor *samples,
                                    const tg_fractional_pool_options *options,
                                    tg_tensor **indices) {
    return fractional_max_pooled(&tg__op_fractional_max_pool2d, x, samples, options, indices);
}
tg_tensor *tg_fractional_max_pool3d(tg_tensor *x, tg_tensor *samples,
                                    const tg_fractional_pool_options *options,
                                    tg_tensor **indices) {
    return fractional_max_pooled(&tg__op_fractional_max_pool3d, x, samples, options, indices);
}
