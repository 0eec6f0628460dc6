/* compare.c - comparison, logic and selection. Results are bool and have no gradient. */
#include "ops/elementwise.h"

#include <math.h>

#define COMPARISON                                                                                 \
    .inputs = "a b", .n_in = 2, .flags = TG__NOT_DIFF | TG__BROADCASTS,                            \
    .forward = tg__compare_forward

TG_OP(eq, .maths = "a == b", COMPARISON, .kernel = TG__CMP_eq, .onnx = {"Equal", 13});
TG_SAMPLES(eq, "[2,3] [3]");
tg_tensor *tg_eq(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_eq, a, b, NULL); }
tg_tensor *tg_eq_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_eq, x, s); }
tg_tensor *tg_eq_(tg_tensor *a, tg_tensor *b) { return tg__overwrite(&tg__op_eq, a, tg_eq(a, b)); }
tg_tensor *tg_eq_scalar_(tg_tensor *x, double s) {
    return tg__overwrite_with_number(&tg__op_eq, x, s);
}

TG_OP(ne, .maths = "a != b", COMPARISON, .kernel = TG__CMP_ne, .onnx = {"composed"});
TG_SAMPLES(ne, "[2,3] [3]");
tg_tensor *tg_ne(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_ne, a, b, NULL); }
tg_tensor *tg_ne_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_ne, x, s); }
tg_tensor *tg_ne_(tg_tensor *a, tg_tensor *b) { return tg__overwrite(&tg__op_ne, a, tg_ne(a, b)); }
tg_tensor *tg_ne_scalar_(tg_tensor *x, double s) {
    return tg__overwrite_with_number(&tg__op_ne, x, s);
}

TG_OP(lt, .maths = "a < b", COMPARISON, .kernel = TG__CMP_lt, .onnx = {"Less", 13});
TG_SAMPLES(lt, "[2,3] [3]");
tg_tensor *tg_lt(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_lt, a, b, NULL); }
tg_tensor *tg_lt_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_lt, x, s); }
tg_tensor *tg_lt_(tg_tensor *a, tg_tensor *b) { return tg__overwrite(&tg__op_lt, a, tg_lt(a, b)); }
tg_tensor *tg_lt_scalar_(tg_tensor *x, double s) {
    return tg__overwrite_with_number(&tg__op_lt, x, s);
}

TG_OP(le, .maths = "a <= b", COMPARISON, .kernel = TG__CMP_le, .onnx = {"LessOrEqual", 16});
TG_SAMPLES(le, "[2,3] [3]");
tg_tensor *tg_le(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_le, a, b, NULL); }
tg_tensor *tg_le_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_le, x, s); }
tg_tensor *tg_le_(tg_tensor *a, tg_tensor *b) { return tg__overwrite(&tg__op_le, a, tg_le(a, b)); }
tg_tensor *tg_le_scalar_(tg_tensor *x, double s) {
    return tg__overwrite_with_number(&tg__op_le, x, s);
}

TG_OP(gt, .maths = "a > b", COMPARISON, .kernel = TG__CMP_gt, .onnx = {"Greater", 13});
TG_SAMPLES(gt, "[2,3] [3]");
tg_tensor *tg_gt(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_gt, a, b, NULL); }
tg_tensor *tg_gt_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_gt, x, s); }
tg_tensor *tg_gt_(tg_tensor *a, tg_tensor *b) { return tg__overwrite(&tg__op_gt, a, tg_gt(a, b)); }
tg_tensor *tg_gt_scalar_(tg_tensor *x, double s) {
    return tg__overwrite_with_number(&tg__op_gt, x, s);
}

TG_OP(ge, .maths = "a >= b", COMPARISON, .kernel = TG__CMP_ge, .onnx = {"GreaterOrEqual", 16});
TG_SAMPLES(ge, "[2,3] [3]");
tg_tensor *tg_ge(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_ge, a, b, NULL); }
tg_tensor *tg_ge_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_ge, x, s); }
tg_tensor *tg_ge_(tg_tensor *a, tg_tensor *b) { return tg__overwrite(&tg__op_ge, a, tg_ge(a, b)); }
tg_tensor *tg_ge_scalar_(tg_tensor *x, double s) {
    return tg__overwrite_with_number(&tg__op_ge, x, s);
}

#define LOGICAL                                                                                    \
    .inputs = "a b", .n_in = 2, .flags = TG__NOT_DIFF | TG__BROADCASTS,                            \
    .forward = tg__logical_forward

TG_OP(logical_and, .maths = "a and b", LOGICAL, .kernel = TG__BIN_logical_and, .onnx = {"And", 7});
TG_SAMPLES(logical_and, "b[2,3] b[3]");
tg_tensor *tg_logical_and(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_logical_and, a, b, NULL);
}
tg_tensor *tg_logical_and_(tg_tensor *a, tg_tensor *b) {
    return tg__overwrite(&tg__op_logical_and, a, tg_logical_and(a, b));
}

TG_OP(logical_or, .maths = "a or b", LOGICAL, .kernel = TG__BIN_logical_or, .onnx = {"Or", 7});
TG_SAMPLES(logical_or, "b[2,3] b[3]");
tg_tensor *tg_logical_or(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_logical_or, a, b, NULL);
}
tg_tensor *tg_logical_or_(tg_tensor *a, tg_tensor *b) {
    return tg__overwrite(&tg__op_logical_or, a, tg_logical_or(a, b));
}

TG_OP(logical_xor, .maths = "a xor b", LOGICAL, .kernel = TG__BIN_logical_xor, .onnx = {"Xor", 7});
TG_SAMPLES(logical_xor, "b[2,3] b[3]");
tg_tensor *tg_logical_xor(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_logical_xor, a, b, NULL);
}
tg_tensor *tg_logical_xor_(tg_tensor *a, tg_tensor *b) {
    return tg__overwrite(&tg__op_logical_xor, a, tg_logical_xor(a, b));
}

TG_OP(logical_not, .maths = "not x", .inputs = "x", .n_in = 1, .flags = TG__NOT_DIFF,
      .forward = tg__unary_forward, .kernel = TG__UN_logical_not, .onnx = {"Not", 1});
TG_SAMPLES(logical_not, "b[2,3]");
tg_tensor *tg_logical_not(tg_tensor *x) { return tg__apply1(&tg__op_logical_not, x, NULL); }
tg_tensor *tg_logical_not_(tg_tensor *x) {
    return tg__overwrite(&tg__op_logical_not, x, tg_logical_not(x));
}

TG_OP(isnan, .maths = "x is NaN", .inputs = "x", .n_in = 1, .flags = TG__NOT_DIFF,
      .forward = tg__predicate_forward, .kernel = TG__PRED_isnan, .onnx = {"IsNaN", 13});
TG_SAMPLES(isnan, "[2,3]");
tg_tensor *tg_isnan(tg_tensor *x) { return tg__apply1(&tg__op_isnan, x, NULL); }

TG_OP(isfinite, .maths = "x is finite", .inputs = "x", .n_in = 1, .flags = TG__NOT_DIFF,
      .forward = tg__predicate_forward, .kernel = TG__PRED_isfinite, .onnx = {"composed"});
TG_SAMPLES(isfinite, "[2,3]");
tg_tensor *tg_isfinite(tg_tensor *x) { return tg__apply1(&tg__op_isfinite, x, NULL); }

/* ---- isclose: |a - b| <= atol + rtol·|b|, or a = b ---- */
typedef struct {
    double rtol, atol;
    bool equal_nan;
} isclose_attr;
static const tg__field isclose_fields[] = {
    {"rtol", TG_ATTR_FLOAT, offsetof(isclose_attr, rtol), false, 0, 1e-5},
    {"atol", TG_ATTR_FLOAT, offsetof(isclose_attr, atol), false, 0, 1e-8},
    {"equal_nan", TG_ATTR_BOOL, offsetof(isclose_attr, equal_nan), false, 0, 0},
    {0}};
static bool tolerance(const char *name, double value) {
    if (value >= 0 && value < INFINITY)
        return true;
    tg__fail(TG_ERR_ARG, "isclose", "%s is %s; give a finite number that is not negative", name,
             tg__num(value));
    return false;
}
/* Integers are compared exactly first; their distance is taken in f64. Infinities are close to
 * themselves only. */
static tg_tensor *closeness(tg_tensor *a, tg_tensor *b, const isclose_attr *o) {
    tg_tensor *same = tg_eq(a, b);
    if (o->equal_nan)
        same = tg_logical_or(same, tg_logical_and(tg_isnan(a), tg_isnan(b)));
    if (!tg_dtype_is_float(tg__promote(a, b))) {
        a = tg_cast(a, TG_F64);
        b = tg_cast(b, TG_F64);
    }
    tg_tensor *distance = tg_abs(tg_sub(a, b));
    tg_tensor *allowed = tg_add_scalar(tg_abs(tg_mul_scalar(b, o->rtol)), o->atol);
    tg_tensor *near = tg_logical_and(tg_le(distance, allowed), tg_isfinite(distance));
    return tg_logical_or(same, near);
}
static bool isclose_forward(const tg__call *c) {
    const isclose_attr *o = c->attr;
    if (!tolerance("rtol", o->rtol) || !tolerance("atol", o->atol))
        return false;
    tg_scope s = tg_scope_open();
    const char *was = tg__errors_as("isclose");
    tg_tensor *y = tg_scope_return(s, closeness(c->in[0], c->in[1], o));
    tg__errors_back(was);
    if (y != NULL)
        tg__take(y);
    c->out[0] = y;
    return y != NULL;
}
TG_OP(isclose, .maths = "|a - b| <= atol + rtol * |b|", .inputs = "a b", .n_in = 2,
      .flags = TG__NOT_DIFF | TG__BROADCASTS, .fields = isclose_fields,
      .attr_size = sizeof(isclose_attr), .forward = isclose_forward, .onnx = {"composed"});
TG_SAMPLES(isclose, "[2,3] [3]", "[2,3] [2,3] | rtol=0 atol=0.5 equal_nan=1", "b[2] b[2]");
tg_tensor *tg_isclose(tg_tensor *a, tg_tensor *b, double rtol, double atol, bool equal_nan) {
    return tg__apply2(&tg__op_isclose, a, b, &(isclose_attr){rtol, atol, equal_nan});
}

/* *out = whether all of y, a bool tensor, is true. Consumes y, which may be NULL after an error. */
static tg_status all_of(tg_tensor *y, bool *out) {
    tg_tensor *all = tg_all(y, TG_ALL, false);
    if (all != NULL)
        *out = *all->data != 0;
    tg_status status = all != NULL ? TG_OK : tg_error_status();
    tg_release(all);
    tg_release(y);
    return status;
}
tg_status tg_allclose(tg_tensor *a, tg_tensor *b, double rtol, double atol, bool equal_nan,
                      bool *out) {
    if (out == NULL)
        return tg__fail_null("allclose", "out");
    const char *was = tg__errors_as("allclose");
    tg_status status = all_of(tg_isclose(a, b, rtol, atol, equal_nan), out);
    tg__errors_back(was);
    return status;
}
tg_status tg_equal(tg_tensor *a, tg_tensor *b, bool *out) {
    if (out == NULL)
        return tg__fail_null("equal", "out");
    if (!tg__required("equal", "a", a) || !tg__required("equal", "b", b))
        return tg_error_status();
    *out = false;
    if (!tg__same_shape(a, b))
        return TG_OK;
    const char *was = tg__errors_as("equal");
    tg_status status = all_of(tg_eq(a, b), out);
    tg__errors_back(was);
    return status;
}

/* ---- where: a where condition, else b ---- */

static bool where_forward(const tg__call *c) {
    int ndim;
    int64_t shape[TG_MAX_DIMS];
    if (c->in[0]->dtype != TG_BOOL) {
        tg__refuse_dtype("where", c->in[0], "a bool condition");
        return false;
    }
    if (!tg__broadcast_all("where", c->in, 3, &ndim, shape))
        return false;
    tg_dtype dtype = tg__promote(c->in[1], c->in[2]);
    tg_tensor *y = tg__dest(c, dtype, ndim, shape);
    tg_tensor *a = y != NULL ? tg__as("where", c->in[1], dtype) : NULL;
    tg_tensor *b = a != NULL ? tg__as("where", c->in[2], dtype) : NULL;
    bool good = b != NULL;
    if (good)
        tg__run((tg_tensor *[]){y, c->in[0], a, b}, 4, tg__kernels_get()->where[dtype], NULL, 0.5);
    tg__unref(a);
    tg__unref(b);
    if (good)
        tg__land(c, y);
    else
        tg__unref(y);
    return good;
}
static void where_rule(tg__rule *r) {
    tg_tensor *zero = tg_scalar((tg_dtype)r->g[0]->dtype, 0.0);
    if (r->wanted[1])
        r->gin[1] = tg_where(r->in[0], r->g[0], zero);
    if (r->wanted[2])
        r->gin[2] = tg_where(r->in[0], zero, r->g[0]);
}
TG_OP(where, .maths = "a where condition, else b", .inputs = "condition a b", .n_in = 3,
      .flags = TG__BROADCASTS, .no_grad = 1, .forward = where_forward, .rule = where_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY)}, .onnx = {"Where", 16});
TG_SAMPLES(where, "b[2,3] [2,3] [2,3]", "b[3] [2,1] []");
tg_tensor *tg_where(tg_tensor *condition, tg_tensor *a, tg_tensor *b) {
    return tg__apply3(&tg__op_where, condition, a, b, NULL);
}
/* With a C scalar for one of the branches. */
static tg_tensor *where_with(tg_tensor *condition, tg_tensor *x, double s, bool first) {
    tg_tensor *n = tg__number(&tg__op_where, x, s);
    if (n == NULL)
        return NULL;
    tg_tensor *y = tg_where(condition, first ? n : x, first ? x : n);
    tg__unref(n);
    return y;
}
tg_tensor *tg_where_scalar(tg_tensor *condition, tg_tensor *x, double s) {
    return where_with(condition, x, s, false);
}
tg_tensor *tg_rwhere_scalar(tg_tensor *condition, tg_tensor *x, double s) {
    return where_with(condition, x, s, true);
}

/* ---- where_safe: x where condition, else fill, for what follows to be finite everywhere ---- */
typedef struct {
    double fill;
} safe_attr;
static const tg__field safe_fields[] = {
    {"fill", TG_ATTR_FLOAT, offsetof(safe_attr, fill), true, 0, 0}, {0}};
static bool where_safe_forward(const tg__call *c) {
    const safe_attr *a = c->attr;
    if (!isfinite(a->fill)) {
        tg__fail(TG_ERR_ARG, "where_safe",
                 "fill is %s; give a number at which what follows is finite with a finite slope",
                 tg__num(a->fill));
        return false;
    }
    c->out[0] = tg_where_scalar(c->in[0], c->in[1], a->fill);
    return c->out[0] != NULL;
}
TG_OP(where_safe, .maths = "x where condition, else fill", .inputs = "condition x", .n_in = 2,
      .flags = TG__COMPOSED, .no_grad = 1, .fields = safe_fields, .attr_size = sizeof(safe_attr),
      .forward = where_safe_forward, .onnx = {"composed"});
TG_SAMPLES(where_safe, "b[2,3] [2,3] | fill=1", "b[3] [2,1] | fill=-0.5");
tg_tensor *tg_where_safe(tg_tensor *condition, tg_tensor *x, double fill) {
    return tg__apply2(&tg__op_where_safe, condition, x, &(safe_attr){fill});
}
