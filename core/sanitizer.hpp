// CANOPY_ADDRESS_SANITIZER is defined where the address sanitizer is on, which GCC and clang say in different words.
#pragma once

#ifdef __SANITIZE_ADDRESS__
#define CANOPY_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CANOPY_ADDRESS_SANITIZER
#endif
#endif
