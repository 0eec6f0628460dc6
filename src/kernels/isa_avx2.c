/* isa_avx2.c - the kernels for x86-64 processors with AVX2 and FMA. */
#define TG_ISA_NAME avx2
#define TG_LEVEL 1
#include "kernels/isa.inc"
