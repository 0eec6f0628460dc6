/* bitwise.c - operations on the bits and the divisors of integers. They have no gradient. */
#include "ops/elementwise.h"

#define INTEGERS                                                                                   \
    .inputs = "a b", .n_in = 2, .flags = TG__NOT_DIFF | TG__BROADCASTS | TG__IN_PLACE,             \
    .forward = tg__binary_forward

/* ---- bitwise_and, bitwise_or, bitwise_xor, bitwise_not ---- */
TG_OP(bitwise_and, .maths = "a & b", INTEGERS, .kernel = TG__BIN_bitwise_and,
      .onnx = {"BitwiseAnd", 18});
TG_SAMPLES(bitwise_and, "i[2,3]<64 i[3]<64", "b[2,3] b[2,3]", "i[]<9 i[2]<9");
tg_tensor *tg_bitwise_and(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_bitwise_and, a, b, NULL);
}
tg_tensor *tg_bitwise_and_(tg_tensor *a, tg_tensor *b) {
    return tg__apply2_(&tg__op_bitwise_and, a, b, NULL);
}

TG_OP(bitwise_or, .maths = "a | b", INTEGERS, .kernel = TG__BIN_bitwise_or,
      .onnx = {"BitwiseOr", 18});
TG_SAMPLES(bitwise_or, "i[2,3]<64 i[3]<64", "b[2,3] b[2,3]");
tg_tensor *tg_bitwise_or(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_bitwise_or, a, b, NULL);
}
tg_tensor *tg_bitwise_or_(tg_tensor *a, tg_tensor *b) {
    return tg__apply2_(&tg__op_bitwise_or, a, b, NULL);
}

TG_OP(bitwise_xor, .maths = "a ^ b", INTEGERS, .kernel = TG__BIN_bitwise_xor,
      .onnx = {"BitwiseXor", 18});
TG_SAMPLES(bitwise_xor, "i[2,3]<64 i[3]<64", "b[2,3] b[2,3]");
tg_tensor *tg_bitwise_xor(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_bitwise_xor, a, b, NULL);
}
tg_tensor *tg_bitwise_xor_(tg_tensor *a, tg_tensor *b) {
    return tg__apply2_(&tg__op_bitwise_xor, a, b, NULL);
}

TG_OP(bitwise_not, .maths = "~x", .inputs = "x", .n_in = 1, .flags = TG__NOT_DIFF | TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_bitwise_not, .onnx = {"BitwiseNot", 18});
TG_SAMPLES(bitwise_not, "i[2,3]<64", "b[2,3]", "i[]<9");
tg_tensor *tg_bitwise_not(tg_tensor *x) { return tg__apply1(&tg__op_bitwise_not, x, NULL); }
tg_tensor *tg_bitwise_not_(tg_tensor *x) { return tg__apply1_(&tg__op_bitwise_not, x, NULL); }

/* ---- bitwise_left_shift, bitwise_right_shift ---- */
TG_OP(bitwise_left_shift, .maths = "a << b", INTEGERS, .kernel = TG__BIN_bitwise_left_shift,
      .onnx = {"composed"});
TG_SAMPLES(bitwise_left_shift, "i[2,3]<64 i[3]<5", "i[]<9 i[2]<5");
tg_tensor *tg_bitwise_left_shift(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_bitwise_left_shift, a, b, NULL);
}
tg_tensor *tg_bitwise_left_shift_(tg_tensor *a, tg_tensor *b) {
    return tg__apply2_(&tg__op_bitwise_left_shift, a, b, NULL);
}

TG_OP(bitwise_right_shift, .maths = "a >> b", INTEGERS, .kernel = TG__BIN_bitwise_right_shift,
      .onnx = {"composed"});
TG_SAMPLES(bitwise_right_shift, "i[2,3]<64 i[3]<5", "i[]<9 i[2]<5");
tg_tensor *tg_bitwise_right_shift(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_bitwise_right_shift, a, b, NULL);
}
tg_tensor *tg_bitwise_right_shift_(tg_tensor *a, tg_tensor *b) {
    return tg__apply2_(&tg__op_bitwise_right_shift, a, b, NULL);
}

/* ---- gcd, lcm ---- */
TG_OP(gcd, .maths = "greatest common divisor", INTEGERS, .kernel = TG__BIN_gcd, .onnx = {"none"});
TG_SAMPLES(gcd, "i[2,3]<64 i[3]<64", "i[]<9 i[2]<9");
tg_tensor *tg_gcd(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_gcd, a, b, NULL); }
tg_tensor *tg_gcd_(tg_tensor *a, tg_tensor *b) { return tg__apply2_(&tg__op_gcd, a, b, NULL); }

TG_OP(lcm, .maths = "least common multiple", INTEGERS, .kernel = TG__BIN_lcm, .onnx = {"none"});
TG_SAMPLES(lcm, "i[2,3]<64 i[3]<64", "i[]<9 i[2]<9");
tg_tensor *tg_lcm(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_lcm, a, b, NULL); }
tg_tensor *tg_lcm_(tg_tensor *a, tg_tensor *b) { return tg__apply2_(&tg__op_lcm, a, b, NULL); }
