#include <stdio.h>
#include <tensorgrad/tensorgrad.h>
int main(void) {
    tg_tensor *x = tg_scalar(TG_F64, 0.5), *y = tg_add_scalar(x, 1.0);
    printf("tensorgrad %s: %g\n", tg_version(), tg_item(y));
    tg_release(x), tg_release(y);
    return 0;
}
