/* test_activation_smooth.c - bending activation functions: values and slopes from mpmath with 300
 * bits, corners from PyTorch 2.13. */
#include "tensors.h"

#define INF INFINITY

static tg_tensor *elu_1(tg_tensor *x) { return tg_elu(x, 1); }
static tg_tensor *celu_2(tg_tensor *x) { return tg_celu(x, 2); }
static tg_tensor *exact(tg_tensor *x) { return tg_gelu(x, false); }
static tg_tensor *by_tanh(tg_tensor *x) { return tg_gelu(x, true); }
static tg_tensor *softplus_1(tg_tensor *x) { return tg_softplus(x, 1, 20); }

#define POINTS 11
static const double points[POINTS] = {-30, -12.3, -5.7, -2.5, -1.1, -0.3, 1e-08, 0.4, 1.7, 3.3, 9};
static const struct {
    const char *name;
    tg_tensor *(*f)(tg_tensor *x);
    double rtol, atol;
    double y[POINTS], g[POINTS];
} table[] = {
    {"gelu",
     exact,
     1e-15,
     0,
     {-1.472014178144456e-196, -5.570309556075305e-34, -3.414511698606211e-08,
      -0.015524163314440337, -0.14923266704102092, -0.1146265733433142, 5.000000039894228e-09,
      0.2621686966441297, 1.6242387133104768, 3.2984047003301336, 9.0},
     {-4.416031690708495e-195, -6.850900949792137e-33, -1.943050690037012e-07, -0.03761108590814521,
      -0.10397133378942293, 0.26767223317289013, 0.5000000079788456, 0.8027297977316535,
      1.1153179687821648, 1.0052010533564935, 1.0}},
    {"gelu approximate",
     by_tanh,
     2e-13,
     0,
     {0.0, -7.92824985059469e-66, -1.165832621672358e-09, -0.015084266089998582,
      -0.14941895382548914, -0.11462907645724076, 5.000000039894228e-09, 0.2621611694273562,
      1.624105895551156, 3.298688771881664, 9.0},
     {0.0, -2.6876988009529486e-64, -9.764179845614286e-09, -0.037951576212666184,
      -0.10365946256914718, 0.26770454836119817, 0.5000000079788456, 0.8026588344205614,
      1.115914631452605, 1.0047497144977222, 1.0}},
    {"silu",
     tg_silu,
     1e-15,
     0,
     {-2.8072868906517896e-12, -5.598620206103851e-05, -0.019008401652256063, -0.18964545005310887,
      -0.27471388384537065, -0.1276672449565023, 5.000000025e-09, 0.2394750640449808,
      1.437409049357991, 3.1826150754003004, 8.998889448816124},
     {-2.713710660963134e-12, -5.143422348251333e-05, -0.015610204988110528, -0.09940111134152683,
      0.04363302690260973, 0.3522199896811173, 0.500000005, 0.6947919584090637, 1.067564504759019,
      1.0776382139563732, 1.0009870195718975}},
    {"mish",
     tg_mish,
     1e-14,
     0,
     {-2.807286890651921e-12, -5.598632947790116e-05, -0.019040096153796156, -0.19681620390653334,
      -0.307648447302402, -0.15113317713833457, 6.000000032e-09, 0.2890305340723632,
      1.6207680739755406, 3.2916595105591964, 8.999999725928019},
     {-2.713710660963392e-12, -5.143446795598417e-05, -0.015667821809152997, -0.10974357275018569,
      0.026454953175104372, 0.4085108769357022, 0.6000000064, 0.8370175025417962,
      1.0842573159450626, 1.0135398654914973, 1.0000005176238729}},
    {"softplus",
     softplus_1,
     1e-15,
     0,
     {9.357622968839737e-14, 4.551734103925838e-06, 0.0033403801703674203, 0.07888973429254963,
      0.2873353251154308, 0.5543552444685271, 0.6931471855599454, 0.9130152523999526,
      1.8677860293862658, 3.336219258870659, 9.000123402189724},
     {9.357622968839299e-14, 4.551723744799878e-06, 0.0033348073074133443, 0.07585818002124355,
      0.24973989440488237, 0.425557483188341, 0.5000000025, 0.598687660112452, 0.8455347349164652,
      0.9644288107273639, 0.9998766054240138}},
    {"logsigmoid",
     tg_logsigmoid,
     1e-15,
     0,
     {-30.000000000000092, -12.300004551734105, -5.703340380170368, -2.5788897342925496,
      -1.3873353251154308, -0.8543552444685271, -0.6931471755599453, -0.5130152523999526,
      -0.1677860293862659, -0.036219258870659285, -0.00012340218972325883},
     {0.9999999999999064, 0.9999954482762552, 0.9966651926925867, 0.9241418199787564,
      0.7502601055951176, 0.574442516811659, 0.4999999975, 0.401312339887548, 0.1544652650835347,
      0.03557118927263618, 0.00012339457598623172}},
    {"tanhshrink",
     tg_tanhshrink,
     1e-14,
     1e-17,
     {-29.0, -11.300000000041438, -4.700022390719011, -1.5133857018485697, -0.29950097823937033,
      -0.008687387548409094, 3.3333333333333335e-25, 0.020051037744775117, 0.764590929396901,
      2.3027170399008576, 8.00000003045996},
     {1.0, 0.9999999999171265, 0.9999552190633239, 0.9734077733168394, 0.6407986838397252,
      0.08486303817337079, 1e-16, 0.1443612139188223, 0.8749901293665534, 0.994573302504107,
      0.9999999390800829}},
    {"softsign",
     tg_softsign,
     1e-15,
     0,
     {-0.967741935483871, -0.924812030075188, -0.8507462686567164, -0.7142857142857143,
      -0.5238095238095238, -0.23076923076923075, 9.999999900000002e-09, 0.2857142857142857,
      0.6296296296296297, 0.7674418604651163, 0.9},
     {0.001040582726326743, 0.005653230821414438, 0.02227667631989307, 0.08163265306122448,
      0.22675736961451246, 0.591715976331361, 0.9999999800000003, 0.5102040816326531,
      0.13717421124828533, 0.05408328826392645, 0.01}},
    {"elu",
     elu_1,
     1e-15,
     0,
     {-0.9999999999999064, -0.9999954482555369, -0.9966540345425288, -0.9179150013761012,
      -0.6671289163019205, -0.2591817793182821, 1e-08, 0.4, 1.7, 3.3, 9.0},
     {9.357622968840175e-14, 4.551744463083231e-06, 0.003345965457471272, 0.0820849986238988,
      0.33287108369807955, 0.7408182206817179, 1.0, 1.0, 1.0, 1.0, 1.0}},
    {"selu",
     tg_selu,
     1e-15,
     0,
     {-1.7580993408472123, -1.7580913384284367, -1.7522168011820984, -1.6137857588732425,
      -1.1728789080106312, -0.4556673153791221, 1.0507009873554805e-08, 0.4202803949421922,
      1.7861916785043168, 3.4673132582730855, 9.456308886199324},
     {1.6451630773416185e-13, 8.002418940252327e-06, 0.005882539665278335, 0.1443135819741343,
      0.5852204328367456, 1.3024320254682549, 1.0507009873554805, 1.0507009873554805,
      1.0507009873554805, 1.0507009873554805, 1.0507009873554805}},
    {"celu",
     celu_2,
     1e-15,
     0,
     {-1.999999388195359, -1.9957330364599246, -1.884311358250323, -1.4269904062796197,
      -0.8461003792390267, -0.2785840471498844, 1e-08, 0.4, 1.7, 3.3, 9.0},
     {3.059023205018258e-07, 0.002133481770037708, 0.057844320874838456, 0.2865047968601901,
      0.5769498103804866, 0.8607079764250578, 1.0, 1.0, 1.0, 1.0, 1.0}},
};

static void compare(bool f32) {
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        tg_tensor *x = row(f32 ? TG_F32 : TG_F64, POINTS, points);
        leaf(x);
        tg_tensor *y = table[k].f(x);
        sum_backward(y);
        for (int i = 0; i < POINTS; i++) {
            double rtol = f32 ? 1e-6 : table[k].rtol;
            double atol = f32 ? 1e-7 : table[k].atol;
            if (!tg_test_close(at(y, i), table[k].y[i], rtol, atol) ||
                !tg_test_close(at(tg_grad(x), i), table[k].g[i], rtol, atol))
                fail_msg("%s(%g) is %.17g, not %.17g, with slope %.17g, not %.17g", table[k].name,
                         points[i], at(y, i), table[k].y[i], at(tg_grad(x), i), table[k].g[i]);
        }
    }
}

static void values_and_slopes_are_exact_to_a_few_units(void **state) {
    (void)state;
    compare(false);
}
static void in_f32_too(void **state) {
    (void)state;
    compare(true);
}

static void f32_gelu_and_silu_keep_their_digits_far_below_0(void **state) {
    (void)state;
    tg_tensor *x = leaf(row(TG_F32, LIST(-5.7, -12.3)));
    /* at the neighbours of these in f32 */
    assert_values_near(tg_gelu(x, false), 1e-6, -3.414515392747939e-08, -5.57029649e-34);
    assert_values_near(tg_silu(x), 1e-6, -0.019008404629666603, -5.598619225073982e-05);
}

/* ---- Corners ---- */

static void at_0_the_left_branch_has_the_slope(void **state) {
    (void)state;
    tg_tensor *x = LEAF(0, -0.0);
    sum_backward(tg_elu(x, 0.5));
    assert_values(tg_grad(x), 0.5, 0.5);
    x = leaf(number(0));
    sum_backward(tg_selu(x));
    assert_values_near(tg_grad(x), 1e-15, 1.7580993408473766);
    x = leaf(number(0));
    sum_backward(tg_celu(x, 0.5));
    assert_values(tg_grad(x), 1);
}

static void infinities_and_nan_go_as_in_pytorch(void **state) {
    (void)state;
    static const struct {
        tg_tensor *(*f)(tg_tensor *x);
        double y[3], g[3];
    } cases[] = {
        {elu_1, {NAN, INF, -1}, {1, 1, 0}},
        {exact, {NAN, INF, NAN}, {NAN, NAN, NAN}},
        {by_tanh, {NAN, INF, NAN}, {NAN, NAN, NAN}},
        {tg_silu, {NAN, INF, NAN}, {NAN, NAN, NAN}},
        {tg_mish, {NAN, INF, NAN}, {NAN, NAN, NAN}},
        {softplus_1, {NAN, INF, 0}, {NAN, 1, 0}},
        {tg_logsigmoid, {NAN, 0, -INF}, {NAN, 0, 1}},
        {tg_softsign, {NAN, NAN, NAN}, {NAN, 0, 0}}, /* 1/(1 + ∞)²; PyTorch: NaN */
        {tg_tanhshrink, {NAN, INF, -INF}, {NAN, 1, 1}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        tg_tensor *x = LEAF(NAN, INF, -INF);
        tg_tensor *y = cases[k].f(x);
        assert_values(y, cases[k].y[0], cases[k].y[1], cases[k].y[2]);
        sum_backward(y);
        assert_values(tg_grad(x), cases[k].g[0], cases[k].g[1], cases[k].g[2]);
    }
}

static void large_numbers_do_not_overflow(void **state) {
    (void)state;
    tg_tensor *x = LEAF(-800, 800);
    tg_tensor *y = tg_logsigmoid(x);
    assert_values(y, -800, 0);
    sum_backward(y);
    assert_values(tg_grad(x), 1, 0);
    assert_values(tg_softplus(x, 1, 1e9), 0, 800);
    assert_values(tg_mish(x), 0, 800);
    assert_values(tg_gelu(x, false), 0, 800);
    assert_values(tg_silu(x), 0, 800);
}

static void softplus_is_linear_above_its_threshold_only(void **state) {
    (void)state;
    tg_tensor *x = LEAF(2, 2.5);
    tg_tensor *y = tg_softplus(x, 2, 4); /* beta·x of 4 is not above it */
    assert_values_near(y, 1e-15, 2.0090749639589047, 2.5);
    tg_tensor *g = slope(y, NULL, x);
    assert_values_near(g, 1e-15, 0.9820137900379085, 1);
    tg_tensor *h = slope(g, NULL, x);
    assert_values_near(h, 1e-14, 0, 0);
}

static void bad_parameters_are_refused_by_name(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2);
    static const double bad[] = {INF, -INF};
    for (int i = 0; i < 2; i++) {
        assert_refused(tg_elu(x, bad[i]), TG_ERR_ARG, "elu: ", "alpha is", "finite");
        assert_refused(tg_celu(x, bad[i]), TG_ERR_ARG, "celu: ", "alpha is", "finite");
        assert_refused(tg_softplus(x, bad[i], 20), TG_ERR_ARG, "softplus: ", "beta is", "finite");
        assert_refused(tg_softplus(x, 1, bad[i]), TG_ERR_ARG, "softplus: ", "threshold is");
    }
    assert_refused(tg_celu(x, 0), TG_ERR_ARG, "celu: alpha is 0");
    assert_refused(tg_softplus(x, 0, 20), TG_ERR_ARG, "softplus: beta is 0");
}

static void swish_is_silu(void **state) {
    (void)state;
    assert_values(tg_swish(ROW(0, 2)), 0, at(tg_silu(ROW(2)), 0));
}

TG_TEST_MAIN(tg_scoped(values_and_slopes_are_exact_to_a_few_units), tg_scoped(in_f32_too),
             tg_scoped(f32_gelu_and_silu_keep_their_digits_far_below_0),
             tg_scoped(at_0_the_left_branch_has_the_slope),
             tg_scoped(infinities_and_nan_go_as_in_pytorch),
             tg_scoped(large_numbers_do_not_overflow),
             tg_scoped(softplus_is_linear_above_its_threshold_only),
             tg_scoped(bad_parameters_are_refused_by_name), tg_scoped(swish_is_silu))
