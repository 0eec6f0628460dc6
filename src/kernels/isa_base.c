/* isa_base.c - the kernels for any processor of the architecture. */
#define TG_ISA_NAME base
#define TG_LEVEL 0
#include "kernels/isa.inc"
