/* probe_openblas.c - run at configure time: is this OpenBLAS usable, and which variant is it? */
#include <cblas.h>
#include <stdio.h>
#include <string.h>

#ifdef OPENBLAS_USE64BITINT
#error "TENSORGRAD_ILP64: OpenBLAS with 64-bit integers"
#endif

int main(void) {
    const char *config = openblas_get_config();
    if (strstr(config, "USE64BITINT") != NULL) {
        printf("it is built with 64-bit integers (ILP64): %s", config);
        return 1;
    }
    /* [1 2; 3 4] * [5 6; 7 8], so that a broken kernel or a foreign cblas.h shows here. */
    const float a[4] = {1, 2, 3, 4}, b[4] = {5, 6, 7, 8}, want[4] = {19, 22, 43, 50};
    float c[4] = {0, 0, 0, 0};
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, 2, 2, 2, 1.0f, a, 2, b, 2, 0.0f, c, 2);
    for (int i = 0; i < 4; i++) {
        if (c[i] != want[i]) {
            printf("cblas_sgemm gives wrong products");
            return 2;
        }
    }
    static const char *const variants[] = {"serial", "pthread", "openmp"};
    int parallel = openblas_get_parallel();
    printf("%s, core %s, %s", config, openblas_get_corename(),
           parallel >= 0 && parallel <= 2 ? variants[parallel] : "unknown threading");
    return 0;
}
