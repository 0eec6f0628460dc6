/* first_gradient.c - one neuron, one gradient: L = (w·x + b - y)².
 *
 * dL/dw = 2 (w·x + b - y) x and dL/db = 2 (w·x + b - y), here with x = 2, y = 5, w = 0.5, b = 0.1.
 */
#include <tensorgrad/tensorgrad.h>

#include <stdio.h>

int main(void) {
    tg_scope s = tg_scope_open(); /* what is made below goes when it closes */
    tg_tensor *x = tg_scalar(TG_F64, 2.0);
    tg_tensor *y = tg_scalar(TG_F64, 5.0);
    tg_tensor *w = tg_requires_grad_(tg_scalar(TG_F64, 0.5), true);
    tg_tensor *b = tg_requires_grad_(tg_scalar(TG_F64, 0.1), true);

    tg_tensor *loss = tg_square(tg_sub(tg_add(tg_mul(w, x), b), y));
    tg_backward(loss);

    double value = tg_item(loss);
    double dw = tg_item(tg_grad(w));
    double db = tg_item(tg_grad(b));
    if (tg_scope_close(s) != TG_OK) { /* one check for everything since the scope was opened */
        fprintf(stderr, "%s\n", tg_error_message());
        return 1;
    }
    printf("L  = %.4f\ndw = %.4f\ndb = %.4f\n", value, dw, db);
    return 0;
}

/* expected output of: first_gradient
L  = 15.2100
dw = -15.6000
db = -7.8000
*/
