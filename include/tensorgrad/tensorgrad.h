/* tensorgrad.h - everything: reverse-mode automatic differentiation of tensors in C.
 *
 * A tour in forty lines:
 *
 *     #include <tensorgrad/tensorgrad.h>
 *     #include <stdio.h>
 *
 *     int main(void) {
 *         // What is made inside a scope goes when the scope closes; tg_keep takes a tensor out.
 *         tg_scope setup = tg_scope_open();
 *         tg_tensor *x = tg_keep(tg_randn(TG_F32, TG_SHAPE(64, 3), NULL));
 *         tg_tensor *truth = tg_from_array(TG_F32, TG_SHAPE(3, 1), (float[]){1, -2, 3});
 *         tg_tensor *y = tg_keep(tg_matmul(x, truth));
 *         tg_tensor *w = tg_keep(tg_requires_grad_(tg_zeros(TG_F32, TG_SHAPE(3, 1)), true));
 *         tg_optimizer *opt = tg_sgd_new(&w, 1, &(tg_sgd_options){.size = sizeof(tg_sgd_options),
 *                                                                 .lr = 0.1});
 *         if (tg_scope_close(setup) != TG_OK) { // one check for everything above
 *             fprintf(stderr, "%s\n", tg_error_message());
 *             return 1;
 *         }
 *         for (int step = 0; step < 200; step++) {
 *             tg_scope s = tg_scope_open();
 *             tg_tensor *loss = tg_mse_loss(tg_matmul(x, w), y, TG_REDUCE_MEAN);
 *             tg_backward(loss);         // adds d loss / d w into tg_grad(w)
 *             tg_optimizer_step(opt);    // w -= lr * grad
 *             tg_optimizer_zero_grad(opt);
 *             if (tg_scope_close(s) != TG_OK) {
 *                 fprintf(stderr, "%s\n", tg_error_message());
 *                 return 1;
 *             }
 *         }
 *         tg_print(w, stdout); // close to [1, -2, 3]
 *         tg_optimizer_free(opt);
 *         tg_release(w);
 *         tg_release(y);
 *         tg_release(x);
 *         return tg_live_tensors() != 0; // nothing leaked
 *     }
 *
 * base.h errors, memory, threads; tensor.h creation and data; scope.h ownership; ops.h operations;
 * op.h operations by name; autograd.h gradients; hooks.h hooks, names, anomaly mode; custom.h
 * operations of your own; functional.h Jacobians and Hessians; checkpoint.h gradients in less
 * memory; gradcheck.h gradients against differences; trace.h a recording of operations; graph.h
 * drawings of what was recorded; profile.h its cost; random.h generators; optim.h optimizers;
 * data.h readers; train.h progress and curves. With TENSORGRAD_SITES defined before this file is
 * included, leak reports and anomaly mode name file and line (sites.h). */
#ifndef TENSORGRAD_TENSORGRAD_H
#define TENSORGRAD_TENSORGRAD_H

#include <tensorgrad/autograd.h>
#include <tensorgrad/base.h>
#include <tensorgrad/checkpoint.h>
#include <tensorgrad/custom.h>
#include <tensorgrad/data.h>
#include <tensorgrad/functional.h>
#include <tensorgrad/gradcheck.h>
#include <tensorgrad/graph.h>
#include <tensorgrad/hooks.h>
#include <tensorgrad/op.h>
#include <tensorgrad/ops.h>
#include <tensorgrad/optim.h>
#include <tensorgrad/profile.h>
#include <tensorgrad/random.h>
#include <tensorgrad/scope.h>
#include <tensorgrad/tensor.h>
#include <tensorgrad/trace.h>
#include <tensorgrad/train.h>

#ifdef TENSORGRAD_SITES
#include <tensorgrad/sites.h>
#endif

#endif
