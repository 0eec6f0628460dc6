/* linear_regression.c - fits y = B0 + B1 x to calibration data and compares with certified results.
 *
 *     linear_regression [data.csv [loss.svg]]
 *
 * The data are the 36 pairs of NIST's Norris set (Statistical Reference Datasets): readings of an
 * ozone monitor (y) against a standard (x), with coefficients that NIST certifies to 15 digits. The
 * fit uses nothing but gradients from the tape: full-batch gradient descent on the mean squared
 * error. On x as it is (0 to 1000) that would crawl or diverge, so x is standardised first and the
 * coefficients are converted back. Fails if fewer than 10 digits agree. */
#include <tensorgrad/tensorgrad.h>

#include <math.h>
#include <stdio.h>

enum { STEPS = 200, DIGITS_WANTED = 10 };

/* What the fit gives, and what NIST certifies. */
typedef struct {
    double b0, b1, r2, residual_sd;
} line;
static const line certified = {-0.262323073774029, 1.00211681802045, 0.999993745883712,
                               0.884796396144373};

/* Gradient descent on w and b; the loss of each step goes to the curve. */
static tg_status descend(tg_tensor *z, tg_tensor *y, tg_tensor *w, tg_tensor *b, tg_curve *curve) {
    tg_sgd_options options = TG_SGD_OPTIONS_INIT;
    options.lr = 0.1;
    tg_optimizer *sgd = tg_sgd_new((tg_tensor *const[]){w, b}, 2, &options);
    tg_progress *progress = tg_progress_new("fit", STEPS, NULL);
    tg_status status = tg_error_status(); /* of what was made before */
    for (int step = 1; step <= STEPS && status == TG_OK; step++) {
        tg_scope s = tg_scope_open();
        tg_tensor *loss = tg_mse_loss(tg_add(tg_mul(z, w), b), y, TG_REDUCE_MEAN);
        tg_backward(loss);
        tg_optimizer_step(sgd);
        tg_optimizer_zero_grad(sgd);
        tg_curve_add(curve, step, tg_item(loss));
        tg_progress_update(progress, step, tg_item(loss));
        status = tg_scope_close(s);
    }
    tg_progress_free(progress);
    tg_optimizer_free(sgd);
    return status;
}

/* Everything made here belongs to the caller's scope. */
static void fit(const char *path, tg_curve *curve, line *result) {
    const char *const names[] = {"x", "y"};
    tg_csv_options options = TG_CSV_OPTIONS_INIT;
    options.columns = names;
    options.n_columns = 2;
    tg_tensor *data = tg_read_csv(path, TG_F64, &options); /* [n, 2] */
    tg_tensor *x = tg_select(data, 1, 0);                  /* [n] */
    tg_tensor *y = tg_select(data, 1, 1);                  /* [n] */

    tg_tensor *mean = tg_mean(x, TG_ALL, false);
    tg_tensor *sd = tg_std(x, TG_ALL, 0, false);
    tg_tensor *z = tg_div(tg_sub(x, mean), sd);
    tg_tensor *w = tg_requires_grad_(tg_zeros(TG_F64, TG_0D), true);
    tg_tensor *b = tg_requires_grad_(tg_zeros(TG_F64, TG_0D), true);
    if (descend(z, y, w, b, curve) != TG_OK)
        return;

    tg_set_grad_enabled(false); /* until the scope closes */
    tg_tensor *residuals = tg_sub(y, tg_add(tg_mul(z, w), b));
    tg_tensor *unexplained = tg_sum(tg_square(residuals), TG_ALL, false);
    tg_tensor *total = tg_sum(tg_square(tg_sub(y, tg_mean(y, TG_ALL, false))), TG_ALL, false);
    result->b1 = tg_item(w) / tg_item(sd);
    result->b0 = tg_item(b) - result->b1 * tg_item(mean);
    result->r2 = 1 - tg_item(unexplained) / tg_item(total);
    result->residual_sd = sqrt(tg_item(unexplained) / (double)(tg_numel(y) - 2));
}

/* Prints one row; returns how many digits agree, at most the 15 that are certified. */
static double compare(const char *name, double certified_value, double fitted) {
    double error = fabs(fitted - certified_value) / fabs(certified_value);
    double digits = error > 1e-15 ? -log10(error) : 15;
    if (!(digits > 0)) /* none, or no number at all */
        digits = 0;
    printf("%-14s %18.15g  %19.15g  %6.1f\n", name, certified_value, fitted, digits);
    return digits;
}

int main(int argc, char **argv) {
    const char *data = argc > 1 ? argv[1] : "examples/data/norris.csv";
    const char *svg = argc > 2 ? argv[2] : "linear_regression_loss.svg";
    line fitted = {NAN, NAN, NAN, NAN};

    tg_curve *curve = tg_curve_new("Norris: loss of the fit", "mean squared error");
    tg_scope s = tg_scope_open();
    fit(data, curve, &fitted);
    tg_status status = tg_scope_close(s);
    if (status == TG_OK)
        status = tg_curve_write_svg(curve, svg);
    tg_curve_free(curve);
    if (status != TG_OK) {
        fprintf(stderr, "%s\n", tg_error_message());
        return 1;
    }

    printf("%-14s %18s  %19s  digits\n", "y = B0 + B1 x", "certified", "fitted");
    double digits = compare("B0", certified.b0, fitted.b0);
    digits = fmin(digits, compare("B1", certified.b1, fitted.b1));
    digits = fmin(digits, compare("R2", certified.r2, fitted.r2));
    digits = fmin(digits, compare("residual sd", certified.residual_sd, fitted.residual_sd));
    printf("loss curve in %s\n", svg);
    if (digits < DIGITS_WANTED) {
        printf("only %.1f digits agree, expected %d\n", digits, DIGITS_WANTED);
        return 1;
    }
    printf("at least %d digits agree\n", DIGITS_WANTED);
    return 0;
}

/* expected output of: linear_regression examples/data/norris.csv
y = B0 + B1 x           certified               fitted  digits
B0             -0.262323073774029   -0.2623230737...
B1               1.00211681802045     1.002116818...
R2              0.999993745883712    0.9999937458...
residual sd     0.884796396144373    0.8847963961...
loss curve in linear_regression_loss.svg
at least 10 digits agree
*/
