/* macros_use.c - every public macro in use, in C that is C++ as well.
 *
 * Compiled as C11 and as C++17, without and with TENSORGRAD_SITES, and run by
 * tests/project/macros.sh, which also holds this file against the macros that the headers define.
 */
#include <tensorgrad/tensorgrad.h>

#include <stdio.h>
#include <string.h>

static int failures;

#define CHECK(holds)                                                                               \
    do {                                                                                           \
        if (!(holds)) {                                                                            \
            printf("line %d: %s does not hold (last error: %s)\n", __LINE__, #holds,               \
                   tg_error_message());                                                            \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

/* The attributes, on functions of the program's own. */
#ifdef __cplusplus
extern "C" {
#endif
TG_API TG_NODISCARD int program_version(void);
#ifdef __cplusplus
}
#endif
int program_version(void) {
    return TG_VERSION_MAJOR * 10000 + TG_VERSION_MINOR * 100 + TG_VERSION_PATCH;
}

static void version(void) {
    char text[64];
    snprintf(text, sizeof text, "%d.%d.%d", TG_VERSION_MAJOR, TG_VERSION_MINOR, TG_VERSION_PATCH);
    CHECK(strcmp(text, tg_version()) == 0);
    CHECK(program_version() >= 0);
}

static bool has_shape(const tg_tensor *x, int ndim, const int64_t *shape) {
    if (tg_ndim(x) != ndim)
        return false;
    for (int i = 0; i < ndim; i++)
        if (tg_shape(x)[i] != shape[i])
            return false;
    return true;
}

static void shapes_and_dims(void) {
    tg_scope s = tg_scope_open();
    tg_tensor *x = tg_ones(TG_F64, TG_SHAPE(2, 3, 4));
    CHECK(has_shape(x, TG_SHAPE(2, 3, 4)));
    CHECK(has_shape(tg_zeros(TG_F32, TG_0D), TG_0D));
    CHECK(has_shape(tg_sum(x, TG_DIMS(0, 2), false), TG_SHAPE(3)));
    CHECK(tg_item(tg_sum(x, TG_ALL, false)) == 24.0);
    CHECK(TG_MAX_DIMS == 8);
    CHECK(tg_ones(TG_F64, TG_SHAPE(1, 1, 1, 1, 1, 1, 1, 1)) != NULL);
    int64_t n = 5; /* not only constants */
    CHECK(has_shape(tg_zeros(TG_F32, TG_SHAPE(n, n + 1)), TG_SHAPE(5, 6)));
    CHECK(tg_scope_close(s) == TG_OK);
}

static void absent(void) {
    CHECK(tg_is_none(TG_NONE));
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(1));
    CHECK(!tg_is_none(x));
    tg_release(x);
}

static void indexing(void) {
    tg_scope s = tg_scope_open();
    tg_tensor *x = tg_reshape(tg_arange(TG_F64, 0, 24, 1), TG_SHAPE(2, 3, 4));
    const tg_index_item one[] = {TG_AT(1), TG_RANGE(0, 3, 2), TG_EVERYTHING};
    CHECK(has_shape(tg_index(x, 3, one), TG_SHAPE(2, 4)));
    const tg_index_item two[] = {TG_ELLIPSIS, TG_NEWAXIS, TG_AT(-1)};
    tg_tensor *y = tg_index(x, 3, two);
    CHECK(has_shape(y, TG_SHAPE(2, 3, 1)));
    const tg_index_item first[] = {TG_AT(0), TG_AT(0), TG_AT(0)};
    CHECK(tg_item(tg_index(y, 3, first)) == 3.0);
    CHECK(has_shape(tg_slice(x, 2, 1, TG_SLICE_END, 1), TG_SHAPE(2, 3, 3)));
    const tg_index_item picked[] = {TG_PICK(tg_arange(TG_I64, 0, 2, 1)), TG_AT(1)};
    CHECK(has_shape(tg_index(x, 2, picked), TG_SHAPE(2, 4)));
    CHECK(tg_item_i64(tg_argmax(x, TG_FLAT, false)) == 23);
    CHECK(tg_scope_close(s) == TG_OK);
}

static void windows(void) {
    tg_tensor *x = tg_ones(TG_F64, TG_SHAPE(1, 1, 4, 4));
    tg_tensor *at = NULL;
    tg_conv_options conv = TG_CONV_OPTIONS_INIT;
    conv.auto_pad = TG_PADDING_SAME;
    CHECK(has_shape(tg_conv2d(x, x, TG_NONE, &conv), TG_SHAPE(1, 1, 4, 4)));
    tg_pool_options pool = TG_POOL_OPTIONS_INIT;
    tg_tensor *y = tg_max_pool2d(x, TG_SHAPE(2), &pool, &at);
    CHECK(has_shape(y, TG_SHAPE(1, 1, 2, 2)));
    tg_unpool_options unpool = TG_UNPOOL_OPTIONS_INIT;
    CHECK(has_shape(tg_max_unpool2d(y, at, TG_SHAPE(2), &unpool), TG_SHAPE(1, 1, 4, 4)));
    tg_fractional_pool_options fractional = TG_FRACTIONAL_POOL_OPTIONS_INIT;
    for (int d = 0; d < 2; d++)
        fractional.kernel_size[d] = fractional.output_size[d] = 2;
    tg_tensor *u = tg_zeros(TG_F64, TG_SHAPE(1, 1, 2));
    CHECK(tg_fractional_max_pool2d(x, u, &fractional, NULL) != NULL);
    tg_local_response_norm_options lrn = TG_LOCAL_RESPONSE_NORM_OPTIONS_INIT;
    CHECK(tg_local_response_norm(x, 3, &lrn) != NULL);
    tg_fold_options fold = TG_FOLD_OPTIONS_INIT;
    CHECK(has_shape(tg_unfold2d(x, TG_SHAPE(2), &fold), TG_SHAPE(1, 4, 9)));
    tg_interpolate_options to = TG_INTERPOLATE_OPTIONS_INIT;
    to.scale_factor[0] = 2;
    CHECK(has_shape(tg_interpolate(x, &to), TG_SHAPE(1, 1, 8, 8)));
    tg_grid_sample_options sample = TG_GRID_SAMPLE_OPTIONS_INIT;
    CHECK(tg_grid_sample(x, tg_zeros(TG_F64, TG_SHAPE(1, 1, 1, 2)), &sample) != NULL);
}

static void layers(void) {
    tg_tensor *x = tg_ones(TG_F64, TG_SHAPE(3, 2, 2));
    tg_tensor *w = tg_ones(TG_F64, TG_SHAPE(2, 2));
    tg_tensor *both[2] = {w, w};
    tg_batch_norm_options bn = TG_BATCH_NORM_OPTIONS_INIT;
    bn.training = true;
    CHECK(tg_batch_norm(x, &bn) != NULL);
    tg_embedding_bag_options bag = TG_EMBEDDING_BAG_OPTIONS_INIT;
    CHECK(tg_embedding_bag(w, tg_zeros(TG_I64, TG_SHAPE(1, 2)), &bag) != NULL);
    CHECK(tg_embedding(w, tg_zeros(TG_I64, TG_SHAPE(1)), TG_NO_PADDING, false) != NULL);
    tg_attention_options at = TG_ATTENTION_OPTIONS_INIT;
    CHECK(tg_scaled_dot_product_attention(x, x, x, &at) != NULL);
    tg_mha_options mha = TG_MHA_OPTIONS_INIT;
    mha.in_proj_weight = tg_ones(TG_F64, TG_SHAPE(6, 2));
    mha.out_proj_weight = w;
    CHECK(tg_multi_head_attention(x, x, x, &mha, NULL) != NULL);
    tg_recurrent_options rnn = TG_RECURRENT_OPTIONS_INIT;
    rnn.no_biases = true;
    CHECK(tg_rnn(x, both, 2, &rnn, NULL) != NULL);
}

static tg_tensor *double_it(void *ctx, tg_tensor *grad) {
    (void)ctx;
    return tg_mul_scalar(grad, 2);
}

static void hooks(tg_tensor *w) {
    tg_hook hook = TG_HOOK_INIT(double_it, NULL);
    uint64_t handle = tg_hook_add(w, &hook);
    CHECK(handle != 0 && tg_hook_remove(handle) == TG_OK);
}

static void optimizers(tg_tensor *w) {
    tg_sgd_options sgd = TG_SGD_OPTIONS_INIT;
    sgd.lr = 0.5;
    tg_optimizer *a = tg_sgd_new(&w, 1, &sgd);
    CHECK(a != NULL && tg_optimizer_lr(a) == 0.5);
    tg_optimizer_free(a);
    tg_adam_options adam = TG_ADAM_OPTIONS_INIT;
    tg_optimizer *b = tg_adam_new(&w, 1, &adam);
    CHECK(b != NULL && tg_optimizer_lr(b) == 1e-3);
    tg_optimizer_free(b);
    CHECK((TG_CALLBACK_OWNS & 1u) != 0);
}

static tg_status twice(void *ctx, tg_call *call, tg_tensor *const *in, int n_in, tg_tensor **out,
                       int n_out) {
    (void)ctx;
    CHECK(n_in == 1 && n_out == 1 && n_out <= TG_FUNCTION_MAX_OUTPUTS);
    CHECK(!tg_call_needs_grad(call, 0));
    out[0] = tg_mul_scalar(in[0], 2);
    return TG_OK;
}

static void own_functions(tg_tensor *w) {
    tg_function_class methods;
    memset(&methods, 0, sizeof methods);
    methods.size = sizeof methods;
    methods.name = "twice";
    methods.forward = twice;
    methods.flags = TG_FUNCTION_ONCE;
    CHECK(tg_function_new(&methods, NULL) == NULL); /* no backward */
    tg_error_clear();
    methods.flags = TG_FUNCTION_NOT_DIFFERENTIABLE;
    tg_function *f = tg_function_new(&methods, NULL);
    tg_tensor *y = NULL;
    CHECK(tg_function_call(f, &w, 1, &y, 1) == TG_OK && y != NULL);
    tg_function_free(f);
    tg_op_class op;
    memset(&op, 0, sizeof op);
    op.size = sizeof op;
    op.n_inputs = op.n_outputs = 1;
    op.function = &methods;
    op.n_fields = TG_OP_MAX_FIELDS + 1;
    CHECK(tg_op_register(&op) == -1);
    op.n_fields = 0;
    op.attr_size = TG_OP_MAX_ATTR_BYTES + 1;
    CHECK(tg_op_register(&op) == -1);
    op.attr_size = 0;
    tg_error_clear();
    int before = tg_op_count(), number = tg_op_register(&op);
    CHECK(number == before && TG_OP_MAX_REGISTERED > 1);
}

static void losses(tg_tensor *x, tg_tensor *classes) { /* x [2, 3] of zeros */
    tg_poisson_nll_loss_options poisson = TG_POISSON_NLL_LOSS_OPTIONS_INIT;
    CHECK(tg_item(tg_poisson_nll_loss(x, x, &poisson)) == 1);
    tg_gaussian_nll_loss_options gaussian = TG_GAUSSIAN_NLL_LOSS_OPTIONS_INIT;
    gaussian.eps = 1;
    CHECK(tg_item(tg_gaussian_nll_loss(x, x, x, &gaussian)) == 0);
    tg_multi_margin_loss_options multi = TG_MULTI_MARGIN_LOSS_OPTIONS_INIT;
    multi.reduction = TG_REDUCE_SUM;
    CHECK(tg_item(tg_multi_margin_loss(x, classes, &multi)) > 1.33);
    tg_triplet_margin_loss_options triplet = TG_TRIPLET_MARGIN_LOSS_OPTIONS_INIT;
    CHECK(tg_item(tg_triplet_margin_loss(x, x, x, &triplet)) == 1);
    tg_ctc_loss_options ctc = TG_CTC_LOSS_OPTIONS_INIT;
    ctc.blank = 2;
    tg_tensor *label = tg_zeros(TG_I64, TG_SHAPE(1));
    CHECK(tg_item(tg_ctc_loss(x, label, TG_NONE, TG_NONE, &ctc)) < 0); /* three paths */
}

static void gradients(void) {
    tg_scope s = tg_scope_open();
    tg_tensor *w = tg_requires_grad_(tg_zeros(TG_F64, TG_SHAPE(2, 3)), true);
    tg_tensor *target = tg_zeros(TG_I64, TG_SHAPE(2));
    tg_cross_entropy_options ce = TG_CROSS_ENTROPY_OPTIONS_INIT;
    ce.reduction = TG_REDUCE_SUM;
    tg_tensor *loss = tg_cross_entropy(w, target, &ce);
    tg_gradients_options of = TG_GRADIENTS_OPTIONS_INIT;
    of.retain_graph = true;
    tg_tensor *g = NULL;
    CHECK(tg_gradients(&loss, 1, &w, 1, &of, &g) == TG_OK && g != NULL);
    tg_backward_options with = TG_BACKWARD_OPTIONS_INIT;
    CHECK(tg_backward_ex(&loss, 1, &with) == TG_OK);
    CHECK(tg_grad(w) != NULL);
    losses(w, target);
    windows();
    layers();
    optimizers(w);
    hooks(w);
    own_functions(w);
    CHECK(tg_scope_close(s) == TG_OK);
}

static tg_status squares(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx;
    CHECK(n_in == 1 && n_out == 1);
    out[0] = tg_sum(tg_square(in[0]), TG_ALL, false);
    return TG_OK;
}

static void functions(void) {
    tg_scope s = tg_scope_open();
    tg_tensor *x = tg_requires_grad_(tg_ones(TG_F64, TG_SHAPE(2)), true);
    tg_tensor *y = NULL;
    tg_functional_options o = TG_FUNCTIONAL_OPTIONS_INIT;
    o.create_graph = true;
    CHECK(tg_hessian(squares, NULL, &x, 1, &o, &y) == TG_OK && has_shape(y, TG_SHAPE(2, 2)));
    tg_checkpoint_options again = TG_CHECKPOINT_OPTIONS_INIT;
    again.preserve_rng = false;
    CHECK(tg_checkpoint(squares, NULL, &x, 1, &y, 1, &again) == TG_OK && tg_item(y) == 2);
    CHECK(TG_CHECKPOINT_MAX_OUTPUTS >= 1);
    tg_gradcheck_options check = TG_GRADCHECK_OPTIONS_INIT;
    tg_gradcheck_result result = TG_GRADCHECK_RESULT_INIT;
    check.fast = true;
    CHECK(tg_gradcheck(squares, NULL, &x, 1, 1, &check, &result) == TG_OK && result.passed);
    CHECK(tg_scope_close(s) == TG_OK);
}

static void the_rest(void) {
    tg_memory_stats_t memory = TG_MEMORY_STATS_INIT;
    CHECK(tg_memory_stats(&memory) == TG_OK && memory.requests > 0);
    tg_csv_options csv = TG_CSV_OPTIONS_INIT;
    CHECK(tg_read_csv("no such file", TG_F64, &csv) == NULL && tg_error_status() == TG_ERR_IO);
    tg_error_clear();
    FILE *sink = fopen("/dev/null", "w");
    tg_progress_options bar = TG_PROGRESS_OPTIONS_INIT;
    bar.file = sink;
    tg_progress *progress = tg_progress_new("macros", 1, &bar);
    CHECK(progress != NULL);
    tg_progress_free(progress);
    if (sink != NULL)
        fclose(sink);
}

static void inspection(void) {
    tg_profile_options o = TG_PROFILE_OPTIONS_INIT;
    o.totals_only = true;
    tg_profile *profile = tg_profile_begin(&o);
    CHECK(profile != NULL);
    CHECK(tg_profile_free(profile) == TG_OK);
    CHECK(TG_GRAPH_MOST_DRAWN >= 1000);
}

/* With TENSORGRAD_SITES calls that make tensors are macros, one inside the other, and names without
 * parentheses still are functions. */
static void sites(void) {
    tg_tensor *(*make)(tg_dtype, int, const int64_t *) = tg_ones;
    tg_tensor *one = make(TG_F64, TG_SHAPE(2, 1));
    tg_scope s = tg_scope_open();
    CHECK(tg_item(tg_sum(tg_add(tg_add(one, one), tg_add(one, tg_zeros(TG_F64, TG_SHAPE(2, 1)))),
                         TG_ALL, false)) == 6.0);
    CHECK(tg_add(NULL, one) == NULL);
    CHECK(tg_scope_close(s) == TG_ERR_ARG);
    tg_error_clear();
    tg_release(one);
#ifdef TENSORGRAD_SITES
    CHECK(tg_is_none(TENSORGRAD_SITED(TG_NONE)));
#endif
}

int main(void) {
    version();
    shapes_and_dims();
    absent();
    indexing();
    gradients();
    functions();
    the_rest();
    inspection();
    sites();
    CHECK(tg_live_tensors() == 0);
    if (failures == 0)
        printf("every macro works\n");
    return failures != 0;
}
