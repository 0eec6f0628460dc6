/* pool.h - what the pooling operations share. */
#ifndef TG_OPS_POOL_H
#define TG_OPS_POOL_H

#include "kernels/pool.h"
#include "ops/elementwise.h"
#include "ops/window.h"

/* The attributes of all pooling operations; each lists the ones it has. */
typedef struct {
    tg__ints kernel_size, stride, padding, dilation;
    bool ceil_mode, count_include_pad, adaptive;
    int64_t divisor_override;
    double p;
    tg__sizes output_size; /* of adaptive windows */
    tg__sizes size;        /* spatial sizes of x, where only those of y are known */
} tg__pool_attr;
#define TG__POOL_FIELD(name, type, required, i)                                                    \
    { #name, TG_ATTR_##type, offsetof(tg__pool_attr, name), required, i, 0 }

/* Fills *p but for the planes: windows over nd dims of sizes `in`. `most` limits the padding to
 * half of the kernel. False with an error. `x` is for the text. */
bool tg__pool_windows(const tg__call *c, int nd, const tg_tensor *x, const int64_t *in,
                      tg__pool *p);
/* The same with adaptive windows. */
bool tg__pool_adaptive(const tg__call *c, int nd, const int64_t *in, tg__pool *p);
/* x's shape with other spatial sizes (three, of which the last nd count); returns x's rank. */
int tg__pool_shape(const tg_tensor *x, int nd, const int64_t *spatial, int64_t *shape);

/* Fills both outputs of an op on x (c->in[0]) whose .kernel is the number of spatial dims; and its
 * gradient rule, which needs output 1 and the sizes of input 0. */
bool tg__pool_maxima(const tg__call *c, tg__pool *p);
void tg__pool_maxima_rule(tg__rule *r);

/* From the arguments of a public function; false with an error. */
bool tg__pool_options(const char *op, int nd, int n, const int64_t *kernel_size,
                      const tg_pool_options *options, tg__pool_attr *a);
bool tg__pool_output_size(const char *op, int n, const int64_t *output_size, tg__pool_attr *a);

#endif
