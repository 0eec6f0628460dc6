/* dynamic_graph.c - the graph is what the program did: loops, branches and recursion need nothing
 * special.
 *
 * First a square root by Newton's iteration: how often the loop runs, and which branch is taken,
 * depends on the data. Then a sum over a tree that recursion walks, its shape given by the data as
 * well. The gradients are compared with closed forms; the program fails if one is wrong. */
#include <tensorgrad/tensorgrad.h>

#include <math.h>
#include <stdio.h>

static int mistakes;

static const char *verdict(double got, double expected) {
    bool ok = fabs(got - expected) <= 1e-12 * fabs(expected);
    mistakes += !ok;
    return ok ? "ok" : "WRONG";
}

static int report_error(void) {
    fprintf(stderr, "%s\n", tg_error_message());
    return 1;
}

/* ---- A loop and a branch --------------------------------------------------------------------- */

/* sign(a)·√|a|. One turn more than the value needs, since the gradient is a turn behind. */
static tg_tensor *signed_root(tg_tensor *a, int *turns) {
    bool negative = tg_item(a) < 0;
    tg_tensor *size = negative ? tg_neg(a) : a;
    tg_tensor *root = size;
    *turns = 0;
    for (bool done = false; !done && *turns < 100; ++*turns) {
        double r = tg_item(root), s = tg_item(size);
        done = fabs(r * r - s) <= 1e-15 * s;
        root = tg_mul_scalar(tg_add(root, tg_div(size, root)), 0.5);
    }
    return negative ? tg_neg(root) : root;
}

static int roots(void) {
    const double numbers[] = {2, -9, 1e6, 0.25};
    printf("       a  turns        root    gradient  1/(2 sqrt|a|)\n");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int turns;
        tg_scope s = tg_scope_open();
        tg_tensor *a = tg_requires_grad_(tg_scalar(TG_F64, numbers[i]), true);
        tg_tensor *root = signed_root(a, &turns);
        tg_backward(root);
        double value = tg_item(root), gradient = tg_item(tg_grad(a));
        if (tg_scope_close(s) != TG_OK)
            return report_error();
        double expected = 1 / (2 * sqrt(fabs(numbers[i])));
        printf("%8g  %5d  %10.6f  %10.6f  %13.6f  %s\n", numbers[i], turns, value, gradient,
               expected, verdict(gradient, expected));
    }
    return 0;
}

/* ---- A recursive tree ------------------------------------------------------------------------ */

enum { LEAVES = 8 };
static const double leaf[LEAVES] = {3, 1, 4, 1, 5, 9, 2, 6};

/* The first leaf says where the branch is cut. */
static int cut(int first, int end) { return first + 1 + (int)leaf[first] % (end - first - 1); }

/* x of a leaf, w·(left + right) of a branch: each leaf counts w^depth. */
static tg_tensor *tree_sum(tg_tensor *x, tg_tensor *w, int first, int end) {
    if (end - first == 1)
        return tg_select(x, 0, first);
    int middle = cut(first, end);
    return tg_mul(w, tg_add(tree_sum(x, w, first, middle), tree_sum(x, w, middle, end)));
}

static void leaf_depths(int first, int end, int depth, int *depths) {
    if (end - first == 1) {
        depths[first] = depth;
        return;
    }
    leaf_depths(first, cut(first, end), depth + 1, depths);
    leaf_depths(cut(first, end), end, depth + 1, depths);
}

static int tree(void) {
    const double weight = 0.5;
    double dx[LEAVES], dw;
    tg_scope s = tg_scope_open();
    tg_tensor *x = tg_requires_grad_(tg_from_array(TG_F64, TG_SHAPE(LEAVES), leaf), true);
    tg_tensor *w = tg_requires_grad_(tg_scalar(TG_F64, weight), true);
    tg_backward(tree_sum(x, w, 0, LEAVES));
    tg_status copied = tg_copy_to(tg_grad(x), dx, sizeof dx);
    dw = tg_item(tg_grad(w));
    if (tg_scope_close(s) != TG_OK || copied != TG_OK)
        return report_error();

    int depths[LEAVES];
    double expected_dw = 0;
    leaf_depths(0, LEAVES, 0, depths);
    printf("leaf  depth  gradient  w^depth\n");
    for (int i = 0; i < LEAVES; i++) {
        double expected = pow(weight, depths[i]);
        expected_dw += depths[i] * pow(weight, depths[i] - 1) * leaf[i];
        printf("%4g  %5d  %8.5f  %7.5f  %s\n", leaf[i], depths[i], dx[i], expected,
               verdict(dx[i], expected));
    }
    printf("d/dw = %.5f, expected %.5f  %s\n", dw, expected_dw, verdict(dw, expected_dw));
    return 0;
}

int main(void) {
    int failed = roots();
    if (failed == 0)
        failed = tree();
    return failed != 0 || mistakes != 0;
}

/* expected output of: dynamic_graph
       a  turns        root    gradient  1/(2 sqrt|a|)
       2      6    1.414214    0.353553       0.353553  ok
      -9      7   -3.000000    0.166667       0.166667  ok
   1e+06     16  1000.000000    0.000500       0.000500  ok
    0.25      7    0.500000    1.000000       1.000000  ok
leaf  depth  gradient  w^depth
   3      2   0.25000  0.25000  ok
   1      4   0.06250  0.06250  ok
   4      4   0.06250  0.06250  ok
   1      3   0.12500  0.12500  ok
   5      4   0.06250  0.06250  ok
   9      4   0.06250  0.06250  ok
   2      3   0.12500  0.12500  ok
   6      2   0.25000  0.25000  ok
d/dw = 20.75000, expected 20.75000  ok
*/
