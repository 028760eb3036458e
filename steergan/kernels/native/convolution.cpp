#include "interface.h"
/* Stub while the kernels are being written. */
extern "C" int32_t steergan_interface_version(void) { return STEERGAN_INTERFACE_VERSION; }
extern "C" const char* steergan_instructions(void) { return "portable"; }
