/* samples.h - calls of every operation, made from the sample lines in the op blocks.
 *
 * A line is inputs, then optionally " | " and attributes: "[2,3] i[4]<3 none | dim=0 keepdim=1".
 *   [2,3]      numbers in (-2, 2)    +[2,3]  numbers in (0.5, 1.5)
 *   >[2,3]     numbers in (1.2, 3)   %[2,3]  numbers in (0.05, 0.95)
 *   b[2,3]     a bool mask           i[4]<3  i64 indices in [0, 3)
 *   s[3,3]     symmetric matrices with distinct eigenvalues
 *   p[3,3]     symmetric positive definite matrices
 *   w[3,3]     well-conditioned matrices of any sizes
 *   none       TG_NONE               @c      after a shape: this input must be contiguous
 * Attribute values follow the attribute's type: 2, 0.5, f64, lists 0,2 (also of sizes and other
 * integers), a text without blanks, or index items 1 | 0:4:2 | : | ... | none | t (the next
 * tensor of the list), separated by commas.
 *
 * TG_TEST_OPS=softmax,conv* in the environment keeps the loops to some ops, while working on them.
 */
#ifndef TEST_SAMPLES_H
#define TEST_SAMPLES_H

#include <tensorgrad/tensorgrad.h>

#define SAMPLE_INPUTS 16
#define SAMPLE_ATTRS 16
#define SAMPLE_LIST 16
#define SAMPLE_OUTPUTS 4

typedef struct {
    char kind; /* 'x' any, 'n' none, else as written */
    int ndim;
    int64_t shape[TG_MAX_DIMS];
    int64_t bound;
    bool contiguous_only;
} sample_input;

typedef struct {
    const char *op;
    const char *text;
    int number; /* of the op */
    tg_op_info info;
    sample_input in[SAMPLE_INPUTS];
    int n_in;
    tg_attr attr[SAMPLE_ATTRS];
    int n_attr;
    int64_t ints[SAMPLE_ATTRS][SAMPLE_LIST];
    tg_index_item items[SAMPLE_ATTRS][SAMPLE_LIST];
    char names[SAMPLE_ATTRS][32];
    char texts[SAMPLE_ATTRS][64];
} sample;

typedef enum {
    LAYOUT_CONTIGUOUS,
    LAYOUT_TRANSPOSED, /* dims stored in reverse order */
    LAYOUT_SLICED,     /* every second element of the last dim, behind an offset */
    LAYOUT_EXPANDED,   /* the first dim has stride 0 */
    LAYOUTS
} layout;
const char *layout_name(layout l);

/* How many sample lines there are over all ops, and the i-th one, parsed. Fails the test on a line
 * that cannot be parsed. */
int sample_count(void);
void sample_get(int i, sample *out);

/* The leaf behind input `i`: with `shape_of` it has the shape that the layout stores. Values depend
 * on seed and position only. The caller owns it. */
tg_tensor *sample_leaf(const sample *s, int i, layout l, tg_dtype float_dtype, uint64_t seed);
/* The input as the op sees it: a view of the leaf in its layout, through recorded ops. */
tg_tensor *sample_view(const sample *s, int i, layout l, tg_tensor *leaf);
/* True if the input is of float kind (can have a gradient). */
bool sample_is_float(const sample *s, int i);
/* A call of an op by name without inputs and attributes; false if there is no such op. `op` must
 * stay. */
bool sample_of(sample *s, const char *op);
/* Adds an attribute, written "name=value". */
void sample_attr(sample *s, char *word);
/* The values that the op sees, as a contiguous leaf. The caller owns it. */
tg_tensor *sample_plain(const sample *s, int i, tg_dtype float_dtype, uint64_t seed);
/* After a sample was copied: its attributes' lists are its own. */
void sample_repoint(sample *s);
/* False if only some ops are looked at, so that the loops cannot count on how many there are. */
bool sample_all(void);
/* Calls the op on inputs; out has room for SAMPLE_OUTPUTS tensors. */
tg_status sample_call(const sample *s, tg_tensor *const *in, tg_tensor **out);

#endif
