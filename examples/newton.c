/* newton.c - Newton's method with the exact Hessian.
 *
 * Rosenbrock's function f(x, y) = (1 - x)² + 100 (y - x²)² has its minimum 0 at (1, 1), at the end
 * of a curved valley in which gradient descent takes thousands of steps. Newton's method solves
 * H d = -∇f for the step d and needs six, the last of which double the number of digits each.
 */
#include <tensorgrad/tensorgrad.h>

#include <stdio.h>

static tg_status rosenbrock(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    tg_tensor *x = tg_select(in[0], 0, 0);
    tg_tensor *y = tg_select(in[0], 0, 1);
    tg_tensor *off_valley = tg_sub(y, tg_square(x));
    out[0] = tg_add(tg_square(tg_rsub_scalar(x, 1)), tg_mul_scalar(tg_square(off_valley), 100));
    return TG_OK; /* an operation that failed has left its error, which counts */
}

/* One step, in place; returns the value before it. */
static double newton_step(tg_tensor *at) {
    tg_scope s = tg_scope_open();
    tg_tensor *value = NULL;
    tg_tensor *gradient = NULL;
    tg_tensor *hessian = NULL; /* [2, 2] */
    tg_vjp(rosenbrock, NULL, &at, 1, NULL, 1, NULL, &value, &gradient);
    tg_hessian(rosenbrock, NULL, &at, 1, NULL, &hessian);
    tg_sub_(at, tg_solve(hessian, gradient));
    double f = tg_item(value);
    if (tg_scope_close(s) != TG_OK) /* one check for everything above */
        fprintf(stderr, "%s\n", tg_error_message());
    return f;
}

int main(void) {
    tg_tensor *at = tg_from_array(TG_F64, TG_SHAPE(2), (const double[]){-1.2, 1});
    for (int step = 0; step < 7 && at != NULL; step++) {
        const double *xy = tg_data(at);
        double x = xy[0];
        double y = xy[1];
        printf("step %d: (%9.6f, %9.6f)  f = %.1e\n", step, x, y, newton_step(at));
    }
    int failed = tg_error_status() != TG_OK;
    tg_release(at);
    return failed || tg_live_tensors() != 0;
}

/* expected output of: newton
step 0: (-1.200000,  1.000000)  f = 2.4e+01
step 1: (-1.175281,  1.380674)  f = 4.7e+00
step 2: ( 0.763115, -3.175034)  f = 1.4e+03
step 3: ( 0.763430,  0.582825)  f = 5.6e-02
step 4: ( 0.999995,  0.944027)  f = 3.1e-01
step 5: ( 0.999996,  0.999991)  f = 1.9e-11
step 6: ( 1.000000,  1.000000)  f = ...
*/
