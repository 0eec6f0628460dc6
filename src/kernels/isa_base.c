/* isa_base.c - the kernels for any processor of the architecture, and those all tables share. */
#define TG_ISA_NAME base
#define TG_ONCE 1
#include "kernels/isa.inc"
