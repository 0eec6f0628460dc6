/* isa_avx512.c - the kernels for x86-64 processors with AVX-512 F, BW, DQ and VL. */
#define TG_ISA_NAME avx512
#define TG_LEVEL 2
#include "kernels/isa.inc"
