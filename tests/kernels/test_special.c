/* test_special.c - special functions against mpmath (150 digits), and their corners.
 *
 * tests/ops/test_unary_accuracy.c measures them more densely, against long double. */
#include "kernels/special.h"

#include "tg_test.h"

#define INF ((double)INFINITY)

/* Two or three units of the last place, in a function of this size. */
#define NEAR 6e-16

static void functions_have_the_values_of_mpmath(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double (*f)(double);
        double x[6], y[6];
    } cases[] = {
        {"erfinv",
         tg__erfinv,
         {1e-300, 1e-05, -0.3, 0.5, 0.9, 0.9999999999999999},
         {8.8622692545275803586e-301, 8.862269254759594528e-6, -0.27246271472675434502,
          0.47693627620446987338, 1.1630871536766741628, 5.8635847487551679272}},
        {"erfcx",
         tg__erfcx,
         {-20.0, -1.5, 1e-10, 8.9, 9.1, 1e+100},
         {1.0442939379528287901e+174, 18.653886256262733939, 0.9999999998871620833,
          0.062999284509605056336, 0.061631095600085461061, 5.6418958354775627798e-101}},
        {"ndtr",
         tg__ndtr,
         {-37.5, -20.3, -5.0, 0.25, 1.0, 6.0},
         {4.6053530095819548438e-308, 6.4292444676983463386e-92, 2.8665157187919391167e-7,
          0.59870632568292372424, 0.84134474606854294859, 0.99999999901341235496}},
        {"ndtri",
         tg__ndtri,
         {1e-300, 1e-20, 0.2499, 0.4, 0.7, 0.99999},
         {-37.047096299361199237, -9.2623400897984075796, -0.67480447011060998732,
          -0.25334710313579974132, 0.52440051270804065631, 4.2648907939238407699}},
        {"log_ndtr",
         tg__log_ndtr,
         {-1000.0, -37.5, -1.01, -0.99, 3.0, 20.0},
         {-500007.82669481218431, -707.66898931750719107, -1.8563130623431784424,
          -1.8258103178428123576, -0.0013508099647481937988, -2.7536241186062336951e-89}},
        {"lgamma",
         tg__lgamma,
         {-10.7, -0.5, 1e-05, 0.3, 12.5, 10000000000.0},
         {-15.416789096416636124, 1.2655121234846453965, 11.512919692895825626,
          1.0957979948180755606, 18.734347511936445702, 2.2025850928881058147e+11}},
        {"digamma",
         tg__digamma,
         {-1000.3, -1e-05, 1e-10, 0.9, 9.999, 1000000000000000.0},
         {9.1910556692556580917, 99999.422767885629412, -1.00000000005772153e+10,
          -0.7549269499470513492, 2.2516474172057353142, 34.53877639491068476}},
        {"i0",
         tg__i0,
         {0.0, 1e-05, -3.0, 7.999, 8.001, 712.0},
         {1.0, 1.000000000025, 4.8807925858650240856, 427.16443131520258094, 427.96417770840883748,
          2.4684110577627524298e+307}},
        {"i0e",
         tg__i0e,
         {0.0, 1e-05, -3.0, 7.999, 8.001, 10000000000.0},
         {1.0, 0.99999000007499958333, 0.24300035416182539847, 0.14344107205089566712,
          0.14342249347357045187, 3.9894228040641945645e-6}},
        {"i1",
         tg__i1,
         {0.0, 1e-05, -3.0, 7.999, 8.001, -712.0},
         {0.0, 5.000000000062500409e-6, -3.9533702174026093965, 399.49573621361996805,
          400.25089627518515476, -2.4666770135246151862e+307}},
        {"i1e",
         tg__i1e,
         {0.0, 1e-05, -3.0, 7.999, 8.001, -10000000000.0},
         {0.0, 4.9999500003124989507e-6, -0.19682671329730085363, 0.1341499724258620533,
          0.13413501537956069728, -3.9894228038647234242e-6}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (int i = 0; i < 6; i++) {
            const double got = cases[k].f(cases[k].x[i]);
            if (!tg_test_close(got, cases[k].y[i], NEAR, 0))
                fail_msg("%s(%.17g) is %.17g, expected %.17g", cases[k].name, cases[k].x[i], got,
                         cases[k].y[i]);
        }
}

typedef struct {
    int n;
    double x, y;
} derivative;

static void polygamma_of_any_order_has_the_values_of_mpmath(void **state) {
    (void)state;
    static const derivative cases[] = {
        {0, 2.5, 0.70315664064524318723},         {1, 0.001, 1.0000016425331958273e+6},
        {1, 0.5, 4.9348022005446793094},          {1, 30.5, 0.033330248112801608527},
        {1, -0.25, 18.541879647671606498},        {1, -1e-05, 1.0000000001644956472e+10},
        {1, -200.75, 19.734239868303020385},      {2, 1.5, -0.8287966442343199956},
        {2, -0.7, -69.441632798638532998},        {3, 4.0, 0.044865328192755075022},
        {3, -3.1, 60014.210576998420725},         {5, 0.1, 1.20000069307510929e+8},
        {10, 2.0, -1793.3116066287129906},        {20, 33.0, -6.9226508856189647196e-14},
        {50, 5.0, -6.8492723174492018389e+28},    {100, 10000.0, -9.379363201543512734e-245},
        {170, 200.0, -4.2355428001125093638e-87}, {700, 600.0, -1.1540539953359276695e-258},
        {100, 3.0, -6.0361069759381847785e+109}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const derivative c = cases[k];
        const double got = tg__polygamma(c.n, c.x);
        /* n factors are multiplied */
        if (!tg_test_close(got, c.y, 8e-16 + 4e-17 * c.n, 0))
            fail_msg("polygamma(%d, %g) is %.17g, expected %.17g", c.n, c.x, got, c.y);
    }
}

static void erfcx_has_the_derivatives_of_mpmath(void **state) {
    (void)state;
    static const derivative cases[] = {
        {1, -3.0, -97237.061503164615265},      {1, -1e-05, -1.1283991673211904073},
        {1, 0.5, -0.51268882290258669903},      {1, 0.999, -0.27352099573792174226},
        {1, 1.0, -0.27321201478389856507},      {1, 1.5, -0.16362291773256006683},
        {1, 2.0, -0.10679646185348959844},      {1, 5.0, -0.021332789764826310194},
        {1, 30.0, -0.00062583541050748406864},  {1, 100000.0, -5.6418958346312784944e-11},
        {1, 1e+100, -5.64189583547756269e-201}, {2, -1.5, 208.57788632017661105},
        {2, 0.75, 0.46191626310259656377},      {2, 1.25, 0.2135911429931975819},
        {2, 3.0, 0.031768742319742672556},      {2, 100000.0, 1.1283791667569988239e-15},
        {3, 0.3, -2.1165021078262628555},       {3, 2.5, -0.048009416292609642686},
        {3, 40.0, -1.3182005968235873355e-6},   {10, 3.0, 1.0496909133953008392},
        {50, 20.0, 0.0016024647180251183035}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const derivative c = cases[k];
        const double got = tg__erfcx_slope(c.n, c.x);
        if (!tg_test_close(got, c.y, 1.5e-15 + 4e-16 * c.n, 0))
            fail_msg("derivative %d of erfcx at %g is %.17g, expected %.17g", c.n, c.x, got, c.y);
    }
    assert_true(tg__erfcx_slope(1, INF) == 0 && tg__erfcx_slope(2, INF) == 0);
    assert_true(tg__erfcx_slope(1, -INF) == -INF && tg__erfcx_slope(2, -INF) == INF);
    assert_true(tg__erfcx_slope(0, 0) == 1 && isnan(tg__erfcx_slope(1, NAN)));
}

static void sinc_of_any_order_has_the_values_of_mpmath(void **state) {
    (void)state;
    static const derivative cases[] = {{0, 1e-09, 0.99999999999999999836},
                                       {0, 0.5, 0.63661977236758134308},
                                       {0, 3.0, 0},
                                       {0, 3.25, -0.069255101242854313043},
                                       {1, 0.0, 0.0},
                                       {1, 1e-08, -3.2898681336964526171e-8},
                                       {1, 0.3, -0.90202813013888879218},
                                       {1, 0.45, -1.2049158222804517411},
                                       {1, 0.46, -1.2199746229541444664},
                                       {1, -2.0, -0.5},
                                       {1, 7.3, -0.075686136879992782933},
                                       {2, 0.0, -3.2898681336964528729},
                                       {2, 1e-08, -3.2898681336964518989},
                                       {2, 0.54, -0.90119049069873140464},
                                       {2, 0.56, -0.75472756509076036482},
                                       {2, -3.5, 0.88274962645148421756},
                                       {3, 0.2, 3.7160317853202202371},
                                       {3, 0.7, 7.1310384171339147496},
                                       {5, 1.1, -7.5669858793048129296},
                                       {10, 0.4, -3444.9560333535159466},
                                       {10, 1.5, 2970.463343393469197}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const derivative c = cases[k];
        const double got = tg__sinc(c.n, c.x);
        /* of the size of the largest, which is π^n/(n + 1) */
        if (!tg_test_close(got, c.y, NEAR, c.n == 0 ? 0 : 1e-15 * pow(3.2, c.n)))
            fail_msg("derivative %d of sinc at %g is %.17g, expected %.17g", c.n, c.x, got, c.y);
    }
}

static void check(const char *name, double (*f)(double), double x, double expected) {
    const double got = f(x);
    if (isnan(expected) ? !isnan(got) : got != expected || signbit(got) != signbit(expected))
        fail_msg("%s(%g) is %g, expected %g", name, x, got, expected);
}
#define CHECK(f, x, expected) check(#f, tg__##f, x, expected)

static void ends_of_the_domain_and_infinities(void **state) {
    (void)state;
    CHECK(erfinv, 1, INF);
    CHECK(erfinv, -1, -INF);
    CHECK(erfinv, -0.0, -0.0);
    CHECK(erfinv, 1.0000000000000002, NAN);
    CHECK(erfcx, INF, 0);
    CHECK(erfcx, -27, INF);
    CHECK(erfcx, -INF, INF);
    CHECK(ndtr, INF, 1);
    CHECK(ndtr, -INF, 0);
    CHECK(ndtr, 0, 0.5);
    CHECK(ndtri, 0, -INF);
    CHECK(ndtri, 1, INF);
    CHECK(ndtri, 0.5, 0);
    CHECK(ndtri, -1e-300, NAN);
    CHECK(ndtri, 2, NAN);
    CHECK(log_ndtr, INF, -0.0);
    CHECK(log_ndtr, -INF, -INF);
    CHECK(lgamma, 0, INF);
    CHECK(lgamma, -3, INF);
    CHECK(lgamma, INF, INF);
    CHECK(digamma, 0, -INF);
    CHECK(digamma, -0.0, INF);
    CHECK(digamma, -2, NAN);
    CHECK(digamma, -INF, NAN);
    CHECK(digamma, INF, INF);
    CHECK(i0, -INF, INF);
    CHECK(i1, -INF, -INF);
    CHECK(i1, -0.0, -0.0);
    CHECK(i0e, INF, 0);
    CHECK(i1e, -INF, -0.0);
    assert_true(tg__ndtri(5e-324) < -38 && tg__ndtri(5e-324) > -39);
    assert_true(tg__erfcx(1.7e308) > 0);
}

static void nan_gives_nan(void **state) {
    (void)state;
    CHECK(erfinv, NAN, NAN);
    CHECK(erfcx, NAN, NAN);
    CHECK(ndtr, NAN, NAN);
    CHECK(ndtri, NAN, NAN);
    CHECK(log_ndtr, NAN, NAN);
    CHECK(lgamma, NAN, NAN);
    CHECK(digamma, NAN, NAN);
    CHECK(i0, NAN, NAN);
    CHECK(i0e, NAN, NAN);
    CHECK(i1, NAN, NAN);
    CHECK(i1e, NAN, NAN);
    for (int n = 0; n < 4; n++) {
        assert_true(isnan(tg__polygamma(n, NAN)));
        assert_true(isnan(tg__sinc(n, NAN)));
    }
}

static void polygamma_has_poles_at_0_and_below(void **state) {
    (void)state;
    for (int x = 0; x > -3; x--) {
        assert_true(tg__polygamma(1, x) == INF);
        assert_true(tg__polygamma(2, x) == -INF);
    }
    assert_true(tg__polygamma(1, -1e300) == INF); /* an integer too */
    assert_true(tg__polygamma(3, INF) == 0);
    assert_true(isnan(tg__polygamma(3, -INF)));
    assert_true(tg__polygamma(TG__POLYGAMMA_MOST, 1e-3) == -INF);
}

static void sinc_is_exactly_0_at_integers(void **state) {
    (void)state;
    assert_true(tg__sinc(0, 0) == 1);
    assert_true(tg__sinc(0, -0.0) == 1);
    for (int x = 1; x < 5; x++)
        assert_true(tg__sinc(0, x) == 0 && tg__sinc(0, -x) == 0);
    assert_true(tg__sinc(0, 1e300) == 0);
    assert_true(isnan(tg__sinc(0, INF)));
}

TG_TEST_MAIN(cmocka_unit_test(functions_have_the_values_of_mpmath),
             cmocka_unit_test(polygamma_of_any_order_has_the_values_of_mpmath),
             cmocka_unit_test(erfcx_has_the_derivatives_of_mpmath),
             cmocka_unit_test(sinc_of_any_order_has_the_values_of_mpmath),
             cmocka_unit_test(ends_of_the_domain_and_infinities), cmocka_unit_test(nan_gives_nan),
             cmocka_unit_test(polygamma_has_poles_at_0_and_below),
             cmocka_unit_test(sinc_is_exactly_0_at_integers))
