/* reduce.h - what reductions and operations along one dim share: their dims, running a kernel over
 * them, and the way back. */
#ifndef TG_OPS_REDUCE_H
#define TG_OPS_REDUCE_H

#include "autograd/op.h"
#include "kernels/reduce.h"

typedef struct {
    tg__dims dims;
    bool keepdim;
} tg__reduce_attr;
extern const tg__field tg__reduce_fields[];
#define TG__REDUCTION                                                                              \
    .inputs = "x", .n_in = 1, .fields = tg__reduce_fields, .attr_size = sizeof(tg__reduce_attr)

/* Calls an op whose attributes are dims and keepdim. */
tg_tensor *tg__reduced(const tg__op *op, tg_tensor *x, int n, const int *dims, bool keepdim);

static inline bool tg__is_in(uint32_t mask, int dim) { return mask >> dim & 1; }
/* How many elements of x make one of the result. */
int64_t tg__count_over(const tg_tensor *x, uint32_t mask);
/* Stored dims as a list for the public functions; returns how many. */
int tg__dims_list(const tg__dims *dims, int *list);
/* False with TG_ERR_SHAPE if there is nothing to choose from along the dims. */
bool tg__some(const char *op, const tg_tensor *x, uint32_t mask);

/* Runs a reduction over the dims in mask into a new tensor. center: SUMSQ only, of x's dtype and of
 * the shape that keepdim gives, contiguous; NULL: 0. Raw. */
tg_tensor *tg__run_reduction(const char *op, tg__reduce_op kind, const tg_tensor *x, uint32_t mask,
                             bool keepdim, tg_dtype out_dtype, double scale,
                             const tg_tensor *center);

/* Ends a forward that is made of other operations, in the scope that it opened first: y, or NULL
 * after a failure, becomes the op's output. */
bool tg__settle(const tg__call *c, tg_scope s, tg_tensor *y);

/* ---- Along one dim ---- */

typedef struct {
    int64_t dim;
    bool keepdim;
} tg__arg_attr;
/* x as [outer, n, inner] around a dim; a 0-d x is [1, 1, 1]. */
typedef struct {
    int64_t outer, n, inner;
} tg__lines;
tg__lines tg__lines_along(const tg_tensor *x, int dim);
/* The dim of the attributes (which begin with tg__arg_attr) of an op that chooses along it; -1 with
 * an error, also if there is nothing to choose from. */
int tg__arg_dim(const tg__call *c);
/* Values and positions to fill, without dim, or with size `size` there (keepdim: 1). */
bool tg__new_picks(const tg__call *c, int dim, bool kept, int64_t size);

/* ---- For rules ---- */

uint32_t tg__mask_of_meta(const tg__meta *m, const tg__dims *dims);
int64_t tg__count_of_meta(const tg__meta *m, uint32_t mask);
/* g (of the reduced shape) with the reduced dims as size 1. */
tg_tensor *tg__kept(tg_tensor *g, const tg__meta *m, const tg__dims *dims, bool keepdim);
/* g repeated over the reduced dims of the input: stride 0. */
tg_tensor *tg__spread(tg_tensor *g, const tg__meta *m, const tg__dims *dims, bool keepdim);
/* The gradient of values taken along dim at positions `at`: g, added up there. */
tg_tensor *tg__put_back(const tg__meta *m, int64_t dim, tg_tensor *at, tg_tensor *g);
/* Rules of ops whose output 0 is taken from x at the positions that are output 1; they save output
 * 1 and the meta of x. Attributes begin with tg__arg_attr: one value along dim. */
void tg__pick_rule(tg__rule *r);
#define TG__PICKS .n_out = 2, .saves = {TG__SAVE_OUT(1, 1), TG__SAVE_META(0, 1)}

#endif
