/* test_binary_function.c - functions of two inputs: values and slopes at ordinary points and
 * corners (PyTorch 2.13 unless said otherwise), slopes at singular points, dtypes. */
#include "pairs.h"

#include <float.h>

#define PI 3.141592653589793

/* ---- hypot, atan2, copysign ---- */

static void hypot_has_slope_zero_at_the_origin(void **state) {
    (void)state;
    static const double a[] = {3, -5, 0, INF, 1, 1e200};
    static const double b[] = {4, 12, -2, 1, NAN, 1e200};
    check_pairs("hypot", tg_hypot, 6, a, b, (double[]){5, 13, 2, INF, NAN, 1.414213562373095e200},
                (double[]){.6, -5. / 13, 0, NAN, NAN, 0.7071067811865475},
                (double[]){.8, 12. / 13, -1, 0, NAN, 0.7071067811865475});
    /* PyTorch gives NaN there */
    check_pairs("hypot", tg_hypot, 2, (double[]){0, -0.0}, (double[]){0, 0}, (double[]){0, 0},
                (double[]){0, 0}, (double[]){0, 0});
    second_slopes_are_finite("hypot", tg_hypot, 3, (double[]){0, 3, 0}, (double[]){0, 4, 2});
}

static void atan2_knows_the_quadrant_and_has_slope_zero_at_the_origin(void **state) {
    (void)state;
    static const double a[] = {1, -1, 0, -0.0, 2, INF, NAN, 0};
    static const double b[] = {2, -2, -1, -1, 0, INF, 1, 0};
    check_pairs(
        "atan2", tg_atan2, 8, a, b,
        (double[]){0.46364760900080609, -2.677945044588987, PI, -PI, PI / 2, PI / 4, NAN, 0},
        (double[]){.4, -.4, -1, -1, 0, NAN, NAN, 0}, (double[]){-.2, .2, 0, 0, -.5, NAN, NAN, 0});
    second_slopes_are_finite("atan2", tg_atan2, 3, (double[]){0, 1, 0}, (double[]){0, 2, -1});
    /* far away and near the slopes neither overflow nor vanish */
    check_pairs("atan2", tg_atan2, 2, (double[]){1e200, 1e-200}, (double[]){1e200, 1e-200},
                (double[]){PI / 4, PI / 4}, (double[]){5e-201, 5e199}, (double[]){-5e-201, -5e199});
    assert_values(tg_arctan2(ROW(0), ROW(-1)), PI);
}

static void copysign_takes_the_sign_also_of_zero(void **state) {
    (void)state;
    static const double a[] = {7, -7, 0, -0.0, 2, NAN};
    static const double b[] = {-2, 2, 1, -1, -0.0, 1};
    check_pairs("copysign", tg_copysign, 6, a, b, (double[]){-7, 7, 0, -0.0, -2, NAN},
                (double[]){-1, -1, 0, 0, -1, NAN}, (double[]){0, 0, 0, 0, 0, 0});
    second_slopes_are_finite("copysign", tg_copysign, 3, a, b);
    assert_true(signbit(tg_item(tg_copysign(number(0), number(-3)))));
    tg_tensor *x = row(TG_F32, LIST(1, -2));
    assert_values(tg_copysign_scalar(x, -1), -1, -2);
    assert_ptr_equal(tg_copysign_scalar_(x, 1), x);
    assert_values(x, 1, 2);
    assert_shape(tg_copysign(row(TG_I64, LIST(3)), row(TG_I64, LIST(-1))), TG_F32, TG_SHAPE(1));
}

/* ---- nextafter, heaviside ---- */

static void nextafter_steps_one_number_in_every_float_dtype(void **state) {
    (void)state;
    tg_tensor *y = tg_nextafter(LEAF(1, 1, 0, 0, INF, NAN, 1), LEAF(2, 0, 1, -1, 0, 1, NAN));
    assert_values(y, 1 + DBL_EPSILON, 1 - DBL_EPSILON / 2, 0x1p-1074, -0x1p-1074, DBL_MAX, NAN,
                  NAN);
    assert_false(tg_requires_grad(y));
    assert_values(tg_nextafter(row(TG_F32, LIST(1)), row(TG_F32, LIST(2))),
                  1 + (double)FLT_EPSILON);
    static const struct {
        tg_dtype dtype;
        double step, tiny, most;
    } narrow[] = {{TG_F16, 0x1p-10, 0x1p-24, 65504}, {TG_BF16, 0x1p-7, 0x1p-133, 0x1.FEp127}};
    for (int k = 0; k < 2; k++) {
        tg_dtype t = narrow[k].dtype;
        tg_tensor *a = tg_cast(ROW(1, 1, -1, -1, 0, 0, -0.0, INF, NAN, 1, 1), t);
        tg_tensor *b = tg_cast(ROW(2, 0, 0, -2, 5, -5, 0, 0, 1, NAN, 1), t);
        tg_tensor *z = tg_cast(tg_nextafter(a, b), TG_F64);
        const double s = narrow[k].step;
        assert_values(z, 1 + s, 1 - s / 2, -1 + s / 2, -1 - s, narrow[k].tiny, -narrow[k].tiny, 0,
                      narrow[k].most, NAN, NAN, 1);
        assert_int_equal(tg_dtype_of(tg_nextafter(a, number(1))), t);
    }
    tg_tensor *x = ROW(1);
    assert_ptr_equal(tg_nextafter_(x, ROW(2)), x);
    assert_values(x, 1 + DBL_EPSILON);
    assert_shape(tg_nextafter(row(TG_I64, LIST(1)), tg_cast(ROW(2), TG_I8)), TG_F32, TG_SHAPE(1));
}

static void heaviside_takes_values_at_zero(void **state) {
    (void)state;
    tg_tensor *y = tg_heaviside(LEAF(7, -7, 0, -0.0, NAN, INF), LEAF(2, 2, .5, NAN, 3, 4));
    assert_values(y, 1, 0, .5, NAN, 0, 1);
    assert_false(tg_requires_grad(y));
    assert_values(tg_heaviside(row(TG_I32, LIST(7, -7, 0)), row(TG_I32, LIST(2, 3, 5))), 1, 0, 5);
    assert_values(tg_heaviside(row(TG_BOOL, LIST(1, 0)), row(TG_BOOL, LIST(0, 1))), 1, 1);
    tg_tensor *x = ROW(-1, 0, 1);
    assert_ptr_equal(tg_heaviside_(x, number(.5)), x);
    assert_values(x, 0, .5, 1);
    tg_tensor *i = row(TG_I32, LIST(1));
    assert_refused(tg_heaviside_(i, ROW(.5)), TG_ERR_DTYPE, "heaviside: ", "i32 [1]");
    assert_values(i, 1);
}

/* ---- logaddexp, logaddexp2: mpmath, 40 digits ---- */

static void sums_of_exponentials_neither_overflow_nor_cancel(void **state) {
    (void)state;
    static const double a[] = {1, -.5, 800, -800, .25, 1};
    static const double b[] = {2, -1, 799, -801.5, -30, 1};
    check_pairs_near("logaddexp", tg_logaddexp, 4e-15, 6, a, b,
                     (double[]){2.31326168751822283, -0.0259230158198933191, 800.313261687518223,
                                -799.798586722017248, 0.250000000000072877, 1.6931471805599453},
                     (double[]){0.268941421369995121, 0.622459331201854565, 0.731058578630004879,
                                0.81757447619364366, 0.999999999999927123, .5},
                     (double[]){0.731058578630004879, 0.377540668798145435, 0.268941421369995121,
                                0.18242552380635634, 7.28772409581916131e-14, .5});
    check_pairs_near("logaddexp2", tg_logaddexp2, 4e-15, 6, a, b,
                     (double[]){2.58496250072115618, 0.271553303163611973, 800.584962500721156,
                                -799.563248204560176, 0.250000001129840582, 2},
                     (double[]){1. / 3, 0.585786437626904951, 2. / 3, 0.738796125036258557,
                                0.999999999216854186, .5},
                     (double[]){2. / 3, 0.414213562373095049, 1. / 3, 0.261203874963741443,
                                7.83145813825698603e-10, .5});
}

/* PyTorch gives NaN where both are -inf; where both are +inf the share is unknown. */
static void the_sum_of_nothing_has_slope_zero(void **state) {
    (void)state;
    static const double a[] = {-INF, -INF, NAN, INF, INF, -INF};
    static const double b[] = {-INF, 0, 1, 0, INF, INF};
    static const double y[] = {-INF, 0, NAN, INF, INF, INF};
    static const double ga[] = {0, 0, NAN, 1, NAN, 0};
    static const double gb[] = {0, 1, NAN, 0, NAN, 1};
    check_pairs("logaddexp", tg_logaddexp, 6, a, b, y, ga, gb);
    check_pairs("logaddexp2", tg_logaddexp2, 6, a, b, y, ga, gb);
    second_slopes_are_finite("logaddexp", tg_logaddexp, 3, (double[]){-INF, -INF, 1},
                             (double[]){-INF, 0, 1});
}

/* ---- xlogy, xlog1py ---- */

static void zero_times_a_logarithm_is_zero(void **state) {
    (void)state;
    const double ln2 = 0.69314718055994531;
    const double ln3 = 1.0986122886681098;
    static const double a[] = {0, 0, 0, 1, 1, 0, 2, NAN, 0};
    static const double b[] = {0, NAN, 2, 0, -1, -1, 3, 2, INF};
    check_pairs("xlogy", tg_xlogy, 9, a, b, (double[]){0, NAN, 0, -INF, NAN, 0, 2 * ln3, NAN, 0},
                (double[]){0, NAN, ln2, -INF, NAN, 0, ln3, ln2, INF},
                (double[]){NAN, NAN, 0, INF, -1, 0, 2. / 3, NAN, 0});
    static const double c[] = {-1, NAN, 2, -1, -2, -2, 3, 2, 1e-20};
    check_pairs("xlog1py", tg_xlog1py, 9, a, c,
                (double[]){0, NAN, 0, -INF, NAN, 0, 2 * 2 * ln2, NAN, 0},
                (double[]){0, NAN, ln3, -INF, NAN, 0, 2 * ln2, ln3, 1e-20},
                (double[]){NAN, NAN, 0, INF, -1, 0, .5, NAN, 0});
    assert_values(tg_xlog1py(ROW(3), ROW(1e-20)), 3 * 1e-20);
}

/* The entropy term at probability 0: x log x with its gradient kept away from 0 · inf. */
static void the_second_slope_at_a_masked_zero_is_finite_to_a(void **state) {
    (void)state;
    tg_tensor *x = LEAF(0, .5);
    tg_tensor *g = slope(tg_xlogy(x, ROW(0, 2)), NULL, x);
    assert_values_near(g, 1e-15, 0, 0.69314718055994531);
    tg_tensor *z = LEAF(0, 2);
    assert_values(slope(tg_mul(tg_xlogy(LEAF(0, .5), z), ROW(0, 1)), NULL, z), NAN, .25);
}

static void xlogy_takes_scalars_on_either_side(void **state) {
    (void)state;
    const double ln2 = 0.69314718055994531;
    tg_tensor *x = ROW(2, 0);
    assert_values_near(tg_xlogy_scalar(x, 2), 1e-15, 2 * ln2, 0);
    assert_values_near(tg_rxlogy_scalar(x, 3), 1e-15, 3 * ln2, -INF);
    assert_values_near(tg_xlog1py_scalar(x, 1), 1e-15, 2 * ln2, 0);
    assert_values_near(tg_rxlog1py_scalar(ROW(1, 0), 3), 1e-15, 3 * ln2, 0);
    assert_ptr_equal(tg_xlogy_scalar_(x, 1), x);
    assert_values(x, 0, 0);
    assert_shape(tg_xlogy(row(TG_I32, LIST(1)), row(TG_U8, LIST(2))), TG_F32, TG_SHAPE(1));
}

/* ---- In general ---- */

/* A 0-d f64 does not widen an f32 with dims, also on the way back. */
static void mixed_dtypes_get_gradients_of_their_own(void **state) {
    (void)state;
    static const binary all[] = {tg_hypot,      tg_atan2, tg_copysign, tg_logaddexp,
                                 tg_logaddexp2, tg_xlogy, tg_xlog1py};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        for (int swapped = 0; swapped < 2; swapped++) {
            tg_tensor *f = leaf(row(TG_F32, LIST(1, 2)));
            tg_tensor *d = leaf(number(.5));
            tg_tensor *y = swapped ? all[k](d, f) : all[k](f, d);
            assert_shape(y, TG_F32, TG_SHAPE(2));
            sum_backward(tg_square(y));
            assert_shape(tg_grad(f), TG_F32, TG_SHAPE(2));
            assert_shape(tg_grad(d), TG_F64, TG_0D);
            tg_tensor *b = row(TG_BOOL, LIST(1, 0)); /* beside bool: from f32 */
            sum_backward(swapped ? all[k](d, b) : all[k](b, d));
        }
}

static void in_place_forms_write_their_tensor(void **state) {
    (void)state;
    tg_tensor *x = ROW(3);
    assert_ptr_equal(tg_hypot_(x, ROW(4)), x);
    assert_values(x, 5);
    assert_ptr_equal(tg_copysign_(x, ROW(-1)), x);
    assert_values(x, -5);
    assert_ptr_equal(tg_atan2_(x, ROW(0)), x);
    assert_values(x, -PI / 2);
    assert_ptr_equal(tg_xlogy_(x, ROW(1)), x);
    assert_values(x, 0);
    tg_tensor *i = row(TG_I32, LIST(1));
    assert_refused(tg_hypot_(i, i), TG_ERR_DTYPE, "hypot: ", "f32", "i32 [1]");
}

static void no_elements_and_no_dims_work(void **state) {
    (void)state;
    static const binary all[] = {tg_hypot,     tg_atan2, tg_copysign, tg_nextafter, tg_heaviside,
                                 tg_logaddexp, tg_xlogy, tg_xlog1py,  tg_logaddexp2};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        assert_shape(all[k](tg_ones(TG_F64, TG_SHAPE(0, 3)), tg_ones(TG_F64, TG_SHAPE(3))), TG_F64,
                     TG_SHAPE(0, 3));
        assert_shape(all[k](number(2), number(3)), TG_F64, TG_0D);
    }
}

TG_TEST_MAIN(tg_scoped(hypot_has_slope_zero_at_the_origin),
             tg_scoped(atan2_knows_the_quadrant_and_has_slope_zero_at_the_origin),
             tg_scoped(copysign_takes_the_sign_also_of_zero),
             tg_scoped(nextafter_steps_one_number_in_every_float_dtype),
             tg_scoped(heaviside_takes_values_at_zero),
             tg_scoped(sums_of_exponentials_neither_overflow_nor_cancel),
             tg_scoped(the_sum_of_nothing_has_slope_zero),
             tg_scoped(zero_times_a_logarithm_is_zero),
             tg_scoped(the_second_slope_at_a_masked_zero_is_finite_to_a),
             tg_scoped(xlogy_takes_scalars_on_either_side),
             tg_scoped(mixed_dtypes_get_gradients_of_their_own),
             tg_scoped(in_place_forms_write_their_tensor), tg_scoped(no_elements_and_no_dims_work))
