/* ctc.h - connectionist temporal classification: the sum over all alignments. */
#ifndef TG_KERNELS_CTC_H
#define TG_KERNELS_CTC_H

#include "kernels/kernels.h"

/* A batch. Arrays are contiguous and checked: labels in [0, classes), none of them blank, lengths
 * within frames and most_labels. */
typedef struct {
    tg_dtype dtype;                 /* of logp, f32 or f64 */
    int64_t frames, batch, classes; /* logp [frames, batch, classes] */
    int64_t most_labels;            /* labels [batch, most_labels] */
    int64_t blank;
    const void *logp;
    const int64_t *labels;
    const int64_t *frame_count, *label_count; /* [batch] */
    bool zero_infinity;                       /* 0 and no gradient where no alignment fits */
} tg__ctc;

/* loss [batch] = -ln of the sum over alignments of the product of probabilities; +inf without an
 * alignment. False if memory is short (*bytes: how much was asked for). In parallel over samples.
 */
bool tg__ctc_loss(const tg__ctc *c, void *loss, uint64_t *bytes);
/* grad [frames, batch, classes] = -g[batch]·(probability, given the labels, that the frame is
 * aligned to the class); 0 beyond a sample's frames, NaN without an alignment. */
bool tg__ctc_grad(const tg__ctc *c, const void *g, void *grad, uint64_t *bytes);

#endif
