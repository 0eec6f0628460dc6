/* test_recurrent.c - recurrent layers and cells: values of PyTorch 2.13. */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

#define near(x, ...) tg_test_values(x, 1e-12, 1e-14, LIST(__VA_ARGS__), #x, __FILE__, __LINE__)

static tg_tensor *waves(double start, int ndim, const int64_t *shape) {
    return tg_sin(tg_add_scalar(counting(ndim, shape), start));
}
static double apart(tg_tensor *a, tg_tensor *b) { return tg_item(tg_max(tg_abs(tg_sub(a, b)))); }

enum { I = 2, MOST = 20 };

/* Weight number k is sin(k + position). */
static int weights(int gates, int hidden, int layers, int directions, int proj, tg_tensor **list) {
    const int width = proj > 0 ? proj : hidden;
    int n = 0;
    for (int l = 0; l < layers; l++)
        for (int d = 0; d < directions; d++) {
            list[n] = waves(n, TG_SHAPE(gates * hidden, l == 0 ? I : width * directions));
            n++;
            list[n] = waves(n, TG_SHAPE(gates * hidden, width));
            n++;
            for (int b = 0; b < 2; b++, n++)
                list[n] = waves(n, TG_SHAPE(gates * hidden));
            if (proj > 0) {
                list[n] = waves(n, TG_SHAPE(proj, hidden));
                n++;
            }
        }
    return n;
}

static tg_recurrent_options deep(void) {
    tg_recurrent_options o = TG_RECURRENT_OPTIONS_INIT;
    o.num_layers = 2;
    o.bidirectional = true;
    return o;
}

static void rnn_is_that_of_pytorch(void **state) {
    (void)state;
    tg_tensor *w[MOST];
    int n = weights(1, 2, 2, 2, 0, w);
    tg_recurrent_options o = deep();
    tg_tensor *h;
    near(tg_rnn(waves(0, TG_SHAPE(3, 2, 2)), w, n, &o, &h), -0.8607960127671075,
         -0.9866909055955985, 0.947298311390074, 0.948663045569809, -0.9260343077456238,
         -0.8320117667606797, 0.9972832166757953, 0.26640753345453927, -0.9888920776324035,
         0.6772743911107244, 0.995169137714206, 0.7188204331853494, -0.8686711421082227,
         -0.8169744612312, 0.8475315377831654, 0.9702352376042525, -0.9431805815530021,
         -0.7911390350275173, 0.9010011590657571, 0.02206525104079472, -0.9892989061774667,
         0.6615451116035796, 0.9903774575021882, 0.1755014948772021);
    assert_shape(h, TG_F64, TG_SHAPE(4, 2, 2));
    near(h, 0.8287035217781542, 0.7541064437755749, 0.396274363435134, -0.5343444438712057,
         -0.9258350799331769, 0.9989361174941199, 0.06578494885519554, 0.9588165236297457,
         -0.9431805815530021, -0.7911390350275173, -0.9892989061774667, 0.6615451116035796,
         0.947298311390074, 0.948663045569809, 0.9972832166757953, 0.26640753345453927);
}

static void gru_is_that_of_pytorch(void **state) {
    (void)state;
    tg_tensor *w[MOST];
    int n = weights(3, 2, 2, 2, 0, w);
    tg_recurrent_options o = deep();
    tg_tensor *h;
    near(tg_gru(waves(0, TG_SHAPE(3, 2, 2)), w, n, &o, &h), -0.06100200818819376,
         0.06750874274324192, -0.40200541694531094, 0.7186274399462801, -0.1464042142021694,
         0.044657896677732234, -0.33197716553175977, 0.8194363755939895, 0.35287449458496445,
         0.1205847702922136, -0.5869857899809565, 0.7030104880683139, -0.05315921900349356,
         0.10887050905727313, -0.3813165080230395, 0.7447859453290584, 0.27713019547323997,
         0.1548346653765606, -0.27516236673891636, 0.8011530280787262, 0.39985131882113883,
         0.1470707272488156, -0.440453496093435, 0.71602841804897);
    near(h, 0.6830420967633186, 0.3170445178186806, -0.3234098260448866, 0.8090473820168695,
         -0.4702102305935595, -0.5940443139619246, -0.46989016377358356, -0.4957290656504585,
         0.27713019547323997, 0.1548346653765606, 0.39985131882113883, 0.1470707272488156,
         -0.40200541694531094, 0.7186274399462801, -0.33197716553175977, 0.8194363755939895);
}

static void lstm_is_that_of_pytorch(void **state) {
    (void)state;
    tg_tensor *w[MOST];
    int n = weights(4, 2, 2, 2, 0, w);
    tg_recurrent_options o = deep();
    tg_tensor *x = waves(0, TG_SHAPE(3, 2, 2));
    tg_tensor *h;
    tg_tensor *c;
    tg_tensor *y = tg_lstm(x, w, n, &o, &h, &c);
    near(y, 0.04291200748539287, 0.003039947629370666, -0.056817442830672325, 0.3961386287994009,
         0.049443970195529326, 0.0032845193620492453, 0.05029102715178333, 0.39209314946040796,
         0.057957688731496586, 0.009790033894147948, -0.13785974813571403, 0.3642192876521984,
         0.06477174220134355, 0.005646408438221479, 0.041477079808626374, 0.3977320386542397,
         0.1132754971181819, 0.011125266602833746, -0.26443930622243594, 0.3396028278763871,
         0.06940312954161314, 0.014646315278430185, 0.0034834442086133727, 0.3835935504349272);
    near(h, 0.43665940824496247, 0.30332138966658306, -0.16096697754135023, 0.06404072612417674,
         -0.4673773520999142, -0.5643375518245558, -0.5592433450169879, -0.3897863907391558,
         0.1132754971181819, 0.011125266602833746, 0.06940312954161314, 0.014646315278430185,
         -0.056817442830672325, 0.3961386287994009, 0.05029102715178333, 0.39209314946040796);
    near(c, 0.684557741194321, 0.4437865489104625, -0.1962251457944083, 0.27473179990225804,
         -1.4217687564980586, -1.0875629560523825, -1.6998048843102285, -0.9420507923440696,
         0.34033353994917903, 0.15865414887460852, 0.32137431279185574, 0.1640813924370417,
         -0.08108723933545198, 0.48599121079282953, 0.07074325628405807, 0.4734866029488456);
    /* batch first, and a single sample */
    o.batch_first = true;
    tg_tensor *t = tg_lstm(tg_transpose(x, 0, 1), w, n, &o, NULL, NULL);
    assert_true(apart(tg_transpose(t, 0, 1), y) < 1e-15);
    t = tg_lstm(tg_select(x, 1, 1), w, n, &o, &h, NULL);
    assert_true(apart(t, tg_select(y, 1, 1)) < 1e-15);
    assert_shape(h, TG_F64, TG_SHAPE(4, 2));
}

static void a_projection_makes_the_state_smaller(void **state) {
    (void)state;
    tg_tensor *w[MOST];
    int n = weights(4, 3, 1, 1, 2, w);
    tg_recurrent_options o = TG_RECURRENT_OPTIONS_INIT;
    o.projection = true;
    tg_tensor *h;
    tg_tensor *c;
    near(tg_lstm(waves(0, TG_SHAPE(3, 2, 2)), w, n, &o, &h, &c), -0.17623565274400585,
         0.15962737991753484, -0.27091393915566087, 0.2663200858052419, -0.041698171470835696,
         -0.0013257173374722209, -0.18514594023755865, 0.15109649076652365, -0.2577305572701443,
         0.23888708746454662, -5.844112799291423e-05, -0.05137335435732454);
    near(h, -0.2577305572701443, 0.23888708746454662, -5.844112799291423e-05, -0.05137335435732454);
    near(c, 0.7541179363321299, 0.3697032826812536, -0.21163315201675956, 0.6303936721324013,
         -0.13280079931367422, -0.32248324759064884);
}

/* A layer is its cell, step by step, from the state that is given. */
static void layers_are_cells_in_a_row(void **state) {
    (void)state;
    tg_tensor *x = waves(0, TG_SHAPE(4, 2, 2));
    tg_recurrent_options o = TG_RECURRENT_OPTIONS_INIT;
    o.h0 = waves(5, TG_SHAPE(1, 2, 3));
    o.c0 = waves(6, TG_SHAPE(1, 2, 3));
    tg_tensor *w[MOST];
    for (int k = 0; k < 4; k++) {
        tg_tensor *last;
        tg_tensor *h = tg_select(o.h0, 0, 0);
        tg_tensor *c = tg_select(o.c0, 0, 0);
        int n = weights(k < 2 ? 1 : k + 1, 3, 1, 1, 0, w);
        o.relu = k == 1;
        tg_tensor *y = k < 2    ? tg_rnn(x, w, n, &o, &last)
                       : k == 2 ? tg_gru(x, w, n, &o, &last)
                                : tg_lstm(x, w, n, &o, &last, NULL);
        for (int t = 0; t < 4; t++) {
            tg_tensor *in = tg_select(x, 0, t);
            h = k < 2    ? tg_rnn_cell(in, h, w, n, o.relu)
                : k == 2 ? tg_gru_cell(in, h, w, n)
                         : tg_lstm_cell(in, h, c, w, n, &c);
            assert_true(apart(tg_select(y, 0, t), h) < 1e-14);
        }
        assert_true(apart(tg_select(last, 0, 0), h) < 1e-14);
    }
}

static void dropout_lies_between_layers_and_in_training_only(void **state) {
    (void)state;
    tg_tensor *w[MOST];
    int n = weights(1, 2, 2, 2, 0, w);
    tg_tensor *x = waves(0, TG_SHAPE(3, 2, 2));
    tg_generator *g = tg_generator_new(1);
    tg_recurrent_options o = deep();
    o.generator = g;
    tg_tensor *plain = tg_rnn(x, w, n, &o, NULL);
    o.dropout_p = .5;
    assert_true(apart(tg_rnn(x, w, n, &o, NULL), plain) == 0);
    o.train = true;
    tg_tensor *h;
    tg_tensor *first;
    assert_true(apart(tg_rnn(x, w, n, &o, &h), plain) > .01);
    tg_generator_state s;
    assert_ok(tg_generator_get_state(g, &s));
    assert_true(s.position == 3 * 2 * 4 / 4);
    o.dropout_p = 0;
    tg_rnn(x, w, n, &o, &first);
    assert_true(apart(tg_narrow(h, 0, 0, 2), tg_narrow(first, 0, 0, 2)) == 0);
    tg_generator_free(g);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    tg_tensor *w[MOST];
    int n = weights(4, 2, 2, 2, 0, w);
    tg_tensor *x = waves(0, TG_SHAPE(3, 2, 2));
    tg_recurrent_options o = deep();
    tg_tensor *h = x;
    assert_refused(tg_lstm(x, w, n - 1, &o, &h, NULL), TG_ERR_ARG, "lstm",
                   "4 weights for each of 4");
    assert_null(h);
    assert_refused(tg_lstm(x, w, 1, &o, NULL, NULL), TG_ERR_ARG, "1 weights");
    assert_refused(tg_lstm(x, NULL, 4, NULL, NULL, NULL), TG_ERR_ARG, "at NULL");
    assert_refused(tg_lstm(NULL, w, n, &o, NULL, NULL), TG_ERR_ARG, "x is NULL");
    assert_refused(tg_lstm(tg_zeros(TG_F64, TG_SHAPE(0, 2, 2)), w, n, &o, NULL, NULL), TG_ERR_SHAPE,
                   "no steps");
    assert_refused(tg_lstm(ROW(1, 2), w, n, &o, NULL, NULL), TG_ERR_SHAPE, "[T, N, I]");
    assert_refused(tg_lstm(waves(0, TG_SHAPE(3, 2, 5)), w, n, &o, NULL, NULL), TG_ERR_SHAPE,
                   "w_ih is f64 [8, 2]", "[8, 5]");
    assert_refused(tg_lstm(tg_cast(x, TG_F32), w, n, &o, NULL, NULL), TG_ERR_DTYPE, "w_ih is f64");
    o.h0 = waves(0, TG_SHAPE(2, 2, 2));
    assert_refused(tg_lstm(x, w, n, &o, NULL, NULL), TG_ERR_SHAPE, "h0 is f64 [2, 2, 2]",
                   "[4, 2, 2]");
    o.h0 = NULL;
    o.num_layers = 0;
    assert_refused(tg_lstm(x, w, n, &o, NULL, NULL), TG_ERR_ARG, "num_layers is 0");
    o.num_layers = 1 << 30; /* no state of such a size is made first */
    assert_refused(tg_lstm(x, w, n, &o, NULL, NULL), TG_ERR_ARG, "num_layers is 1073741824");
    o.dropout_p = 3;
    assert_refused(tg_lstm(x, w, n, &o, NULL, NULL), TG_ERR_ARG, "dropout_p is 3");
    assert_refused(tg_gru_cell(ROW(1, 2), ROW(1, 2), w, 2), TG_ERR_SHAPE, "w_hh is f64 [8, 2]");
    assert_refused(tg_rnn_cell(ROW(1, 2), ROW(1, 2), w, 3, false), TG_ERR_ARG, "3 weights");
    assert_refused(tg_lstm_cell(ROW(1, 2), ROW(1), ROW(1, 2), w, 4, NULL), TG_ERR_SHAPE,
                   "h is f64 [1]");
}

TG_TEST_MAIN(tg_scoped(rnn_is_that_of_pytorch), tg_scoped(gru_is_that_of_pytorch),
             tg_scoped(lstm_is_that_of_pytorch), tg_scoped(a_projection_makes_the_state_smaller),
             tg_scoped(layers_are_cells_in_a_row),
             tg_scoped(dropout_lies_between_layers_and_in_training_only),
             tg_scoped(what_does_not_fit_is_refused))
