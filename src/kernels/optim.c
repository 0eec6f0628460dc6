/* optim.c - optimizer steps, cut into pieces for the threads.
 *
 * One pass reads parameter, gradient and state and writes parameter and state: memory traffic is
 * all that it costs. The arithmetic is in optim.inc, built per instruction set. */
#include "kernels/optim.h"
#include "base/threads.h"
#include "kernels/isa.h"

#define OPTIM_PIECE 32768 /* elements */

typedef struct {
    tg_dtype dtype;
    char *p, *m, *v, *max_v; /* m: SGD's momentum buffer, or NULL */
    const char *g;
    const tg__sgd_args *sgd;
    const tg__adam_args *adam;
} step;

static char *at(char *array, int64_t bytes) { return array ? array + bytes : NULL; }

static void step_piece(int64_t begin, int64_t end, void *ctx) {
    const step *s = ctx;
    const struct tg__optim_table *k = tg__kernels_get()->optim;
    const int64_t n = end - begin, bytes = begin * (s->dtype == TG_F32 ? 4 : 8);
    if (s->sgd)
        k->sgd[s->dtype](n, s->p + bytes, s->g + bytes, at(s->m, bytes), s->sgd);
    else
        k->adam[s->dtype](n, s->p + bytes, s->g + bytes, s->m + bytes, s->v + bytes,
                          at(s->max_v, bytes), s->adam);
}

void tg__sgd_step(tg_dtype dtype, int64_t n, void *p, const void *g, void *buf,
                  const tg__sgd_args *a) {
    step s = {.dtype = dtype, .p = p, .g = g, .m = buf, .sgd = a};
    if (n > 0)
        tg__parallel_for(n, OPTIM_PIECE, step_piece, &s);
}

void tg__adam_step(tg_dtype dtype, int64_t n, void *p, const void *g, void *m, void *v, void *max_v,
                   const tg__adam_args *a) {
    step s = {.dtype = dtype, .p = p, .g = g, .m = m, .v = v, .max_v = max_v, .adam = a};
    if (n > 0)
        tg__parallel_for(n, OPTIM_PIECE, step_piece, &s);
}
