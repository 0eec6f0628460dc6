/* test_ctc.c - connectionist temporal classification against the sum over all paths. */
#include "base/alloc.h"
#include "kernels/ctc.h"
#include "tg_test.h"

#define FRAMES 4
#define CLASSES 3

static const double logp[FRAMES][CLASSES] = {
    {-1, -2, -0.5}, {-0.7, -0.9, -1.5}, {-2, -0.3, -2.5}, {-0.4, -1.6, -2}};

/* Whether the first `frames` of a path, without repeats and zeros, are the labels. */
static bool leads_to(const int *path, int64_t frames, const int64_t *labels, int64_t n) {
    int64_t found = 0;
    for (int64_t t = 0; t < frames; t++) {
        if (path[t] == 0 || (t > 0 && path[t] == path[t - 1]))
            continue;
        if (found == n || labels[found] != path[t])
            return false;
        found++;
    }
    return found == n;
}

/* The loss and minus the posteriors, from all paths. */
static double by_paths(int64_t frames, const int64_t *labels, int64_t n, double *g) {
    double total = 0;
    for (int i = 0; i < FRAMES * CLASSES; i++)
        g[i] = 0;
    int paths = 1;
    for (int64_t t = 0; t < frames; t++)
        paths *= CLASSES;
    for (int p = 0; p < paths; p++) {
        int path[FRAMES];
        double sum = 0;
        for (int64_t t = 0, rest = p; t < frames; t++, rest /= CLASSES) {
            path[t] = (int)(rest % CLASSES);
            sum += logp[t][path[t]];
        }
        if (!leads_to(path, frames, labels, n))
            continue;
        total += exp(sum);
        for (int64_t t = 0; t < frames; t++)
            g[t * CLASSES + path[t]] -= exp(sum);
    }
    for (int i = 0; i < FRAMES * CLASSES; i++)
        g[i] /= total;
    return -log(total);
}

static tg__ctc one_sample(const int64_t *labels, const int64_t *frames, const int64_t *n) {
    return (tg__ctc){.dtype = TG_F64,
                     .frames = FRAMES,
                     .batch = 1,
                     .classes = CLASSES,
                     .most_labels = 4,
                     .logp = logp,
                     .labels = labels,
                     .frame_count = frames,
                     .label_count = n};
}

static void loss_and_gradient_are_those_of_all_paths(void **state) {
    (void)state;
    static const int64_t labels[][4] = {{1, 2, 1, 2}, {1, 1, 0, 0}, {2, 2, 1, 0}, {2, 1, 1, 2}};
    uint64_t bytes;
    int checked = 0;
    for (int k = 0; k < 4; k++)
        for (int64_t n = 0; n <= 4; n++)
            for (int64_t frames = 1; frames <= FRAMES; frames++) {
                double expected[FRAMES * CLASSES];
                double loss;
                double g[FRAMES * CLASSES];
                double value = by_paths(frames, labels[k], n, expected);
                tg__ctc c = one_sample(labels[k], &frames, &n);
                if (k == 1 && n > 2)
                    continue; /* those hold blanks */
                if (k == 2 && n > 3)
                    continue;
                assert_true(tg__ctc_loss(&c, &loss, &bytes));
                assert_close(loss, value, 1e-13, 1e-15);
                const double scale = 2;
                assert_true(tg__ctc_grad(&c, &scale, g, &bytes));
                for (int i = 0; i < FRAMES * CLASSES; i++)
                    if (isinf(value) && i < frames * CLASSES)
                        assert_true(isnan(g[i]));
                    else
                        assert_close(g[i], isinf(value) ? 0 : 2 * expected[i], 1e-13, 1e-15);
                checked++;
            }
    assert_true(checked > 60);
}

static void without_frames_only_no_labels_fit(void **state) {
    (void)state;
    static const int64_t labels[4] = {1, 2, 0, 0};
    uint64_t bytes;
    for (int64_t n = 0; n < 2; n++) {
        int64_t frames = 0;
        tg__ctc c = one_sample(labels, &frames, &n);
        double loss;
        double g[FRAMES * CLASSES];
        assert_true(tg__ctc_loss(&c, &loss, &bytes));
        assert_true(n == 0 ? loss == 0 : isinf(loss));
        c.zero_infinity = true;
        assert_true(tg__ctc_loss(&c, &loss, &bytes));
        assert_true(loss == 0);
        assert_true(tg__ctc_grad(&c, &(double){1}, g, &bytes));
        for (int i = 0; i < FRAMES * CLASSES; i++)
            assert_true(g[i] == 0);
    }
}

static void infinite_losses_can_be_zero(void **state) {
    (void)state;
    static const int64_t labels[4] = {1, 1, 0, 0};
    int64_t frames = 2;
    int64_t n = 2;
    uint64_t bytes;
    tg__ctc c = one_sample(labels, &frames, &n);
    c.zero_infinity = true;
    double loss;
    double g[FRAMES * CLASSES];
    assert_true(tg__ctc_loss(&c, &loss, &bytes));
    assert_true(loss == 0);
    assert_true(tg__ctc_grad(&c, &(double){1}, g, &bytes));
    for (int i = 0; i < FRAMES * CLASSES; i++)
        assert_true(g[i] == 0);
}

static void long_sequences_do_not_underflow(void **state) {
    (void)state;
    enum { LONG = 3000 };
    static float even[LONG][1][2];
    for (int t = 0; t < LONG; t++)
        even[t][0][0] = even[t][0][1] = -0.69314718056F;
    int64_t label = 1;
    int64_t frames = LONG;
    int64_t n = 1;
    uint64_t bytes;
    tg__ctc c = {.dtype = TG_F32,
                 .frames = LONG,
                 .batch = 1,
                 .classes = 2,
                 .most_labels = 1,
                 .logp = even,
                 .labels = &label,
                 .frame_count = &frames,
                 .label_count = &n};
    float loss;
    assert_true(tg__ctc_loss(&c, &loss, &bytes));
    /* 3000·3001/2 paths of 2^-3000 each */
    assert_close(loss, 3000 * 0.69314718056 - log(3000.0 * 3001 / 2), 1e-6, 0);
}

static void missing_memory_is_told(void **state) {
    (void)state;
    static const int64_t labels[4] = {1, 2, 0, 0};
    int64_t frames = 4;
    int64_t n = 2;
    uint64_t bytes = 0;
    tg__ctc c = one_sample(labels, &frames, &n);
    double loss;
    double g[FRAMES * CLASSES];
    tg__alloc_fail_at(1, true);
    bool first = tg__ctc_loss(&c, &loss, &bytes);
    bool second = tg__ctc_grad(&c, &(double){1}, g, &bytes);
    tg__alloc_fail_at(0, false);
    assert_false(first);
    assert_false(second);
    assert_true(bytes > 0);
}

TG_TEST_MAIN(cmocka_unit_test(loss_and_gradient_are_those_of_all_paths),
             cmocka_unit_test(without_frames_only_no_labels_fit),
             cmocka_unit_test(infinite_losses_can_be_zero),
             cmocka_unit_test(long_sequences_do_not_underflow),
             cmocka_unit_test(missing_memory_is_told))
